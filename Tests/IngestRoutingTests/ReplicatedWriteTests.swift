import IngestFormats
import IngestRouting
import MetricModel
import Placement
import SeededRandom
import SlotMovement
import Testing
import WireProtocol

/// Aggregators that keep slots together: each logs a batch of a slot once, and is owed what it missed.
struct FakeCluster {
    private let view: MovementView
    var nodes: [NodeID: FakeAggregator] = [:]
    /// Nodes that do not answer.
    var down: Set<NodeID> = []
    /// Which slots of which batches a node has logged.
    private var logged: [NodeID: [UInt64: Set<Int>]] = [:]
    /// Who is owed a slot of a batch, by whom it is owed.
    private var owed: [NodeID: [UInt64: [Int: Set<NodeID>]]] = [:]

    init(_ view: MovementView) {
        self.view = view
        for node in view.members { nodes[node] = FakeAggregator(generation: UInt64(node.number) + 1) }
    }

    /// What a node that is up answers.
    mutating func store(_ routed: RoutedBatch, slotBits: Int) -> (WriteAcknowledgement, StoreReply) {
        let (node, request) = (routed.node, routed.request)
        var groups: [StoreReply.Group] = []
        for slot in request.slots {
            let isOwner = view.wanted(slot).contains(node)
            let others = view.wanted(slot).filter { $0 != node }
            let outcome: StoreReply.Outcome
            if !isOwner, !request.isStandIn {
                outcome = .notHolder(wanted: Array(view.wanted(slot)))
            } else {
                logged[node, default: [:]][request.batch, default: []].insert(slot)
                let skipped = request.skipping.map(\.node)
                owed[node, default: [:]][request.batch, default: [:]][slot, default: []].formUnion(skipped)
                outcome = .logged(skipping: skipped)
            }
            groups.append(
                StoreReply.Group(
                    slots: [slot], attempt: 1, role: isOwner ? .holder : .none, outcome: outcome,
                    peers: others.map { Stake(node: $0, boot: 1, attempt: 1, role: .holder) },
                    copiesWanted: view.copiesWanted))
        }
        let acknowledgement = nodes[node]?.write(routed.batch) ?? WriteAcknowledgement(generation: 0)
        return (acknowledgement, StoreReply(batch: request.batch, node: node, boot: 1, groups: groups))
    }

    /// Whether a slot of a batch is where an acknowledgement promises it: on enough members that owe it to each owner without it. Who logged it
    /// after that may owe nothing.
    func isSafe(_ slot: Int, of batch: UInt64) -> Bool {
        let loggers = view.members.filter { logged[$0]?[batch]?.contains(slot) == true }
        let missing = view.wanted(slot).filter { !loggers.contains($0) }
        let owing = loggers.filter { node in
            missing.allSatisfy { owed[node]?[batch]?[slot]?.contains($0) == true }
        }
        return owing.count >= view.copiesWanted && owing.contains(where: view.wanted(slot).contains)
    }
}

@Suite("Writes to several owners")
struct ReplicatedWriteTests {
    static let slotBits = 6

    private static func view(_ count: Int, factor: Int, random: inout SplitMix64) throws -> MovementView {
        let ring = try Ring(
            members: (0..<count).map { RingMember(name: "node-\($0)-\(random.next() % 100)") },
            replicationFactor: factor, slotBits: slotBits)
        let nodes = (0..<count).map { NodeID(UInt32($0)) }
        return MovementView(ring: ring, members: nodes, numbers: nodes, assuredFactor: factor)
    }

    private static func series(_ random: inout SplitMix64) -> [[(String, String)]] {
        (0..<40).map { _ in
            [("__name__", "m\(random.next() % 3)"), ("instance", "server-\(random.next() % 60)")]
        }
    }

    @Test("each sample of an acknowledged push is stored by all owners that answer, or owed to them", arguments: 0..<60)
    func stored(_ seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let factor = Int(random.next() % 3) + 1
        let view = try Self.view(factor + Int(random.next() % 4), factor: factor, random: &random)
        var limits = RouterLimits()
        if random.next() % 3 == 0 { limits.batchRowsMax = 9 }
        var router = WriteRouter(
            placement: .default, slotBits: Self.slotBits, routerLimits: limits, firstBatch: random.next())
        var cluster = FakeCluster(view)
        var now: Int64 = 0
        for round in 0..<12 {
            let isLost = random.next() % 3 == 0
            cluster.down = []
            // No more than the copies allow, and than others can stand in for.
            for _ in 0..<random.next() % UInt64(min(factor, view.members.count - factor + 1)) {
                cluster.down.insert(NodeID(UInt32(random.next() % UInt64(view.members.count))))
            }
            for node in view.members where random.next() % 8 == 0 { cluster.nodes[node]?.restart() }
            let parsed = try parsed(Self.series(&random), timestamp: Int64(round), value: Double(random.next() % 100))
            var write = try router.route(
                parsed, tenant: .default, arrival: Timestamp(milliseconds: 0), owners: SlotOwners(view),
                clock: WriteRouter.Clock(now: now))
            var requests: [RoutedBatch] = []
            var out: [RoutedBatch] = []
            while write.state == .underWay {
                let made = write.takeBatches()
                requests += made
                out += made
                guard !out.isEmpty else { break }
                let next = out.remove(at: Int(random.next() % UInt64(out.count)))
                now += 1_000
                let clock = WriteRouter.Clock(now: now, suspects: random.next() % 2 == 0 ? cluster.down : [])
                if cluster.down.contains(next.node) {
                    if isLost {
                        try router.fail(next, of: &write, clock: clock)
                    } else {
                        // Silence: only time helps. Little of it at a time, so that answers that are there are not late.
                        now += 5_000
                        out.append(next)
                        try router.advance(&write, clock: clock)
                    }
                    continue
                }
                let (acknowledgement, reply) = cluster.store(next, slotBits: Self.slotBits)
                try router.acknowledge(next, acknowledgement, reply, of: &write, clock: clock)
            }
            try #require(write.state == .acknowledged)
            for request in requests {
                for slot in request.request.slots {
                    let isSafe = cluster.isSafe(slot, of: request.request.batch)
                    #expect(isSafe, "slot \(slot) in round \(round)")
                }
            }
            let report = router.finish(write)
            #expect(report.stored == 40 && report.isComplete)
            check(parsed, round, cluster, view)
        }
        #expect(router.statistics.inFlightRequests == 0)
    }

    /// Every sample lies on enough nodes, and on all owners that were up.
    private func check(_ parsed: ParsedWrite, _ round: Int, _ cluster: FakeCluster, _ view: MovementView) {
        var holders: [SeriesDefinition: Int] = [:]
        for (_, node) in cluster.nodes {
            for (definition, samples) in node.stored where samples[Int64(round)] != nil {
                holders[definition, default: 0] += 1
            }
        }
        for (definition, count) in holders {
            #expect(count >= view.copiesWanted)
            for owner in view.wanted(Int(definition.placement.slot(bits: Self.slotBits)))
            where !cluster.down.contains(owner) {
                #expect(cluster.nodes[owner]?.stored[definition]?[Int64(round)] != nil)
            }
        }
        #expect(!holders.isEmpty)
    }

    @Test("known series cost no definition at any owner, and a stand-in is told of each series once")
    func definitions() throws {
        var random = SplitMix64(seed: 1)
        let view = try Self.view(4, factor: 2, random: &random)
        var router = WriteRouter(placement: .default, slotBits: Self.slotBits, firstBatch: 1)
        var cluster = FakeCluster(view)
        let series = Self.series(&random)
        func definitions(_ round: Int) throws -> Int {
            var write = try router.route(
                try parsed(series, timestamp: Int64(round)), tenant: .default, arrival: Timestamp(milliseconds: 0),
                owners: SlotOwners(view), clock: WriteRouter.Clock(now: 0))
            var count = 0
            while write.state == .underWay {
                for batch in write.takeBatches() {
                    count += batch.batch.definitions.count
                    if cluster.down.contains(batch.node) {
                        try router.fail(batch, of: &write, clock: WriteRouter.Clock(now: 0))
                    } else {
                        let (acknowledgement, reply) = cluster.store(batch, slotBits: Self.slotBits)
                        try router.acknowledge(
                            batch, acknowledgement, reply, of: &write, clock: WriteRouter.Clock(now: 0))
                    }
                }
            }
            #expect(router.finish(write).isComplete)
            return count
        }
        #expect(try definitions(0) > 0)
        #expect(try definitions(1) == 0)
        cluster.down = [NodeID(2)]
        #expect(try definitions(2) > 0)
        #expect(try definitions(3) == 0)
    }

    @Test("a push fails at once when nobody is left to ask, and at its deadline when nobody answers")
    func failure() throws {
        var random = SplitMix64(seed: 2)
        let view = try Self.view(2, factor: 2, random: &random)
        var router = WriteRouter(placement: .default, slotBits: Self.slotBits, firstBatch: 1)
        var write = try router.route(
            try parsed(Self.series(&random)), tenant: .default, arrival: Timestamp(milliseconds: 0),
            owners: SlotOwners(view), clock: WriteRouter.Clock(now: 0))
        for batch in write.takeBatches() { try router.fail(batch, of: &write, clock: WriteRouter.Clock(now: 1)) }
        #expect(write.state == .failed)
        router.abandon(write)
        var silent = try router.route(
            try parsed(Self.series(&random)), tenant: .default, arrival: Timestamp(milliseconds: 0),
            owners: SlotOwners(view), clock: WriteRouter.Clock(now: 0))
        try router.advance(&silent, clock: WriteRouter.Clock(now: MovementLimits().writeDeadline - 1))
        #expect(silent.state == .underWay)
        try router.advance(&silent, clock: WriteRouter.Clock(now: MovementLimits().writeDeadline))
        #expect(silent.state == .failed)
        router.abandon(silent)
        #expect(router.statistics.inFlightRequests == 0)
    }

    @Test("metadata goes to every owner until each has taken it")
    func metadata() throws {
        var random = SplitMix64(seed: 4)
        let view = try Self.view(3, factor: 2, random: &random)
        var router = WriteRouter(placement: .default, slotBits: Self.slotBits, firstBatch: 1)
        var cluster = FakeCluster(view)
        func send() throws -> Int {
            var parsed = ParsedWrite()
            parsed.metadata = [MetricMetadata(metric: "m", type: "gauge", unit: "s", help: "h")]
            var write = try router.route(
                parsed, tenant: .default, arrival: Timestamp(milliseconds: 0), owners: SlotOwners(view),
                clock: WriteRouter.Clock(now: 0))
            let batches = write.takeBatches()
            for batch in batches {
                let (acknowledgement, reply) = cluster.store(batch, slotBits: Self.slotBits)
                try router.acknowledge(batch, acknowledgement, reply, of: &write, clock: WriteRouter.Clock(now: 0))
            }
            #expect(write.state == .acknowledged)
            router.abandon(write)
            return batches.count
        }
        #expect(try send() == 2)
        #expect(cluster.nodes.values.count { $0.metadata.count == 1 } == 2)
        #expect(try send() == 2, "the first was sent before the generations were known")
        #expect(try send() == 0)
    }
}
