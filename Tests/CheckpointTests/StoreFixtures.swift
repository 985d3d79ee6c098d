import ByteCoding
import CheckpointPlan
import CheckpointPostgres
import CheckpointSQLite
import Foundation
import SeededRandom
import Testing

/// The implementations that the shared suite is run against.
enum StoreKind: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case sqlite, postgres

    var testDescription: String { rawValue }

    /// Those that can run on this machine.
    static var available: [StoreKind] { PostgresServer.programs == nil ? [.sqlite] : allCases }
}

/// An empty database of one kind, which any number of stores can open.
struct Database: Sendable {
    let configuration: CheckpointConfiguration

    init(_ kind: StoreKind) throws {
        switch kind {
        case .sqlite:
            let path = NSTemporaryDirectory() + "murmur-checkpoint-\(getpid())-\(UInt64.random(in: 0 ... .max)).db"
            configuration = try CheckpointConfiguration(parsing: "sqlite:\(path)")
        case .postgres:
            configuration = try CheckpointConfiguration(parsing: PostgresServer.shared.createDatabase())
        }
    }

    init(uri: String) throws {
        configuration = try CheckpointConfiguration(parsing: uri)
    }

    /// A store as another process would have one.
    func open() -> any CheckpointStore {
        switch configuration {
        case .sqlite(let path): SQLiteCheckpointStore(path: path)
        case .postgres(let uri): PostgresCheckpointStore(uri)
        }
    }

    func remove() {
        guard case .sqlite(let path) = configuration else { return }
        for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
    }
}

/// Does what a writer does that finds the database locked for long, as on a busy machine: it tries again.
func whenFree<Value>(
    _ body: () async throws(CheckpointError) -> Value
) async throws(CheckpointError) -> Value {
    for _ in 0..<100 {
        do {
            return try await body()
        } catch {
            guard case .unavailable = error else { throw error }
        }
    }
    return try await body()
}

/// Runs `body` with an empty database and removes it.
func withDatabase(_ kind: StoreKind, _ body: (Database) async throws -> Void) async throws {
    let database = try Database(kind)
    defer { database.remove() }
    try await body(database)
}

let day: Int64 = 86_400_000

/// A block whose contents follow from its number.
func block(
    _ number: UInt64, slot: UInt16 = 3, maxTime: Int64 = 1_763_000_000_000, retention: RetentionClass = .raw,
    size: Int = 100
) -> CheckpointBlock {
    var random = SplitMix64(seed: number)
    let bytes = (0..<size).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    return CheckpointBlock(
        record: BlockRecord(
            slot: slot, id: BlockID(high: random.next(), low: number), minTime: maxTime - 600_000, maxTime: maxTime,
            sampleCount: Int(number % 1_000) + 1, digest: XXH3.hash128(bytes.rawSpan), retention: retention,
            byteCount: size),
        bytes: bytes)
}

/// Everything that a store lists, by pages of `count`.
func listed(_ store: any CheckpointStore, slots: [UInt16]? = nil, since: Int64 = .min, count: Int = 7) async throws
    -> [BlockRecord]
{
    var all: [BlockRecord] = []
    while true {
        let page = try await store.list(BlockListRequest(slots: slots, since: since, after: all.last, count: count))
        all += page
        if page.count < count { return all }
    }
}

/// The failure that `body` ends with; records an issue where it ends well.
func failure<T>(
    of body: () async throws(CheckpointError) -> T, location: SourceLocation = #_sourceLocation
) async -> CheckpointError? {
    do throws(CheckpointError) {
        _ = try await body()
        Issue.record("no error", sourceLocation: location)
        return nil
    } catch {
        return error
    }
}
