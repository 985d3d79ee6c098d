import CheckpointPlan
import CheckpointSQLite
import Foundation
import Testing

@Suite struct SQLiteStoreTests {
    private func failure(at path: String) async -> CheckpointError? {
        let store = SQLiteCheckpointStore(path: path)
        let error = await CheckpointTests.failure { () async throws(CheckpointError) in try await store.prepare() }
        await store.close()
        return error
    }

    private func withFile(_ body: (String) async throws -> Void) async throws {
        let path = NSTemporaryDirectory() + "murmur-sqlite-\(getpid())-\(UInt64.random(in: 0 ... .max)).db"
        defer { for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) } }
        try await body(path)
    }

    /// Overwrites bytes of the file's header (sqlite.org/fileformat2.html, 1.3): 60 is `user_version`, 68 `application_id`.
    private func patch(_ path: String, at offset: UInt64, _ bytes: [UInt8]) throws {
        let file = try #require(FileHandle(forUpdatingAtPath: path))
        try file.seek(toOffset: offset)
        try file.write(contentsOf: Data(bytes))
        try file.close()
    }

    @Test("a missing directory is an error that names the path, and passes once the directory is there")
    func missingDirectory() async throws {
        let directory = NSTemporaryDirectory() + "murmur-missing-\(getpid())-\(UInt64.random(in: 0 ... .max))"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let store = SQLiteCheckpointStore(path: directory + "/checkpoint.db")
        let error = await CheckpointTests.failure { () async throws(CheckpointError) in try await store.prepare() }
        #expect(error?.description.contains(directory) == true)
        #expect(error?.isWorthRetrying == true)
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        try await store.prepare()
        await store.close()
    }

    @Test("a file that is no database, and another program's database, are refused and left alone")
    func foreignFiles() async throws {
        try await withFile { path in
            let text = String(repeating: "not a database at all\n", count: 200)
            try text.write(toFile: path, atomically: false, encoding: .utf8)
            guard case .corrupt = await failure(at: path) else {
                Issue.record("a text file was taken for a database")
                return
            }
            #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
        }
        try await withFile { path in
            let store = SQLiteCheckpointStore(path: path)
            try await store.prepare()
            await store.close()
            // The application's number lies at byte 68; a version of 0 means that we never migrated the file.
            try patch(path, at: 60, [0, 0, 0, 0])
            try patch(path, at: 68, [0, 0, 0, 7])
            #expect(await failure(at: path) == .refused(reason: "the file is another program's SQLite database"))
        }
    }

    @Test("a schema of a later version is refused by its number")
    func laterVersion() async throws {
        try await withFile { path in
            let store = SQLiteCheckpointStore(path: path)
            try await store.prepare()
            await store.close()
            try patch(path, at: 60, [0, 0, 0, 99])
            #expect(await failure(at: path) == .incompatibleSchema(found: 99, known: 1))
        }
    }

    @Test("blocks survive the process: a new store on the same file has them")
    func reopening() async throws {
        try await withFile { path in
            for round in 0..<3 as Range<UInt64> {
                let store = SQLiteCheckpointStore(path: path)
                let claims = try await store.claim([3], writer: "round \(round)")
                #expect(claims[0].epoch == Int64(round) + 1)
                #expect(try await store.add(CheckpointBatch(claims: claims, blocks: [block(round)], watermark: 1)) == 1)
                #expect(try await listed(store).count == Int(round) + 1)
                await store.close()
            }
        }
    }
}
