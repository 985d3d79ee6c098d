import SlotMovement
import Testing

/// What a start counts on that remembers more, or less, than the start before it.
@Suite struct SlotKeeperRestartTests {
    private static let (me, other) = (NodeID(0), NodeID(1))

    /// One slot of three members, of which the first `factor` are wanted.
    private static func view(factor: Int) -> MovementView {
        MovementView(
            members: (0..<3).map { NodeID($0) }, orders: [(0..<3).map { NodeID($0) }], replicationFactor: factor,
            assuredFactor: factor)
    }

    private static func keeper(
        _ records: [MovementRecord], factor: Int, limits: MovementLimits = MovementLimits()
    ) -> SlotKeeper {
        var effects: [MovementEffect] = []
        return SlotKeeper(
            me: me, boot: 2, records: records, mayHaveLost: false, view: view(factor: factor), limits: limits, now: 0,
            into: &effects)
    }

    /// Ticks for two seconds.
    ///
    /// - Returns: what was logged, and what the other member was asked last.
    private static func run(_ keeper: inout SlotKeeper, from start: Int64) -> (log: [MovementRecord], asks: SlotAsks?) {
        var (log, asks): ([MovementRecord], SlotAsks?) = ([], nil)
        for step in 1...20 as ClosedRange<Int64> {
            var effects: [MovementEffect] = []
            keeper.tick(now: start + step * 100_000, into: &effects)
            for effect in effects {
                switch effect {
                case .log(let record): log.append(record)
                case .send(.asks(let sent), to: other): asks = sent
                default: break
                }
            }
        }
        return (log, asks)
    }

    @Test("who unites what members have awaits the checkpoint where one of them does")
    func waitsForCheckpoint() throws {
        for (flags, isAwaited) in [(SlotFlags(), false), (SlotFlags.awaitsCheckpoint, true)] {
            var keeper = Self.keeper([.batch(slots: [0], number: 4)], factor: 2)
            let asked = try #require(Self.run(&keeper, from: 0).asks)
            for member in [Self.other, NodeID(2)] {
                let row = SlotRow(
                    slot: 0, role: .none, flags: flags.union([.isSound, .hasSamples]), attempt: 1)
                let answer = SlotAnswers(
                    boot: 1, serial: 1, askerBoot: 2, round: asked.round, rows: [row], peerCounts: [0], peers: [])
                var effects: [MovementEffect] = []
                keeper.receive(.answers(answer), from: member, now: 2_000_000, into: &effects)
            }
            let log = Self.run(&keeper, from: 2_000_000).log
            #expect(log.contains(.restoring(slots: [0])) == isAwaited)
        }
    }

    @Test("a start that awaits the checkpoint says so")
    func saysThatItWaits() throws {
        let samples = MovementRecord.batch(slots: [0], number: 4)
        for (records, isAwaited) in [([samples], false), ([samples, .restoring(slots: [0])], true)] {
            var keeper = Self.keeper(records, factor: 2)
            let asked = Self.run(&keeper, from: 0).asks
            let row = try #require(asked?.rows.first)
            #expect(row.flags.contains(.awaitsCheckpoint) == isAwaited)
        }
    }

    @Test("what an earlier start owed stays until the member has said to this one that it has no part in the slot")
    func owedByAnEarlierStart() throws {
        let owed = MovementRecord.owedAll(slots: [0], to: Self.other)
        // The other is not wanted any more, but may hold the slot still.
        var keeper = Self.keeper([.batch(slots: [0], number: 4), owed], factor: 1)
        let silent = Self.run(&keeper, from: 0)
        #expect(keeper.openRecords.contains(owed))
        let asked = try #require(silent.asks)
        for (role, serial) in [(SlotRole.holder, 1), (.none, 2)] as [(SlotRole, UInt64)] {
            let row = SlotRow(slot: 0, role: role, flags: [.isSound], attempt: 1)
            let answer = SlotAnswers(
                boot: 1, serial: serial, askerBoot: 2, round: asked.round, rows: [row], peerCounts: [0], peers: [])
            var effects: [MovementEffect] = []
            keeper.receive(.answers(answer), from: Self.other, now: 2_000_000, into: &effects)
            let log = Self.run(&keeper, from: 2_000_000 * Int64(serial)).log
            #expect(log.contains(.settledAll(slots: [0], with: Self.other)) == (role == .none))
        }
    }

    @Test("a batch that a router may still ask about is one that the log keeps")
    func neededBatches() {
        var limits = MovementLimits()
        limits.recentSlotsMax = 1
        var keeper = Self.keeper([], factor: 1, limits: limits)
        for isRepeated in [false, true] {
            for batch in 1...3 as ClosedRange<UInt64> {
                let request = StoreRequest(
                    slots: [0], batch: batch, skipping: [], isStandIn: true, isRepeated: isRepeated)
                var effects: [MovementEffect] = []
                keeper.store(request, from: RequesterID(batch), now: 0, into: &effects)
                guard case .answerStore(let reply, _)? = effects.last else {
                    Issue.record("no answer: \(effects)")
                    continue
                }
                #expect(reply.groups.map(\.outcome) == [.logged(skipping: [])])
            }
            #expect(keeper.neededBatches.count == 3)
        }
    }

    @Test(
        "a member whose removal is heard of after its return must register anew, also where this node starts in between",
        arguments: [(false, UInt32(1)), (true, 1), (false, 2), (true, 2)])
    func returned(restarts: Bool, boot: UInt32) {
        let left = MovementView(
            members: [Self.me, NodeID(2)], orders: [[Self.me, NodeID(2)]], replicationFactor: 2, assuredFactor: 2)
        var (keeper, effects): (SlotKeeper, [MovementEffect]) = (Self.keeper([], factor: 2), [])
        func asks(_ round: UInt32, boot: UInt32) -> MovementMessage {
            let row = SlotRow(slot: 0, role: .candidate, flags: [.isSound], attempt: 1)
            return .asks(SlotAsks(boot: boot, serial: UInt64(round), round: round, rows: [row]))
        }
        keeper.receive(asks(1, boot: 1), from: Self.other, now: 100_000, into: &effects)
        keeper.update(left, into: &effects)
        if restarts { keeper = Self.keeper(keeper.openRecords, factor: 2) }
        keeper.update(Self.view(factor: 2), into: &effects)
        effects = []
        keeper.receive(asks(2, boot: boot), from: Self.other, now: 200_000, into: &effects)
        let isSame = boot == 1
        #expect(effects.contains(.log(.owedAll(slots: [0], to: Self.other))) == isSame)
        effects = []
        let later = 300_000 + MovementLimits().grace
        keeper.receive(asks(3, boot: boot), from: Self.other, now: later, into: &effects)
        let flags = effects.compactMap { effect in
            if case .send(.answers(let answers), to: Self.other) = effect { answers.rows.first?.flags } else { nil }
        }
        #expect(flags.map { $0.contains(.registerAnew) } == [isSame])
        #expect(flags.map { $0.contains(.grantsLease) } == [!isSame])
    }

    @Test("samples that are lost at run time make the slot unsound, in the log too, until it is held again")
    func lost() {
        let alone = MovementView(
            members: [Self.me], orders: [[Self.me], [Self.me]], replicationFactor: 1, assuredFactor: 1)
        var effects: [MovementEffect] = []
        var keeper = SlotKeeper(
            me: Self.me, boot: 1, records: [], mayHaveLost: false, view: alone, now: 0, into: &effects)
        _ = Self.run(&keeper, from: 0)
        #expect(keeper.heldSlots == [0, 1])
        effects = []
        keeper.lose([1], now: 2_000_000, into: &effects)
        #expect(effects == [.log(.unsound), .log(.sound(slots: [0])), .held(slot: 1, false)])
        #expect(keeper.isWhole(0, now: 2_000_000) && !keeper.isWhole(1, now: 2_000_000))
        #expect(!keeper.isSettled && !keeper.isSound(1))
        var log: [MovementRecord] = []
        for second in 1...20 as ClosedRange<Int64> { log += Self.run(&keeper, from: second * 2_000_000).log }
        // Nobody else can have had it: what the checkpoint has is asked for.
        #expect(log == [.restoring(slots: [1]), .sound(slots: [1])])
        #expect(keeper.heldSlots == [0, 1] && keeper.slotsAwaitingCheckpoint == [1])
    }
}
