import SeededRandom
import SlotMovement
import Testing

@Suite struct SlotKeeperTests {
    private static let limits = MovementLimits()

    private static func view(_ count: UInt32, wanted: [UInt32]) -> MovementView { view(count, slots: [wanted]) }

    /// One list of wanted owners a slot.
    private static func view(_ count: UInt32, slots: [[UInt32]]) -> MovementView {
        MovementView(
            members: (0..<count).map { NodeID($0) },
            orders: slots.map { wanted in
                (wanted + (0..<count).filter { !wanted.contains($0) }).map { NodeID($0) }
            },
            replicationFactor: slots[0].count, assuredFactor: slots[0].count)
    }

    /// Keepers that hear each other at once; messages to others are kept.
    private struct Cluster {
        var keepers: [SlotKeeper]
        var now: Int64 = 0
        var stored: [StoreReply] = []
        var logs: [[MovementRecord]]

        init(_ view: MovementView, limits: MovementLimits = MovementLimits()) {
            keepers = view.members.map { member in
                var effects: [MovementEffect] = []
                return SlotKeeper(
                    me: member, boot: 1, records: [], mayHaveLost: false, view: view, limits: limits, now: 0,
                    into: &effects)
            }
            logs = Array(repeating: [], count: keepers.count)
        }

        mutating func run(seconds: Int64, without silent: Set<Int> = []) {
            for _ in 0..<seconds * 10 { tick(without: silent) }
        }

        mutating func tick(without silent: Set<Int> = []) {
            now += 100_000
            for node in keepers.indices where !silent.contains(node) {
                var effects: [MovementEffect] = []
                keepers[node].tick(now: now, into: &effects)
                perform(effects, at: node, without: silent)
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
                case .sendPage(let slot, let source, let isWhole, let stake, let cursor):
                    pass(
                        .page(slot: slot, from: source, isWhole: isWhole, for: stake, cursor: cursor, next: nil),
                        from: node, to: stake.node, silent)
                case .sendOwed(let parts, let receiver): pass(.pay(parts), from: node, to: receiver, silent)
                case .answerStore(let reply, _): stored.append(reply)
                case .log(let record): logs[node].append(record)
                default: break
                }
            }
        }

        private mutating func pass(_ message: MovementMessage, from node: Int, to receiver: NodeID, _ silent: Set<Int>)
        {
            if silent.contains(Int(receiver.number)) || silent.contains(node) { return }
            deliver(message, from: NodeID(UInt32(node)), to: Int(receiver.number), without: silent)
        }

        /// Stores, and lets the effects be carried out.
        @discardableResult
        mutating func store(
            _ batch: UInt64, slots: [Int] = [0], skipping: [NodeStart] = [], isStandIn: Bool = false,
            isRepeated: Bool = false, at node: Int, without silent: Set<Int> = []
        ) -> StoreReply? {
            let count = stored.count
            let request = StoreRequest(
                slots: slots, batch: batch, skipping: skipping, isStandIn: isStandIn, isRepeated: isRepeated)
            var effects: [MovementEffect] = []
            keepers[node].store(request, from: RequesterID(batch), now: now, into: &effects)
            perform(effects, at: node, without: silent)
            return stored.count > count ? stored.last : nil
        }
    }

    private static let skipped = NodeStart(node: NodeID(1), boot: 1)

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
        let reply = cluster.store(5, at: 0, without: [1, 2])
        #expect(reply?.groups.map(\.outcome) == [.refused])
    }

    @Test("a batch that skips a holder is answered for when that holder's lease has run out, and paid when it is back")
    func skipping() {
        var cluster = Cluster(Self.view(3, wanted: [0, 1]))
        cluster.run(seconds: 5)
        expect(cluster.store(5, skipping: [Self.skipped], at: 0, without: [1]), nil)
        #expect(cluster.keepers[0].owedBatches.map(\.slots) == [[0]])
        cluster.run(seconds: 3, without: [1])
        #expect(cluster.stored.last?.groups.map(\.outcome) == [.logged(skipping: [NodeID(1)])])
        #expect(!cluster.keepers[1].isWhole(0, now: cluster.now))
        cluster.run(seconds: 3)
        #expect(cluster.keepers[0].owedBatches.isEmpty)
        #expect(cluster.keepers[1].isWhole(0, now: cluster.now))
    }

    @Test("who does not hold a slot takes a batch only in another's place, and only if that one knows it")
    func standIn() {
        let view = Self.view(3, wanted: [0, 1])
        var cluster = Cluster(view)
        cluster.store(1, at: 2)
        cluster.store(2, skipping: [Self.skipped], isStandIn: true, at: 2)
        cluster.run(seconds: 5)
        cluster.store(3, skipping: [Self.skipped], isStandIn: true, at: 2)
        cluster.run(seconds: 3)
        #expect(
            cluster.stored.flatMap(\.groups).map(\.outcome) == [
                .notHolder(wanted: [NodeID(0), NodeID(1)]), .refused, .logged(skipping: [NodeID(1)]),
            ])
    }

    @Test("a request repeated logs nothing again")
    func repeated() {
        var cluster = Cluster(Self.view(1, wanted: [0]))
        cluster.run(seconds: 1)
        for _ in 0..<3 { cluster.store(5, at: 0) }
        let batches = cluster.logs[0].filter { if case .batch = $0 { true } else { false } }
        #expect(batches.count == 1)
        #expect(cluster.stored.count == 3)
    }

    @Test("a start begins with an empty held set and with its debts, and a lost log is not forgotten by the next start")
    func restart() {
        let records: [MovementRecord] = [
            .unsound, .batch(slots: [0], number: 4), .owed(slots: [0], number: 4, to: [NodeID(1)]),
            .batch(slots: [0], number: 5), .owed(slots: [0], number: 5, to: [NodeID(1)]),
            .settled([BatchPart(number: 4, slots: [0])], with: NodeID(1)),
        ]
        var effects: [MovementEffect] = []
        let keeper = SlotKeeper(
            me: NodeID(0), boot: 2, records: records, mayHaveLost: false, view: Self.view(3, wanted: [0, 1]), now: 0,
            into: &effects)
        #expect(keeper.heldSlots.isEmpty)
        #expect(keeper.owedBatches == [BatchPart(number: 5, slots: [0])])
        #expect(!keeper.isSound(0))
        #expect(effects.isEmpty)
        let again = SlotKeeper(
            me: NodeID(0), boot: 3, records: keeper.openRecords, mayHaveLost: false,
            view: Self.view(3, wanted: [0, 1]), now: 0, into: &effects)
        #expect(again.owedBatches == keeper.owedBatches && !again.isSound(0))
    }

    @Test("owners change: the new one copies, the old one stops and drops only when both new ones are whole")
    func change() {
        var cluster = Cluster(Self.view(3, wanted: [0, 1]))
        cluster.run(seconds: 5)
        cluster.store(5, at: 0)
        cluster.store(5, at: 1)
        for node in cluster.keepers.indices { cluster.keepers[node].update(Self.view(3, wanted: [1, 2])) }
        cluster.run(seconds: 2, without: [2])
        #expect(cluster.keepers[0].heldSlots == [0])
        cluster.run(seconds: 30)
        #expect(cluster.keepers.map(\.heldSlots) == [[], [0], [0]])
        #expect(cluster.logs[0].last == .dropped(slot: 0))
        #expect(cluster.keepers.map(\.isSettled) == [true, true, true])
    }

    @Test("who is not wanted any more ceases to hold although batches come without pause, and drops once they end")
    func changeUnderLoad() {
        var cluster = Cluster(Self.view(3, wanted: [0, 1]))
        cluster.run(seconds: 5)
        for node in cluster.keepers.indices { cluster.keepers[node].update(Self.view(3, wanted: [1, 2])) }
        var batch: UInt64 = 5
        for _ in 0..<100 {
            // More often than a round of asking, and between each answer and the next tick.
            for node in 0..<2 { cluster.store(batch, at: node) }
            batch += 1
            cluster.tick()
        }
        #expect(cluster.keepers.map(\.heldSlots) == [[], [0], [0]])
        let reply = cluster.store(batch, at: 0)
        #expect(reply?.groups.map(\.outcome) == [.notHolder(wanted: [NodeID(1), NodeID(2)])])
        #expect(!cluster.keepers[0].isSettled)
        cluster.run(seconds: 15)
        #expect(cluster.keepers.map(\.isSettled) == [true, true, true])
    }

    @Test("who has given everything away takes nothing more in another's place, and no payment")
    func departed() {
        var cluster = Cluster(Self.view(3, wanted: [0, 1]))
        cluster.run(seconds: 5)
        cluster.store(5, at: 0)
        cluster.store(5, at: 1)
        let whileWanted = cluster.keepers[0].depart()
        #expect(!whileWanted)
        for node in cluster.keepers.indices { cluster.keepers[node].update(Self.view(3, wanted: [1, 2])) }
        cluster.run(seconds: 2)
        let withSamples = cluster.keepers[0].depart()
        #expect(!withSamples, "they may still be asked for")
        cluster.run(seconds: 28)
        let atLast = cluster.keepers[0].depart()
        #expect(atLast)
        let refused = cluster.store(7, skipping: [Self.skipped], isStandIn: true, at: 0, without: [1])
        #expect(refused?.groups.map(\.outcome) == [.refused])
        let count = cluster.logs[0].count
        cluster.deliver(.pay([BatchPart(number: 1, slots: [0])]), from: NodeID(2), to: 0)
        #expect(cluster.logs[0].count == count && cluster.keepers[0].isSettled)
        // The others need its answers for as long as it is a member.
        cluster.run(seconds: 5)
        #expect(cluster.keepers[2].isWhole(0, now: cluster.now))
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

    @Test(
        "who takes a slot over from a lost anchor without a member that owes it batches is not whole before it has copied from that one"
    )
    func recoveryWithoutDebtor() {
        var cluster = Cluster(Self.view(4, wanted: [0, 1]))
        cluster.run(seconds: 5)
        cluster.store(5, skipping: [Self.skipped], at: 0, without: [1])
        cluster.store(5, skipping: [Self.skipped], isStandIn: true, at: 2, without: [1])
        cluster.run(seconds: 3, without: [1])
        #expect(
            cluster.stored.flatMap(\.groups).map(\.outcome)
                == Array(repeating: .logged(skipping: [NodeID(1)]), count: 2))
        let rest = MovementView(
            members: [1, 2, 3].map { NodeID($0) }, orders: [[1, 3, 2].map { NodeID($0) }], replicationFactor: 2,
            assuredFactor: 2)
        for node in 1...3 { cluster.keepers[node].update(rest) }
        cluster.run(seconds: 320, without: [0, 2])
        #expect(cluster.keepers[1].heldSlots == [0])
        var effects: [MovementEffect] = []
        cluster.keepers[1].restored(0, into: &effects)
        #expect(effects == [.log(.restored(slot: 0))])
        cluster.run(seconds: 3, without: [0, 2])
        #expect(!cluster.keepers[1].isWhole(0, now: cluster.now))
        cluster.run(seconds: 60, without: [0])
        #expect(cluster.keepers[1].isWhole(0, now: cluster.now) && cluster.keepers[3].isWhole(0, now: cluster.now))
    }

    @Test("a holder waits for nobody who has answered that it lost what it had")
    func everybodyElseLost() {
        var cluster = Cluster(Self.view(3, wanted: [0, 1]))
        cluster.run(seconds: 5)
        cluster.store(5, at: 0)
        cluster.store(5, at: 1)
        for node in 1...2 {
            var effects: [MovementEffect] = []
            cluster.keepers[node].lose([0], now: cluster.now, into: &effects)
        }
        cluster.run(seconds: 30)
        // What the lost ones acknowledged may be nowhere else but in the checkpoint.
        #expect(cluster.keepers[0].slotsAwaitingCheckpoint == [0])
        for node in 0...1 {
            var effects: [MovementEffect] = []
            cluster.keepers[node].restored(0, into: &effects)
        }
        cluster.run(seconds: 30)
        for node in 0...1 { #expect(cluster.keepers[node].isWhole(0, now: cluster.now)) }
        #expect(cluster.keepers.allSatisfy { $0.isSettled })
    }

    // MARK: - Many slots

    @Test("a request of many slots is one record, and its answer has a group for each kind of slot")
    func manySlots() throws {
        var cluster = Cluster(Self.view(3, slots: [[0, 1], [0, 2], [0, 1], [1, 2]]))
        cluster.run(seconds: 5)
        cluster.logs[0].removeAll()
        let stored = cluster.store(5, slots: [0, 1, 2, 3], at: 0)
        let reply = try #require(stored)
        #expect(reply.groups.map(\.slots) == [[0, 2], [1], [3]])
        #expect(reply.groups.map { $0.peers.map(\.node.number) } == [[1], [2], [1, 2]])
        #expect(reply.groups.map(\.role) == [.holder, .holder, .none])
        let wanted = [NodeID(1), NodeID(2)]
        #expect(
            reply.groups.map(\.outcome) == [
                .logged(skipping: []), .logged(skipping: []), .notHolder(wanted: wanted),
            ])
        #expect(cluster.logs[0].count == 1)
        // What was logged of the batch is not logged again with the rest.
        cluster.store(5, slots: [2, 3], isStandIn: true, at: 0)
        guard case .batch(let first, let number) = cluster.logs[0][0], case .batch(let second, _) = cluster.logs[0][1]
        else {
            Issue.record("no batches: \(cluster.logs[0])")
            return
        }
        #expect(first == [0, 1, 2] && second == [3])
        #expect(cluster.keepers[0].neededBatches.first == BatchPart(number: number, slots: first))
    }

    @Test("what a coordinator is told of many slots is what it is told of each alone", arguments: UInt64(0)..<6)
    func readReplyOfEach(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var cluster = Cluster(Self.randomView(5, using: &random))
        var mostGroups = 0
        for round in UInt64(0)..<12 {
            for node in cluster.keepers.indices {
                let slots = (0..<40).filter { _ in Bool.random(using: &random) }
                let skipped = NodeStart(node: NodeID(UInt32.random(in: 0..<5, using: &random)), boot: 1)
                cluster.store(1 + round * 5 + UInt64(node), slots: slots, skipping: [skipped], at: node)
            }
            let silent = Set((0..<5).filter { _ in Int.random(in: 0..<4, using: &random) == 0 })
            cluster.run(seconds: Int64.random(in: 1...8, using: &random), without: silent)
            for keeper in cluster.keepers {
                let groups = keeper.readReply(Array(0..<40), now: cluster.now).groups
                var plain: [ReadReply.Group] = []
                for slot in 0..<40 {
                    guard var alone = keeper.readReply([slot], now: cluster.now).groups.first else { continue }
                    let index = plain.firstIndex { group in
                        alone.slots = group.slots
                        return group == alone
                    }
                    alone.slots = [slot]
                    if let index { plain[index].slots.append(slot) } else { plain.append(alone) }
                }
                #expect(groups == plain)
                mostGroups = max(mostGroups, groups.count)
            }
            // Owners change, and now and then the last member is none for a while.
            let view = Self.randomView(UInt32.random(in: 4...5, using: &random), using: &random)
            for node in cluster.keepers.indices { cluster.keepers[node].update(view) }
        }
        #expect(mostGroups > 2)
    }

    /// Forty slots with two owners each.
    private static func randomView(_ members: UInt32, using random: inout SplitMix64) -> MovementView {
        view(members, slots: (0..<40).map { _ in Array((0..<members).shuffled(using: &random).prefix(2)) })
    }

    @Test("slots that do not exist, or are not in order, are answered for with nothing")
    func hostileSlots() {
        var cluster = Cluster(Self.view(1, wanted: [0]))
        cluster.run(seconds: 1)
        for slots in [[1], [-1, 0], [0, 0]] { expect(cluster.store(5, slots: slots, at: 0)?.groups, []) }
        let rows = [SlotRow(slot: 7, role: .holder, flags: [], attempt: 1)]
        for peerCounts: [UInt16] in [[], [1]] {
            let answers = SlotAnswers(
                boot: 1, serial: 9, askerBoot: 1, round: 1, rows: rows, peerCounts: peerCounts, peers: [])
            cluster.deliver(.answers(answers), from: NodeID(0), to: 0)
        }
        cluster.deliver(
            .asks(SlotAsks(boot: 1, serial: 9, round: 1, rows: rows)), from: NodeID(0), to: 0)
        cluster.deliver(.pay([BatchPart(number: 1, slots: [0, 4])]), from: NodeID(0), to: 0)
        #expect(cluster.keepers[0].heldSlots == [0])
    }

    @Test("a repeated request is owed by the number that the batch has, and refused where nothing is remembered")
    func repeatedRequest() {
        var cluster = Cluster(Self.view(3, slots: [[0, 1], [0, 1]]))
        cluster.run(seconds: 5)
        expect(
            cluster.store(4, slots: [0, 1], skipping: [Self.skipped], isRepeated: true, at: 0)?.groups.map(\.outcome),
            [.refused])
        cluster.store(5, slots: [0, 1], at: 0, without: [1])
        cluster.store(5, slots: [0], skipping: [Self.skipped], isRepeated: true, at: 0, without: [1])
        cluster.store(5, slots: [1], skipping: [Self.skipped], isRepeated: true, at: 0, without: [1])
        #expect(cluster.keepers[0].owedBatches.map(\.slots) == [[0, 1]])
        #expect(cluster.keepers[0].owedNumbers == Set(cluster.keepers[0].owedBatches.map(\.number)))
        let batches = cluster.logs[0].filter { if case .batch = $0 { true } else { false } }
        #expect(batches.count == 1)
        cluster.run(seconds: 3, without: [1])
        #expect(cluster.stored.suffix(2).map { $0.groups.map(\.slots) } == [[[0]], [[1]]])
    }

    // MARK: - Bounded debts

    private static var narrow: MovementLimits {
        var limits = MovementLimits()
        limits.owedBatchesMax = 2
        return limits
    }

    @Test("who misses more batches than are remembered gets no lease until it registered anew and copied")
    func allSince() {
        var cluster = Cluster(Self.view(3, slots: [[0, 1], [0, 1]]), limits: Self.narrow)
        cluster.run(seconds: 5)
        cluster.store(4, slots: [1], skipping: [Self.skipped], at: 0, without: [1])
        for batch in 5...8 as ClosedRange<UInt64> {
            cluster.store(batch, skipping: [Self.skipped], at: 0, without: [1])
        }
        #expect(cluster.keepers[0].owedBatches.map(\.slots) == [[1]])
        #expect(cluster.keepers[0].owedNumbers == Set(cluster.keepers[0].owedBatches.map(\.number)))
        #expect(cluster.logs[0].filter { $0 == .owedAll(slots: [0], to: NodeID(1)) }.count == 1)
        cluster.run(seconds: 8)
        // What is owed by number is paid; the rest waits until nothing missed is under way any more.
        #expect(cluster.keepers[1].isWhole(1, now: cluster.now) && !cluster.keepers[1].isWhole(0, now: cluster.now))
        #expect(!cluster.keepers[0].isSettled)
        cluster.run(seconds: 12)
        #expect(cluster.logs[0].contains(.settledAll(slots: [0], with: NodeID(1))))
        #expect(cluster.keepers[1].isWhole(0, now: cluster.now))
        #expect(cluster.keepers.map(\.isSettled) == [true, true, true])
        let copies = cluster.logs[1].filter { if case .batch(slots: [0], _) = $0 { true } else { false } }
        #expect(copies.count == 1)
    }

    @Test("what is owed all since outlives a start, and the shell may make it so where it has not the samples any more")
    func allSinceRestarted() {
        var cluster = Cluster(Self.view(3, slots: [[0, 1], [0, 1]]))
        cluster.run(seconds: 5)
        cluster.store(5, slots: [0, 1], skipping: [Self.skipped], at: 0, without: [1])
        let numbers = cluster.keepers[0].owedBatches.map(\.number)
        var effects: [MovementEffect] = []
        cluster.keepers[0].forget(numbers, now: cluster.now, into: &effects)
        #expect(effects == [.log(.owedAll(slots: [0, 1], to: NodeID(1)))])
        #expect(cluster.keepers[0].owedNumbers.isEmpty && cluster.keepers[0].neededBatches.isEmpty)
        let again = SlotKeeper(
            me: NodeID(0), boot: 2, records: cluster.keepers[0].openRecords, mayHaveLost: false,
            view: Self.view(3, slots: [[0, 1], [0, 1]]), now: 0, into: &effects)
        #expect(again.openRecords == cluster.keepers[0].openRecords)
        #expect(again.openRecords.contains(.owedAll(slots: [0, 1], to: NodeID(1))))
    }
}

extension SlotKeeper {
    /// Takes over a view where it does not matter what is logged of it.
    mutating func update(_ view: MovementView) {
        var effects: [MovementEffect] = []
        update(view, into: &effects)
    }
}
