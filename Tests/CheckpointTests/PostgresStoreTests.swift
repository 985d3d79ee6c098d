import CheckpointPlan
import CheckpointPostgres
import Foundation
import Synchronization
import Testing

@Suite(.enabled(if: PostgresServer.programs != nil, "PostgreSQL is not installed"))
struct PostgresStoreTests {
    @Test(
        "a server killed amid additions: none that was reported is lost, each is whole or absent, and the store goes on"
    )
    func killedServer() async throws {
        let server = try PostgresServer()
        defer { server.end() }
        let database = try Database(uri: try server.createDatabase())
        let store = database.open()
        var claims = try await store.claim([3], writer: "a")
        var reported: [[CheckpointBlock]] = []
        var unknown: [[CheckpointBlock]] = []
        for round in 0..<3 as Range<UInt64> {
            let killing = Task.detached {
                // Somewhere in the additions below, which go on until it happens.
                try await Task.sleep(for: .milliseconds(150 + 90 * Int(round)))
                server.stop(SIGQUIT)
            }
            for number in 0..<100_000 as Range<UInt64> {
                let blocks = (0..<20 as Range<UInt64>).map {
                    block(round * 10_000_000 + number * 20 + $0, size: 20_000)
                }
                do throws(CheckpointError) {
                    #expect(
                        try await store.add(CheckpointBatch(claims: claims, blocks: blocks, watermark: Int64(number)))
                            == 20)
                    reported.append(blocks)
                } catch {
                    #expect(error.isWorthRetrying, "\(error)")
                    unknown.append(blocks)
                    break
                }
            }
            try await killing.value
            let down = await failure { () async throws(CheckpointError) in try await store.slots() }
            #expect(down?.isWorthRetrying == true)
            try server.start()
            // The same store, without being told.
            #expect(try await store.slots().count == 1)
            claims = try await store.claim([3], writer: "round \(round)")
        }
        let present = Set(try await listed(store, count: 10_000))
        for blocks in reported { #expect(blocks.allSatisfy { present.contains($0.record) }) }
        for blocks in unknown {
            let count = blocks.count { present.contains($0.record) }
            #expect(count == 0 || count == blocks.count)
            // Adding again settles what was not known.
            #expect(
                try await store.add(CheckpointBatch(claims: claims, blocks: blocks, watermark: 1)) == blocks.count
                    - count)
        }
        #expect(unknown.count == 3 && !reported.isEmpty)
        await store.close()
    }

    @Test("sessions that died while idle are replaced without an error")
    func restart() async throws {
        let server = try PostgresServer()
        defer { server.end() }
        let store = try Database(uri: try server.createDatabase()).open()
        let claims = try await store.claim([3], writer: "a")
        server.stop(SIGINT)
        try server.start()
        #expect(try await store.add(CheckpointBatch(claims: claims, blocks: [block(1)], watermark: 1)) == 1)
        #expect(try await listed(store) == [block(1).record])
        await store.close()
    }

    @Test("an unreachable server, a missing database and a wrong password are told apart, without the password")
    func connectionErrors() async throws {
        let server = PostgresServer.shared
        func failure(_ uri: String) async throws -> CheckpointError? {
            let store = try Database(uri: uri).open()
            let error = await CheckpointTests.failure { () async throws(CheckpointError) in try await store.prepare() }
            await store.close()
            #expect(error?.description.contains("geheim") == false)
            return error
        }
        // A port on loopback that nothing listens on: the discard service's.
        guard case .unavailable(let reason) = try await failure("postgresql://murmur:geheim@127.0.0.1:9/metrics") else {
            Issue.record("a closed port is not called unavailable")
            return
        }
        #expect(
            reason.contains("cannot connect to postgresql://murmur:***@127.0.0.1:9/metrics")
                && reason.contains("refused"))
        guard case .refused(let missing) = try await failure(server.uri(database: "nowhere")) else {
            Issue.record("a missing database is not called refused")
            return
        }
        #expect(missing.contains("database \"nowhere\" does not exist"))
        try server.sql("CREATE ROLE guarded LOGIN SUPERUSER PASSWORD 'right'")
        _ = try server.createDatabase(named: "secret")
        let guarded = server.uri(database: "secret", user: "guarded:geheim")
        guard case .refused(let wrong) = try await failure(guarded) else {
            Issue.record("a wrong password is not called refused")
            return
        }
        #expect(wrong.contains("password authentication failed"))
        let right = try Database(uri: server.uri(database: "secret", user: "guarded:right")).open()
        try await right.prepare()
        await right.close()
        guard case .unavailable = try await failure("postgresql://murmur:geheim@127.0.0.1:nonsense/metrics") else {
            Issue.record("a URI that libpq cannot read is no error")
            return
        }
    }

    @Test("a schema of a later version is refused by its number")
    func laterVersion() async throws {
        let server = PostgresServer.shared
        let uri = try server.createDatabase()
        let store = try Database(uri: uri).open()
        try await store.prepare()
        await store.close()
        try server.sql("UPDATE murmuration.schema_version SET version = 99", uri: uri)
        let later = try Database(uri: uri).open()
        let error = await failure { () async throws(CheckpointError) in try await later.prepare() }
        #expect(error == .incompatibleSchema(found: 99, known: 3))
        await later.close()
    }

    @Test("a database of a user without rights is refused in the server's words")
    func missingRights() async throws {
        let server = PostgresServer.shared
        let uri = try server.createDatabase(named: "guarded_database")
        try server.sql("CREATE ROLE guest LOGIN", uri: uri)
        let store = try Database(uri: server.uri(database: "guarded_database", user: "guest")).open()
        let error = await failure { () async throws(CheckpointError) in try await store.prepare() }
        guard case .refused(let reason) = error else {
            Issue.record("missing rights are not called refused")
            return
        }
        #expect(reason.contains("permission denied") && reason.contains("42501"))
        await store.close()
    }

    @Test("retention drops partitions, one a day and class; blocks are stored as they are")
    func partitions() async throws {
        let server = PostgresServer.shared
        let uri = try server.createDatabase()
        let store = try Database(uri: uri).open()
        let claims = try await store.claim([3], writer: "a")
        let blocks = (0..<6 as Range<UInt64>).map { block($0, maxTime: Int64($0) * day / 2) }
        #expect(try await store.add(CheckpointBatch(claims: claims, blocks: blocks, watermark: 1)) == 6)
        let partitions = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE 'block\\_r%' ORDER BY 1"
        #expect(try server.sql(partitions, uri: uri) == "block_r0_d0\nblock_r0_d1\nblock_r0_d2")
        // 'e' is EXTERNAL: out of line and never compressed again.
        let storage =
            "SELECT DISTINCT attstorage FROM pg_attribute JOIN pg_class ON attrelid = oid WHERE attname = 'bytes' AND relkind = 'r'"
        #expect(try server.sql("\(storage) AND relname LIKE 'block\\_r%'", uri: uri) == "e")
        _ = try await store.drop(before: 2 * day, retention: .raw)
        #expect(try server.sql(partitions, uri: uri) == "block_r0_d2")
        // A partition that another process dropped is made again.
        try server.sql("DROP TABLE murmuration.block_r0_d2", uri: uri)
        #expect(try await store.add(CheckpointBatch(claims: claims, blocks: [blocks[5]], watermark: 1)) == 1)
        #expect(try await listed(store) == [blocks[5].record])
        await store.close()
    }

    @Test("more callers than connections take turns")
    func manyCallers() async throws {
        let store = try Database(.postgres).open()
        let claims = try await store.claim([1, 2, 3], writer: "a")
        let added = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<40 as Range<UInt64> {
                group.addTask {
                    let slot = UInt16(number % 3) + 1
                    return try await store.add(
                        CheckpointBatch(
                            claims: [claims[Int(slot) - 1]], blocks: [block(number, slot: slot)], watermark: 1))
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(added == 40)
        #expect(try await listed(store).count == 40)
        await store.close()
    }
}
