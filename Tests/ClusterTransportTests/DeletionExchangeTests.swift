import ClusterTransport
import MetricModel
import NIOCore
import SlotMovement
import Synchronization
import Testing
import WireProtocol

/// What a keeper has written, and whether it may write.
private final class TestDisk: Sendable {
    struct Full: Error {}

    private let state = Mutex<(sets: [DeletionSet], isFull: Bool)>(([], false))

    var last: DeletionSet? { state.withLock { $0.sets.last } }
    var writes: Int { state.withLock { $0.sets.count } }

    func fill() { state.withLock { $0.isFull = true } }

    func disk(retention: Int64 = 0) -> DeletionKeeper.Disk {
        DeletionKeeper.Disk(retention: retention) { set in
            try self.state.withLock { state in
                if state.isFull { throw Full() }
                state.sets.append(set)
            }
        }
    }
}

/// An aggregator as far as deletions go.
private struct TestMember {
    let disk = TestDisk()
    let keeper: DeletionKeeper
    let server: ClusterServer
    let client: ClusterClient

    init(_ name: String, features: FeatureSet = .known) async throws {
        keeper = DeletionKeeper(disk: disk.disk(), clock: { 1_000_000 })
        server = ClusterServer(
            identity: Cluster.identity, features: features, handler: DeletionHandler(keeper, next: TestNode()),
            group: Cluster.group, logger: Cluster.logger)
        let port = try #require(try await server.start(port: 0).port)
        client = Cluster.client(port: port)
    }

    func stop() async {
        await client.stop(grace: .zero)
        await server.stop(grace: .zero)
    }
}

/// Members that are always the same, of which some are suspected.
private struct TestDirectory: AggregatorDirectory {
    let aggregators: AggregatorView?
    let clients: [ClusterClient]

    init(_ members: [TestMember], suspects: Set<NodeID> = []) {
        clients = members.map(\.client)
        let nodes = members.indices.map { NodeID(UInt32($0)) }
        aggregators = AggregatorView(
            version: 1, movement: MovementView(members: nodes, orders: [nodes], replicationFactor: 1, assuredFactor: 1),
            viewVersion: 1, suspects: suspects,
            names: Dictionary(uniqueKeysWithValues: nodes.map { ($0, "node-\($0.number)") }))
    }

    func views() -> AsyncStream<AggregatorView> { AsyncStream { $0.finish() } }

    func node(named name: String) -> NodeID { NodeID(UInt32(name.dropFirst(5)) ?? .max) }

    func name(of node: NodeID) -> String { "node-\(node.number)" }

    func client(_ node: NodeID) -> ClusterClient? { clients[Int(node.number)] }
}

private func deletion(_ name: String, end: Int64 = 100) throws -> Deletion {
    try Deletion(
        tenant: .default, matchers: [Matcher(equal: "__name__", name)], start: 0, end: end, created: 1_000_000)
}

@Suite("The exchange of deletions")
struct DeletionExchangeTests {
    private func exchange(_ directory: TestDirectory, _ keeper: DeletionKeeper, own: String? = nil) -> DeletionExchange
    {
        var timeouts = DeletionExchange.Timeouts()
        (timeouts.answer, timeouts.catchUpAnswer, timeouts.catchUp) = (.seconds(300), .seconds(300), .seconds(300))
        return DeletionExchange(
            directory: directory, keeper: keeper, own: own, timeouts: timeouts, logger: Cluster.logger)
    }

    @Test("a deletion is assured once everybody has written it, and known here then")
    func everybody() async throws {
        let members = [try await TestMember("node-0"), try await TestMember("node-1"), try await TestMember("node-2")]
        let asker = DeletionKeeper(disk: nil, clock: { 1_000_000 })
        let one = try deletion("cpu")
        let spread = await exchange(TestDirectory(members), asker).spread([one])
        #expect(spread.isAssured && spread.taken == 3 && spread.members == 3)
        #expect(asker.known.of(.default) == [one])
        for member in members {
            #expect(member.disk.last?.all == [one] && member.keeper.known.digest == asker.known.digest)
            await member.stop()
        }
    }

    @Test("who cannot write it makes it fail by name; who has it keeps it, and hands it on")
    func refused() async throws {
        let members = [try await TestMember("node-0"), try await TestMember("node-1"), try await TestMember("node-2")]
        members[1].disk.fill()
        let asker = DeletionKeeper(disk: nil, clock: { 1_000_000 })
        let directory = TestDirectory(members)
        let spread = await exchange(directory, asker).spread([try deletion("cpu")])
        #expect(!spread.isAssured && spread.taken == 2)
        #expect(spread.refusals.count == 1 && spread.refusals.first?.hasPrefix("node-1: ") == true)
        #expect(asker.known.of(.default).isEmpty && members[1].keeper.known.of(.default).isEmpty)
        // One that was away and has another one asks before it answers: both have both then.
        try await members[2].keeper.keep([try deletion("mem")])
        await exchange(TestDirectory([members[0], members[2]]), members[2].keeper, own: "node-1").catchUp()
        for member in [members[0], members[2]] { #expect(member.disk.last?.count == 2) }
        for member in members { await member.stop() }
    }

    @Test("sets that together are too much for one message are united in parts; one that cannot be written stays")
    func parts() async throws {
        let members = [try await TestMember("node-0"), try await TestMember("node-1"), try await TestMember("node-2")]
        for (index, member) in members.enumerated() {
            try await member.keeper.keep((0..<DeletionSet.countMax).map { try deletion("\(index)-\($0)") })
        }
        members[2].disk.fill()
        await exchange(TestDirectory(members), members[0].keeper, own: "node-0").catchUp()
        let all = members[0].keeper.known.set
        #expect(all.count == 3 * DeletionSet.countMax)
        // The second is given what was known when it had answered; the next round brings the rest.
        await exchange(TestDirectory(members), members[0].keeper, own: "node-0").catchUp()
        #expect(members[1].disk.last?.count == all.count && members[1].keeper.known.digest == all.digest)
        #expect(members[2].keeper.known.set.count == DeletionSet.countMax)
        for member in members { await member.stop() }
    }

    @Test(
        "members of an earlier version are named, suspected or not; a silent suspect is not waited for, while more than half answer"
    )
    func away() async throws {
        let members = [
            try await TestMember("node-0"), try await TestMember("node-1"),
            try await TestMember("node-2", features: [.fragments, .replicas]),
        ]
        let asker = DeletionKeeper(disk: nil, clock: { 1_000_000 })
        try await members[2].client.waitUntilConnected(timeout: .seconds(300))
        let suspect: Set<NodeID> = [NodeID(2)]
        let old = await exchange(TestDirectory(members, suspects: suspect), asker).spread([try deletion("cpu")])
        #expect(old.taken == 2 && old.refusals == ["node-2: its version does not know deletions"])
        await members[2].client.stop(grace: .zero)
        let silent = await exchange(TestDirectory(members, suspects: suspect), asker).spread([try deletion("mem")])
        #expect(silent.isAssured && silent.taken == 2 && silent.members == 3)
        await members[1].client.stop(grace: .zero)
        let few = await exchange(TestDirectory(members, suspects: [NodeID(1), NodeID(2)]), asker)
            .spread([try deletion("disk")])
        #expect(!few.isAssured && few.taken == 1 && few.refusals.isEmpty)
        for member in members { await member.stop() }
    }

    @Test("what retention has overtaken is not taken, and goes; a disk that fails changes nothing")
    func keeping() async throws {
        let disk = TestDisk()
        let now = Mutex<Int64>(1_000_000)
        let day: Int64 = 86_400_000
        let keeper = DeletionKeeper(disk: disk.disk(retention: day), clock: { now.withLock { $0 } })
        try await keeper.keep([try deletion("cpu"), try deletion("mem", end: 500)])
        try await keeper.keep([try deletion("cpu", end: 50)])
        #expect(keeper.known.set.count == 2 && disk.writes == 1, "what is covered is not written again")
        now.withLock { $0 = 3 * day + 101 }
        try await keeper.expire()
        #expect(keeper.known.of(.default) == [try deletion("mem", end: 500)] && disk.last == keeper.known.set)
        try await keeper.keep([try deletion("cpu")])
        #expect(keeper.known.set.count == 1)
        disk.fill()
        await #expect(throws: TestDisk.Full.self) { try await keeper.keep([try deletion("disk", end: 900)]) }
        #expect(keeper.known.set.count == 1)
    }
}
