import CSQLite
import CheckpointPlan

/// A value as SQLite stores it.
enum SQLiteValue: Equatable {
    case null
    case integer(Int64)
    case text(String)
    case blob([UInt8])
}

/// One connection to a database file: the only place that calls SQLite's C interface.
///
/// Belongs to one actor at a time. Statements are prepared once and kept, one per text.
@safe final class SQLiteDatabase {
    private let handle: OpaquePointer
    private var statements: [String: SQLiteStatement] = [:]

    /// How long a call waits for another process' lock.
    private static let busyMilliseconds: Int32 = 5_000

    /// Opens the file, and creates it where there is none.
    init(path: String) throws(CheckpointError) {
        var opened: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
        // SAFETY: the path is a C string for the length of the call; `opened` receives a connection even on most failures.
        let code = unsafe sqlite3_open_v2(path, &opened, flags, nil)
        guard code == SQLITE_OK, let connection = unsafe opened else {
            let reason = unsafe opened.map { unsafe String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
            // SAFETY: nil or the connection of the failed call, which nobody else has.
            unsafe sqlite3_close_v2(opened)
            throw Self.failure(code, "cannot open \(path): \(reason)")
        }
        unsafe handle = connection
        // SAFETY: the connection was opened above.
        unsafe sqlite3_busy_timeout(handle, Self.busyMilliseconds)
    }

    deinit {
        statements = [:]
        // SAFETY: the connection is this object's own, its statements are finalised, and nothing uses it after this.
        unsafe sqlite3_close_v2(handle)
    }

    /// Runs one statement to its end.
    ///
    /// - Parameters:
    ///   - sql: a single statement; kept prepared.
    ///   - values: for its parameters, in order.
    ///   - row: called with each row's columns.
    /// - Throws: what SQLite reports, or what `row` throws: then the rest of the rows is not read.
    func run(
        _ sql: String, _ values: [SQLiteValue] = [],
        row: (borrowing SQLiteRow) throws(CheckpointError) -> Void = { _ in }
    ) throws(CheckpointError) {
        let statement = unsafe try prepared(sql).handle
        // SAFETY: the statement is open; a reset one is ready for the next use, and lets go of locks and of bound memory.
        defer {
            unsafe sqlite3_reset(statement)
            unsafe sqlite3_clear_bindings(statement)
        }
        for (index, value) in values.enumerated() { unsafe try bind(value, at: Int32(index + 1), of: statement) }
        while true {
            // SAFETY: as above.
            let code = unsafe sqlite3_step(statement)
            if code == SQLITE_DONE { return }
            guard code == SQLITE_ROW else { throw failure(code) }
            try row(unsafe SQLiteRow(statement: statement))
        }
    }

    /// Rows changed by the last INSERT, UPDATE or DELETE.
    var changes: Int {
        // SAFETY: the connection is open.
        Int(unsafe sqlite3_changes64(handle))
    }

    /// Runs `body` in one transaction that holds the write lock from its start: all or nothing.
    func transaction<T>(_ body: () throws(CheckpointError) -> T) throws(CheckpointError) -> T {
        try run("BEGIN IMMEDIATE")
        do throws(CheckpointError) {
            let result = try body()
            try run("COMMIT")
            return result
        } catch {
            // SAFETY: the connection is open. Some failures have ended the transaction already: then there is nothing to undo.
            if unsafe sqlite3_get_autocommit(handle) == 0 { try? run("ROLLBACK") }
            throw error
        }
    }

    private func prepared(_ sql: String) throws(CheckpointError) -> SQLiteStatement {
        if let statement = statements[sql] { return statement }
        var prepared: OpaquePointer?
        // SAFETY: the connection is open and the text is a C string for the length of the call.
        let code = unsafe sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil)
        guard code == SQLITE_OK, let handle = unsafe prepared else { throw failure(code) }
        let statement = unsafe SQLiteStatement(handle: handle)
        statements[sql] = statement
        return statement
    }

    private func bind(_ value: SQLiteValue, at index: Int32, of statement: OpaquePointer) throws(CheckpointError) {
        // SAFETY: SQLITE_TRANSIENT, which C writes as the pointer -1, makes SQLite copy what it is given before the call returns.
        let transient = unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        // SAFETY: the statement is open; texts and arrays are alive for the length of the calls.
        let code =
            switch value {
            case .null: unsafe sqlite3_bind_null(statement, index)
            case .integer(let integer): unsafe sqlite3_bind_int64(statement, index, integer)
            case .text(let text): unsafe sqlite3_bind_text(statement, index, text, -1, transient)
            case .blob(let bytes) where bytes.isEmpty: unsafe sqlite3_bind_zeroblob(statement, index, 0)
            case .blob(let bytes):
                unsafe bytes.withUnsafeBytes {
                    unsafe sqlite3_bind_blob64(statement, index, $0.baseAddress, UInt64($0.count), transient)
                }
            }
        guard code == SQLITE_OK else { throw failure(code) }
    }

    private func failure(_ code: Int32) -> CheckpointError {
        // SAFETY: the connection is open; the message is copied before the next call could replace it.
        Self.failure(code, unsafe String(cString: sqlite3_errmsg(handle)))
    }

    /// Sorts SQLite's result codes (sqlite.org/rescode.html) into what a caller can do about them.
    private static func failure(_ code: Int32, _ reason: String) -> CheckpointError {
        switch code & 0xFF {
        case SQLITE_BUSY, SQLITE_LOCKED, SQLITE_IOERR, SQLITE_NOMEM, SQLITE_INTERRUPT, SQLITE_PROTOCOL:
            .unavailable(reason: "\(reason) (SQLite \(code))")
        case SQLITE_NOTADB, SQLITE_CORRUPT: .corrupt(reason: "\(reason) (SQLite \(code))")
        default: .refused(reason: "\(reason) (SQLite \(code))")
        }
    }
}

/// A prepared statement; ends with the database that prepared it.
@safe private final class SQLiteStatement {
    let handle: OpaquePointer

    init(handle: OpaquePointer) {
        unsafe self.handle = handle
    }

    deinit {
        // SAFETY: only the database refers to this object, and it drops it before it closes the connection.
        unsafe sqlite3_finalize(handle)
    }
}

/// The current row of a running statement; not to be kept.
@safe struct SQLiteRow: ~Copyable {
    private let statement: OpaquePointer

    fileprivate init(statement: OpaquePointer) {
        unsafe self.statement = statement
    }

    /// The column as an integer; 0 for NULL.
    func integer(_ column: Int32) -> Int64 {
        // SAFETY: the statement stands on a row as long as this value exists: `run` makes one per step.
        unsafe sqlite3_column_int64(statement, column)
    }

    /// The column as text; empty for NULL.
    func text(_ column: Int32) -> String {
        // SAFETY: as above; the text is copied at once.
        unsafe sqlite3_column_text(statement, column).map { unsafe String(cString: $0) } ?? ""
    }

    /// The column as bytes; empty for NULL.
    func blob(_ column: Int32) -> [UInt8] {
        // SAFETY: as above; SQLite gives the address before the length, and both hold until the next call on the statement.
        guard let start = unsafe sqlite3_column_blob(statement, column) else { return [] }
        let count = Int(unsafe sqlite3_column_bytes(statement, column))
        return unsafe [UInt8](UnsafeRawBufferPointer(start: start, count: count))
    }

    /// Whether the column is NULL.
    func isNull(_ column: Int32) -> Bool {
        // SAFETY: as above.
        unsafe sqlite3_column_type(statement, column) == SQLITE_NULL
    }
}
