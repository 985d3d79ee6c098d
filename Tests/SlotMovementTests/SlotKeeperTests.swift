import SlotMovement
import Testing

@Suite struct SlotKeeperTests {
    private static let limits = MovementLimits()

    private static func view(_ count: UInt32, wanted: [UInt32]) -> MovementView {
        let rest = (0..<count).filter { !wanted.contains($0) }
        return MovementView(
            members: (0..<count).map { NodeID($0) }, orders: [(wanted + rest).map { NodeID($0) }],
            replicationFactor: wanted.count, assuredFactor: wanted.count)
    }

    /// Keepers that hear each other at once; messages to others are kept.
    private struct Cluster {
        var keepers: [SlotKeeper]
        var now: Int64 = 0
        var outside: [MovementMessage] = []
        var logs: [[MovementRecord]]

        init(_ view: MovementView) {
            keepers = view.members.map { member in
                var effects: [MovementEffect] = []
                return SlotKeeper(
                    me: member, boot: 1, records: [], mayHaveLost: false, view: view, now: 0, into: &effects)
            }
            logs = Array(repeating: [], count: keepers.count)
        }

        mutating func run(seconds: Int64, without silent: Set<Int> = []) {
            for _ in 0..<seconds * 10 {
                now += 100_000
                for node in keepers.indices where !silent.contains(node) {
                    var effects: [MovementEffect] = []
                    keepers[node].tick(now: now, into: &effects)
                    perform(effects, at: node, without: silent)
                }
            }
        }

        mutating func deliver(
            _ message: MovementMessage, from sender: NodeID, to node: Int, without silent: Set<Int> = []
        ) {
            var effects: [MovementEffect] = []
            keepers[node].receive(message, from: sender, now: now, into: &effects)
            perform(effects, at: node, without: silent)
        }

        private mutating func perform(_ effects: [MovementEffect], at node: Int, without silent: Set<Int>) {
            for effect in effects {
                switch effect {
                case .send(let message, let receiver): pass(message, from: node, to: receiver, silent)
                case .sendPage(let slot, let information, let stake, let cursor):
                    pass(
                        .page(slot: slot, information, for: stake, cursor: cursor, next: nil), from: node,
                        to: stake.node, silent)
                case .sendOwed(let slot, let numbers, let receiver):
                    pass(.pay(slot: slot, numbers: numbers), from: node, to: receiver, silent)
                case .log(let record): logs[node].append(record)
                default: break
                }
            }
        }

        private mutating func pass(_ message: MovementMessage, from node: Int, to receiver: NodeID, _ silent: Set<Int>)
        {
            guard keepers.indices.contains(Int(receiver.number)) else {
                outside.append(message)
                return
            }
            if silent.contains(Int(receiver.number)) || silent.contains(node) { return }
            deliver(message, from: NodeID(UInt32(node)), to: Int(receiver.number), without: silent)
        }

        func store(_ batch: UInt64, skipping: [Stake] = [], isStandIn: Bool = false) -> MovementMessage {
            .store(StoreRequest(slot: 0, batch: batch, skipping: skipping, isStandIn: isStandIn))
        }
    }

    private static let router = NodeID(99)

    @Test("wanted owners of a new cluster come to hold, are whole, and nobody else does")
    func newCluster() {
        var cluster = Cluster(Self.view(3, wanted: [0, 2]))
        #expect(cluster.keepers.map(\.heldSlots) == [[], [], []])
        cluster.run(seconds: 5)
        #expect(cluster.keepers.map(\.heldSlots) == [[0], [], [0]])
        #expect(cluster.keepers[0].isWhole(0, now: cluster.now) && cluster.keepers[2].isWhole(0, now: cluster.now))
        #expect(cluster.keepers.map(\.isSettled) == [true, true, true])
    }

    @Test("a node alone holds at once")
    func alone() {
        var cluster = Cluster(Self.view(1, wanted: [0]))
        cluster.run(seconds: 1)
        #expect(cluster.keepers[0].isWhole(0, now: cluster.now))
    }

    @Test("a holder that hears nothing of the other is whole until its lease runs out, and is isolated later")
    func lease() {
        var cluster = Cluster(Self.view(3, wanted: [0, 1]))
        cluster.run(seconds: 5)
        cluster.run(seconds: 1, without: [1])
        #expect(cluster.keepers[0].isWhole(0, now: cluster.now))
        cluster.run(seconds: 2, without: [1])
        #expect(!cluster.keepers[0].isWhole(0, now: cluster.now))
        #expect(cluster.keepers[0].role(in: 0) == .holder)
        cluster.run(seconds: 61, without: [1, 2])
        #expect(cluster.keepers[0].isIsolated(cluster.now))
        cluster.deliver(cluster.store(5), from: Self.router, to: 0, without: [1, 2])
        guard case .stored(let reply) = cluster.outside.last else {
            Issue.record("no answer")
            return
        }
        #expect(reply.outcome == .refused)
    }

    @Test("a batch that skips a holder is answered for when that holder's lease has run out, and paid when it is back")
    func skipping() {
        var cluster = Cluster(Self.view(3, wanted: [0, 1]))
        cluster.run(seconds: 5)
        let skipped = Stake(node: NodeID(1), boot: 1, attempt: 1, role: .holder)
        cluster.deliver(cluster.store(5, skipping: [skipped]), from: Self.router, to: 0, without: [1])
        #expect(cluster.outside.isEmpty)
        #expect(cluster.keepers[0].owedNumbers(0).count == 1)
        cluster.run(seconds: 3, without: [1])
        guard case .stored(let reply) = cluster.outside.last else {
            Issue.record("no answer")
            return
        }
        #expect(reply.outcome == .logged(skipping: [NodeID(1)]))
        #expect(!cluster.keepers[1].isWhole(0, now: cluster.now))
        cluster.run(seconds: 3)
        #expect(cluster.keepers[0].owedNumbers(0).isEmpty)
        #expect(cluster.keepers[1].isWhole(0, now: cluster.now))
    }

    @Test("who does not hold a slot takes a batch only in another's place, and only if that one knows it")
    func standIn() {
        let view = Self.view(3, wanted: [0, 1])
        var cluster = Cluster(view)
        let skipped = Stake(node: NodeID(1), boot: 1, attempt: 1, role: .holder)
        cluster.deliver(cluster.store(1), from: Self.router, to: 2)
        cluster.deliver(cluster.store(2, skipping: [skipped], isStandIn: true), from: Self.router, to: 2)
        cluster.run(seconds: 5)
        cluster.deliver(cluster.store(3, skipping: [skipped], isStandIn: true), from: Self.router, to: 2)
        cluster.run(seconds: 3)
        let outcomes = cluster.outside.compactMap { message -> StoreReply.Outcome? in
            if case .stored(let reply) = message { reply.outcome } else { nil }
        }
        #expect(
            outcomes == [
                .notHolder(wanted: [NodeID(0), NodeID(1)]), .refused, .logged(skipping: [NodeID(1)]),
            ])
    }

    @Test("a request repeated logs nothing again")
    func repeated() {
        var cluster = Cluster(Self.view(1, wanted: [0]))
        cluster.run(seconds: 1)
        for _ in 0..<3 { cluster.deliver(cluster.store(5), from: Self.router, to: 0) }
        let batches = cluster.logs[0].filter { if case .batch = $0 { true } else { false } }
        #expect(batches.count == 1)
        #expect(cluster.outside.count == 3)
    }

    @Test("a start begins with an empty held set and with its debts, and a lost log is not forgotten by the next start")
    func restart() {
        let records: [MovementRecord] = [
            .unsound, .batch(slot: 0, number: 4), .owed(slot: 0, number: 4, to: [NodeID(1)]),
            .batch(slot: 0, number: 5), .owed(slot: 0, number: 5, to: [NodeID(1)]),
            .settled(slot: 0, numbers: [4], with: NodeID(1)),
        ]
        var effects: [MovementEffect] = []
        let keeper = SlotKeeper(
            me: NodeID(0), boot: 2, records: records, mayHaveLost: false, view: Self.view(3, wanted: [0, 1]), now: 0,
            into: &effects)
        #expect(keeper.heldSlots.isEmpty)
        #expect(keeper.owedNumbers(0) == [5])
        #expect(!keeper.isSound(0))
        #expect(effects.isEmpty)
        let again = SlotKeeper(
            me: NodeID(0), boot: 3, records: keeper.openRecords, mayHaveLost: false,
            view: Self.view(3, wanted: [0, 1]), now: 0, into: &effects)
        #expect(again.owedNumbers(0) == [5] && !again.isSound(0))
    }

    @Test("owners change: the new one copies, the old one stops and drops only when both new ones are whole")
    func change() {
        var cluster = Cluster(Self.view(3, wanted: [0, 1]))
        cluster.run(seconds: 5)
        cluster.deliver(cluster.store(5), from: Self.router, to: 0)
        cluster.deliver(cluster.store(5), from: Self.router, to: 1)
        for node in cluster.keepers.indices { cluster.keepers[node].update(Self.view(3, wanted: [1, 2])) }
        cluster.run(seconds: 2, without: [2])
        #expect(cluster.keepers[0].heldSlots == [0])
        cluster.run(seconds: 30)
        #expect(cluster.keepers.map(\.heldSlots) == [[], [0], [0]])
        #expect(cluster.logs[0].last == .dropped(slot: 0))
        #expect(cluster.keepers.map(\.isSettled) == [true, true, true])
    }

    @Test("nobody holds, one member is missing at RF 1: the slot waits for recovery_wait, then asks the checkpoint")
    func recovery() {
        var cluster = Cluster(Self.view(3, wanted: [0]))
        cluster.run(seconds: 299, without: [2])
        #expect(cluster.keepers[0].heldSlots.isEmpty)
        cluster.run(seconds: 5, without: [2])
        #expect(cluster.keepers[0].heldSlots == [0])
        #expect(!cluster.keepers[0].isWhole(0, now: cluster.now))
        var effects: [MovementEffect] = []
        cluster.keepers[0].restored(0, into: &effects)
        #expect(effects == [.log(.restored(slot: 0))])
        cluster.run(seconds: 3)
        #expect(cluster.keepers[0].isWhole(0, now: cluster.now))
    }
}
