import CLibPQ
import CheckpointPlan

/// A parameter of a prepared statement.
enum PQParameter {
    /// As PostgreSQL writes the type; without zero bytes.
    case text(String)
    /// The type's binary form.
    case binary([UInt8])

    static func integer(_ value: Int64) -> PQParameter { .text(String(value)) }

    /// An array of integers, or of other values whose text has no quotes, commas or braces.
    static func array(_ values: some Sequence<some CustomStringConvertible>) -> PQParameter {
        .text("{" + values.map(\.description).joined(separator: ",") + "}")
    }
}

/// One session with a PostgreSQL server: the only place that calls libpq.
///
/// Every call blocks until the server has answered, or `statement_timeout` and TCP's own limits have ended the wait. Belongs to one actor at a
/// time. Statements are prepared once and kept, one per text.
@safe final class PQConnection {
    private let handle: OpaquePointer
    private var prepared: [String: String] = [:]

    /// Connects.
    ///
    /// - Parameters:
    ///   - settings: libpq's parameters, a later one before an earlier one; `dbname` may hold a URI, which is expanded in its place.
    ///   - name: of the server, for errors: a URI without its password.
    /// - Throws: `unavailable` or `refused`, naming the server.
    init(settings: [(name: String, value: String)], name: String) throws(CheckpointError) {
        // Names and values as C strings in one run of bytes, whose addresses hold for the length of the call.
        let (bytes, offsets) = Self.cStrings(settings.flatMap { [$0.name, $0.value] })
        // SAFETY: both lists end with nil; every address lies in `bytes` and is followed by a zero byte; libpq copies what it keeps.
        let opened = unsafe bytes.withUnsafeBytes { raw -> OpaquePointer? in
            let pointers = unsafe offsets.map {
                unsafe raw.baseAddress?.advanced(by: $0).assumingMemoryBound(to: CChar.self)
            }
            let names = unsafe stride(from: 0, to: pointers.count, by: 2).map { unsafe pointers[$0] } + [nil]
            let values = unsafe stride(from: 1, to: pointers.count, by: 2).map { unsafe pointers[$0] } + [nil]
            return unsafe PQconnectdbParams(names, values, 1)
        }
        guard let connection = unsafe opened else { throw .unavailable(reason: "out of memory") }
        // SAFETY: libpq returned this connection, good or bad, and nobody else has it.
        guard unsafe PQstatus(connection) == CONNECTION_OK else {
            let message = unsafe String(cString: PQerrorMessage(connection))
            unsafe PQfinish(connection)
            throw PQFailure.connecting(to: name, message: message)
        }
        unsafe handle = connection
        // SAFETY: the processor ignores its arguments. libpq would print notices to standard error.
        _ = unsafe PQsetNoticeProcessor(handle, { _, _ in }, nil)
    }

    deinit {
        // SAFETY: the connection is this object's own, and nothing uses it after this.
        unsafe PQfinish(handle)
    }

    /// Whether the session may still be used.
    var isAlive: Bool {
        // SAFETY: the connection exists as long as this object.
        unsafe PQstatus(handle) == CONNECTION_OK
    }

    /// Runs statements without parameters, separated by semicolons; their results are not wanted.
    func execute(_ sql: String) throws(CheckpointError) {
        // SAFETY: the connection exists; the text is a C string for the length of the call.
        _ = unsafe try checked(PQexec(handle, sql), expecting: [PGRES_COMMAND_OK, PGRES_TUPLES_OK])
    }

    /// Runs one statement, prepared at its first use.
    func query(_ sql: String, _ parameters: [PQParameter] = []) throws(CheckpointError) -> PQResult {
        let statement = try prepare(sql)
        let (bytes, offsets) = Self.bytes(of: parameters)
        let lengths = parameters.map { if case .binary(let bytes) = $0 { Int32(bytes.count) } else { 0 as Int32 } }
        let formats = parameters.map { if case .binary = $0 { 1 as Int32 } else { 0 as Int32 } }
        // SAFETY: all three lists have one entry per parameter; every address lies in `bytes`, texts end with a zero byte, and binary
        // ones are as long as said. The last argument asks for binary results.
        let result = unsafe bytes.withUnsafeBytes { raw -> OpaquePointer? in
            let values = unsafe offsets.map {
                unsafe raw.baseAddress?.advanced(by: $0).assumingMemoryBound(to: CChar.self)
            }
            return unsafe PQexecPrepared(handle, statement, Int32(parameters.count), values, lengths, formats, 1)
        }
        return unsafe try checked(result, expecting: [PGRES_COMMAND_OK, PGRES_TUPLES_OK])
    }

    /// Runs a `COPY … FROM STDIN` with the pieces that `body` sends.
    func copy(
        _ sql: String, _ body: (_ send: ([UInt8]) throws(CheckpointError) -> Void) throws(CheckpointError) -> Void
    )
        throws(CheckpointError)
    {
        // SAFETY: as in `execute`.
        _ = unsafe try checked(PQexec(handle, sql), expecting: [PGRES_COPY_IN])
        do throws(CheckpointError) {
            try body { bytes throws(CheckpointError) in
                // SAFETY: the connection is in COPY; libpq copies the bytes before it returns.
                let sent = unsafe bytes.withUnsafeBytes {
                    unsafe PQputCopyData(handle, $0.baseAddress?.assumingMemoryBound(to: CChar.self), Int32($0.count))
                }
                guard sent == 1 else { throw failure() }
            }
            // SAFETY: the connection is in COPY.
            guard unsafe PQputCopyEnd(handle, nil) == 1 else { throw failure() }
        } catch {
            // SAFETY: as above; the server then fails the COPY, and what it answers is read to the end.
            _ = unsafe PQputCopyEnd(handle, "given up")
            while let result = unsafe PQgetResult(handle) { unsafe PQclear(result) }
            throw error
        }
        // SAFETY: after the end of COPY there is one result, then nil.
        let result = unsafe PQgetResult(handle)
        defer { while let more = unsafe PQgetResult(handle) { unsafe PQclear(more) } }
        _ = unsafe try checked(result, expecting: [PGRES_COMMAND_OK])
    }

    /// Runs `body` in one transaction: all or nothing.
    func transaction<T>(_ body: () throws(CheckpointError) -> T) throws(CheckpointError) -> T {
        try execute("BEGIN")
        do throws(CheckpointError) {
            let result = try body()
            try execute("COMMIT")
            return result
        } catch {
            // A broken session has no transaction left; the server undoes it.
            if isAlive { try? execute("ROLLBACK") }
            throw error
        }
    }

    private func prepare(_ sql: String) throws(CheckpointError) -> String {
        if let name = prepared[sql] { return name }
        let name = "murmur_\(prepared.count)"
        // SAFETY: as in `execute`; the server infers the parameters' types.
        _ = unsafe try checked(PQprepare(handle, name, sql, 0, nil), expecting: [PGRES_COMMAND_OK])
        prepared[sql] = name
        return name
    }

    private func checked(_ raw: OpaquePointer?, expecting: [ExecStatusType]) throws(CheckpointError) -> PQResult {
        guard let raw = unsafe raw else { throw failure() }
        let result = unsafe PQResult(handle: raw)
        // SAFETY: the result was just returned.
        guard expecting.contains(unsafe PQresultStatus(raw)) else {
            let state =
                unsafe PQresultErrorField(raw, Int32(UInt8(ascii: "C"))).map { unsafe String(cString: $0) } ?? ""
            throw PQFailure.running(state: state, message: unsafe String(cString: PQresultErrorMessage(raw)))
        }
        return result
    }

    private func failure() -> CheckpointError {
        // SAFETY: the connection exists; the message is copied.
        PQFailure.running(state: "", message: unsafe String(cString: PQerrorMessage(handle)))
    }

    private static func cStrings(_ texts: [String]) -> (bytes: [UInt8], offsets: [Int]) {
        bytes(of: texts.map { .text($0) })
    }

    /// All parameters behind each other, each followed by a zero byte, and where each begins.
    private static func bytes(of parameters: [PQParameter]) -> (bytes: [UInt8], offsets: [Int]) {
        var bytes: [UInt8] = []
        var offsets: [Int] = []
        for parameter in parameters {
            offsets.append(bytes.count)
            switch parameter {
            case .text(let text): bytes.append(contentsOf: text.utf8)
            case .binary(let binary): bytes.append(contentsOf: binary)
            }
            bytes.append(0)
        }
        return (bytes, offsets)
    }
}

/// The rows of a query, in PostgreSQL's binary form.
@safe final class PQResult {
    private let handle: OpaquePointer

    fileprivate init(handle: OpaquePointer) {
        unsafe self.handle = handle
    }

    deinit {
        // SAFETY: the result is this object's own.
        unsafe PQclear(handle)
    }

    /// Number of rows.
    var count: Int {
        // SAFETY: the result exists as long as this object.
        Int(unsafe PQntuples(handle))
    }

    /// A column of a row as its bytes; nil for NULL.
    func bytes(_ row: Int, _ column: Int32) -> [UInt8]? {
        precondition(row >= 0 && row < count, "row \(row) of \(count)")
        // SAFETY: the row exists; libpq answers a column that does not with NULL; the value is as long as it says.
        guard unsafe PQgetisnull(handle, Int32(row), column) == 0,
            let start = unsafe PQgetvalue(handle, Int32(row), column)
        else { return nil }
        let length = Int(unsafe PQgetlength(handle, Int32(row), column))
        return unsafe [UInt8](UnsafeRawBufferPointer(start: start, count: length))
    }

    /// A column of 2, 4 or 8 bytes as an integer; nil for NULL.
    func integer(_ row: Int, _ column: Int32) -> Int64? {
        guard let bytes = bytes(row, column), let first = bytes.first else { return nil }
        return bytes.dropFirst().reduce(Int64(Int8(bitPattern: first))) { $0 << 8 | Int64($1) }
    }

    /// A column of text; nil for NULL.
    func text(_ row: Int, _ column: Int32) -> String? { bytes(row, column).map { String(decoding: $0, as: UTF8.self) } }
}
