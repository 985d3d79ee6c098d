import SlotMovement
import Testing

@Suite("How slots come along") struct MovementProgressTests {
    private static let second: Int64 = 1_000_000

    @Test("a change begins with slots that are left, tells its pace and an estimate, and ends when none is left")
    func oneChange() throws {
        var progress = MovementProgress()
        progress.note(left: 0, bytes: 500, samples: 50, now: 0)
        #expect(progress.change == nil)
        for step in 0...4 {
            progress.note(
                left: 100 - 10 * step, bytes: 500 + 1_000 * step, samples: 50 + 20 * step,
                now: (10 + Int64(step)) * Self.second)
        }
        let change = try #require(progress.change)
        #expect(change.slots == 100 && change.slotsLeft == 60 && change.seconds == 4)
        #expect(change.bytes == 4_000 && change.samples == 80)
        #expect(change.bytesPerSecond == 1_000 && change.samplesPerSecond == 20)
        #expect(change.secondsLeft == 6)
        progress.note(left: 0, bytes: 9_000, samples: 0, now: 30 * Self.second)
        #expect(progress.change == nil)
    }

    @Test("a second change in the middle of the first adds its slots, and hides none that were done")
    func twoChanges() throws {
        var progress = MovementProgress()
        for (second, left) in [100, 80, 130, 110].enumerated() {
            progress.note(left: left, bytes: 0, samples: 0, now: Int64(second) * Self.second)
        }
        let change = try #require(progress.change)
        #expect(change.slots == 150 && change.slotsLeft == 110)
        // 40 were done in 3 s.
        #expect(change.secondsLeft == 9)
    }

    @Test("while nothing gets on there is no estimate, and the pace is that of the last ten seconds")
    func stall() throws {
        var progress = MovementProgress()
        progress.note(left: 100, bytes: 0, samples: 0, now: 0)
        progress.note(left: 50, bytes: 5_000, samples: 0, now: Self.second)
        for second in 2...20 { progress.note(left: 50, bytes: 5_000, samples: 0, now: Int64(second) * Self.second) }
        let change = try #require(progress.change)
        #expect(change.secondsLeft == nil && change.bytesPerSecond == 0 && change.seconds == 20)
    }
}

@Suite("The pace of copying") struct MovementPaceTests {
    @Test(
        "what comes in the long run is the rate, whatever the size of pages", arguments: [10_000, 300_000, 2_000_000])
    func rate(page: Int) {
        let rate = 1_000_000
        var pace = MovementPace(bytesPerSecond: rate, now: 0)
        var came = 0
        // Asked ten times a second for as many pages as it lets pass, each of which comes at once; for a minute.
        for step in 0..<600 {
            while pace.mayAsk(now: Int64(step) * 100_000) {
                pace.received(bytes: page)
                came += page
            }
        }
        #expect(came <= 60 * rate + rate + 2 * page)
        #expect(came >= 55 * rate)
    }

    @Test("pages that are asked for and never come hold the next ones up only for the time that they would have taken")
    func lost() {
        var pace = MovementPace(bytesPerSecond: 1 << 20, now: 0)
        var asked = 0
        while pace.mayAsk(now: 0) { asked += 1 }
        #expect(asked == 16)
        let (atOnce, later) = (pace.mayAsk(now: 0), pace.mayAsk(now: 500_000))
        #expect(!atOnce && later)
    }
}

@Suite("How far a node is with a slot") struct SlotStateTests {
    private func keeper(wanted: [UInt32], now: Int64) -> SlotKeeper {
        var effects: [MovementEffect] = []
        let order = wanted.map { NodeID($0) }
        let view = MovementView(
            members: [NodeID(0), NodeID(1)], orders: [order], replicationFactor: 1, assuredFactor: 1)
        return SlotKeeper(me: NodeID(0), boot: 1, records: [], mayHaveLost: false, view: view, now: now, into: &effects)
    }

    @Test("a wanted slot waits, and is something to gain; another is nothing")
    func begin() {
        let owner = keeper(wanted: [0, 1], now: 0)
        #expect(owner.states(now: 0) == [.waiting])
        #expect(owner.balance.toGain == 1 && owner.balance.toGive == 0)
        #expect(keeper(wanted: [1, 0], now: 0).states(now: 0) == [.none])
    }

    @Test("a node alone comes to have it whole; when it is no longer wanted it is something to give")
    func whole() {
        var effects: [MovementEffect] = []
        let alone = MovementView(
            members: [NodeID(0)], orders: [[NodeID(0)]], replicationFactor: 1, assuredFactor: 1)
        var keeper = SlotKeeper(
            me: NodeID(0), boot: 1, records: [], mayHaveLost: false, view: alone, now: 0, into: &effects)
        for step in 1...20 { keeper.tick(now: Int64(step) * 100_000, into: &effects) }
        #expect(keeper.states(now: 2_000_000) == [.whole])
        #expect(keeper.balance == SlotBalance())
        keeper.update(
            MovementView(
                members: [NodeID(0), NodeID(1)], orders: [[NodeID(1), NodeID(0)]], replicationFactor: 1,
                assuredFactor: 1), into: &effects)
        #expect(keeper.balance.toGive == 1)
    }
}
