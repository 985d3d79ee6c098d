import CheckpointPlan
import SeededRandom
import Testing

/// A database of the map by its number.
func server(
    _ number: UInt64, _ state: CheckpointMap.State = .active, at time: Int64 = 1, name: String? = nil
) -> CheckpointMap.Server {
    .init(id: CheckpointServerID(high: 0, low: number), state: state, changedAt: time, name: name ?? "db\(number)")
}

@Suite struct CheckpointMapTests {
    private let all = (0..<16_384 as Range<UInt16>)

    @Test("slots are spread evenly, and a database that comes or goes moves only its own share")
    func homes() {
        let two = CheckpointMap([server(1), server(2)])
        var three = two
        three.merge(server(3))
        let counts = Dictionary(grouping: all, by: { three.home(of: $0) }).mapValues(\.count)
        #expect(counts.count == 3 && counts.values.allSatisfy { (5_000...5_900).contains($0) }, "\(counts)")
        for slot in all where three.home(of: slot) != two.home(of: slot) {
            #expect(three.home(of: slot) == CheckpointServerID(high: 0, low: 3))
        }
        var without = three
        without.merge(server(2, .retired))
        for slot in all where without.home(of: slot) != three.home(of: slot) {
            #expect(three.home(of: slot) == CheckpointServerID(high: 0, low: 2))
        }
        #expect(CheckpointMap().home(of: 7) == nil)
        #expect(CheckpointMap([server(1, .retired), server(2, .lost)]).home(of: 7) == nil)
    }

    @Test("copies that were changed apart become equal however they are merged, and no state goes back")
    func merging() {
        var random = SplitMix64(seed: 3)
        for _ in 0..<200 {
            let claims = (0..<6).map { _ in
                server(
                    .random(in: 1...3, using: &random),
                    CheckpointMap.State.allCases.randomElement(using: &random) ?? .lost,
                    at: .random(in: 1...9, using: &random), name: "same")
            }
            let together = CheckpointMap(claims)
            var apart = CheckpointMap(claims.suffix(2))
            apart.merge(CheckpointMap(claims.shuffled(using: &random)))
            apart.merge(together)
            #expect(apart == together && apart.agrees(with: together) && apart.version == together.version)
            for claim in claims {
                let kept = together[claim.id]
                #expect(kept.map { $0.state >= claim.state } ?? false)
                #expect(CheckpointMap([claim]).version <= together.version)
            }
        }
    }

    @Test("a restore asks whoever may have blocks within retention")
    func history() {
        let day: Int64 = 86_400_000
        let map = CheckpointMap([
            server(1), server(2, .retired, at: 100 * day), server(3, .lost, at: 1), server(4, .retired, at: 5 * day),
        ])
        func asked(_ since: Int64) -> [UInt8] { map.mayHaveBlocks(since: since).compactMap(\.id.bytes.last) }
        #expect(asked(.min) == [1, 2, 4])
        #expect(asked(50 * day) == [1, 2])
        // Writers learn of it late.
        #expect(asked(101 * day) == [1, 2])
        #expect(asked(102 * day) == [1])
        func lacking(_ since: Int64) -> [UInt8] { map.mayLackBlocks(since: since).compactMap(\.id.bytes.last) }
        #expect(lacking(.min) == [3] && lacking(day) == [3] && lacking(2 * day) == [])
    }

    @Test(
        "an item of the list is a database with its state",
        arguments: [
            ("postgresql://u:p@h:1/db", CheckpointMap.State.active, "h:1/db"),
            ("retired:postgres://u@h/db?sslmode=require", .retired, "h/db"),
            ("lost:postgresql:///db?host=%2Ftmp&port=7", .lost, "%2Ftmp/db"),
        ])
    func listed(text: String, state: CheckpointMap.State, place: String) throws {
        let listed = try ListedCheckpoint(parsing: text)
        #expect(listed.state == state && listed.uri.place == place)
        #expect(text.hasSuffix(listed.uri.secret))
    }

    @Test("what is no PostgreSQL cannot be one of several", arguments: ["sqlite:/x.db", "retired:sqlite:/x", "lost:"])
    func notListed(text: String) {
        #expect(throws: CheckpointError.self) { try ListedCheckpoint(parsing: text) }
    }
}

@Suite(.enabled(if: PostgresServer.programs != nil, "PostgreSQL is not installed"))
struct CheckpointExchangeTests {
    @Test("a database keeps its number and its copy of the map, which only moves on")
    func exchange() async throws {
        let database = try Database(.postgres)
        let store = database.open()
        let first = try await store.exchange(CheckpointMap())
        #expect(first.map == CheckpointMap() && first.slotCount == 0)
        let own = CheckpointMap.Server(id: first.id, state: .active, changedAt: 7, name: "here")
        let told = try await store.exchange(CheckpointMap([own, server(9, .retired, at: 5)]))
        #expect(told.id == first.id && told.map == CheckpointMap([own, server(9, .retired, at: 5)]))
        _ = try await store.claim([3, 4], writer: "a")
        // Another process, with less, more and other names.
        let other = database.open()
        let again = try await other.exchange(CheckpointMap([server(9, .active, at: 1), server(8, .lost, at: 2)]))
        #expect(again.id == first.id && again.slotCount == 2)
        #expect(again.map == CheckpointMap([own, server(8, .lost, at: 2), server(9, .retired, at: 5)]))
        await store.close()
        await other.close()
        // The databases of one server differ.
        let elsewhere = try Database(.postgres).open()
        #expect(try await elsewhere.exchange(CheckpointMap()).id != first.id)
        await elsewhere.close()
    }

    @Test("a database is the first cluster's that comes; it goes over only from an owner that has said nothing since")
    func owner() async throws {
        let database = try Database(.postgres)
        let (one, other) = (database.open(), database.open())
        let (first, second) = (
            CheckpointOwner(cluster: "a", name: "fleet"), CheckpointOwner(cluster: "b", name: "fleet")
        )
        let owned = try await one.beat(first)
        #expect(owned == CheckpointOwnership(owner: first, beat: 1))
        #expect(try await other.beat(second) == owned)
        let claims = try await one.claim([3], writer: "one")
        #expect(
            await failure { () async throws(CheckpointError) in try await other.claim([3], writer: "other") }
                == .otherOwner(owned))
        let later = try await one.beat(first)
        #expect(later == CheckpointOwnership(owner: first, beat: 2))
        #expect(try await !other.follow(owned, as: second))
        #expect(try await other.follow(later, as: second))
        let taken = CheckpointOwnership(owner: second, beat: 3)
        // The former owner does not know it yet, and can neither write nor delete.
        let batch = CheckpointBatch(claims: claims, blocks: [block(1)], watermark: 1)
        #expect(
            await failure { () async throws(CheckpointError) in try await one.add(batch) }
                == .fenced(slot: 3, held: 1, current: 2))
        #expect(
            await failure { () async throws(CheckpointError) in try await one.claim([3], writer: "one") }
                == .otherOwner(taken))
        #expect(
            await failure { () async throws(CheckpointError) in try await one.drop(before: .max, retention: .raw) }
                == .otherOwner(taken))
        #expect(try await one.beat(first) == taken)
        #expect(try await other.claim([3], writer: "other").map(\.epoch) == [3])
        await one.close()
        await other.close()
    }

    @Test("of clusters that come at once one owns the database")
    func owners() async throws {
        let database = try Database(.postgres)
        let found = try await withThrowingTaskGroup(of: String.self) { group in
            for number in 1...8 {
                group.addTask {
                    let store = database.open()
                    let found = try await store.beat(CheckpointOwner(cluster: "cluster-\(number)", name: "fleet"))
                    await store.close()
                    return found.owner.cluster
                }
            }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(found.count == 1)
    }

    @Test("copies of the map that are brought at once unite")
    func concurrent() async throws {
        let database = try Database(.postgres)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 1...8 as ClosedRange<UInt64> {
                group.addTask {
                    let store = database.open()
                    let shared = server(99, number > 4 ? .lost : .active)
                    _ = try await store.exchange(CheckpointMap([server(number), shared]))
                    await store.close()
                }
            }
            try await group.waitForAll()
        }
        let store = database.open()
        let map = try await store.exchange(CheckpointMap()).map
        #expect(map.servers.count == 9 && map[CheckpointServerID(high: 0, low: 99)]?.state == .lost)
        await store.close()
    }
}
