import SlotMovement
import Testing

@Suite struct WriteAttemptTests {
    static let view = MovementView(
        members: (0..<4).map { NodeID($0) }, orders: [(0..<4).map { NodeID($0) }], replicationFactor: 2,
        assuredFactor: 2)
    private var effects: [MovementEffect] = []
    private var attempt = WriteAttempt(slot: 0, batch: 7, view: view, limits: MovementLimits(), now: 0)

    private mutating func advance(_ now: Int64, suspects: Set<NodeID> = []) -> [NodeID] {
        effects.removeAll()
        attempt.advance(now: now, isSuspect: suspects.contains, into: &effects)
        return asked
    }

    private var asked: [NodeID] {
        effects.compactMap { effect in
            if case .send(.store, let node) = effect { node } else { nil }
        }
    }

    private func stake(_ node: UInt32, _ role: SlotRole = .holder, boot: UInt32 = 1, attempt: UInt32 = 1) -> Stake {
        Stake(node: NodeID(node), boot: boot, attempt: attempt, role: role)
    }

    private mutating func reply(
        _ from: Stake, _ outcome: StoreReply.Outcome = .logged(skipping: []), peers: [Stake] = [], copies: Int = 2,
        now: Int64 = 1_000
    ) -> [NodeID] {
        effects.removeAll()
        let reply = StoreReply(slot: 0, batch: 7, stake: from, outcome: outcome, peers: peers, copiesWanted: copies)
        attempt.receive(reply, now: now, isSuspect: { _ in false }, into: &effects)
        return asked
    }

    @Test("both owners log: acknowledged")
    func plain() {
        var copy = self
        expect(copy.advance(0), [NodeID(0), NodeID(1)])
        expect(copy.reply(stake(0), peers: [stake(1)]), [])
        #expect(copy.attempt.state == .underWay)
        expect(copy.reply(stake(1), peers: [stake(0)]), [])
        #expect(copy.attempt.state == .acknowledged)
    }

    @Test("candidates alone acknowledge nothing")
    func candidates() {
        var copy = self
        _ = copy.advance(0)
        _ = copy.reply(stake(0, .candidate))
        _ = copy.reply(stake(1, .announcing))
        #expect(copy.attempt.state == .underWay)
    }

    @Test("a stake that an answer names gets the batch before it is acknowledged")
    func namedStake() {
        var copy = self
        _ = copy.advance(0)
        expect(copy.reply(stake(0), peers: [stake(1), stake(3, .candidate)]), [NodeID(3)])
        _ = copy.reply(stake(1))
        #expect(copy.attempt.state == .underWay)
        _ = copy.reply(stake(3, .candidate))
        #expect(copy.attempt.state == .acknowledged)
    }

    @Test("an owner that does not answer is owed the batch by all that logged it, and another member stands in")
    func standIn() {
        var copy = self
        _ = copy.advance(0)
        _ = copy.reply(stake(0), peers: [stake(1)])
        // The stand-in is asked, and the holder is told whom it shall owe.
        #expect(Set(copy.advance(1_000_000)) == [NodeID(0), NodeID(2)])
        _ = copy.reply(stake(2, .none), .logged(skipping: [NodeID(1)]), now: 1_100_000)
        #expect(copy.attempt.state == .underWay)
        _ = copy.reply(stake(0), .logged(skipping: []), peers: [stake(1)], now: 1_200_000)
        #expect(copy.attempt.state == .underWay)
        _ = copy.reply(stake(0), .logged(skipping: [NodeID(1)]), peers: [stake(1)], now: 3_000_000)
        #expect(copy.attempt.state == .acknowledged)
    }

    @Test("a refusal covers the stake that refused, not a later one of that node")
    func refusal() {
        var copy = self
        _ = copy.advance(0)
        let refusal = StoreReply.Outcome.notHolder(wanted: [NodeID(0), NodeID(2)])
        expect(copy.reply(stake(1, .none, attempt: 1), refusal), [NodeID(2)])
        _ = copy.reply(stake(2))
        expect(copy.reply(stake(0), peers: [stake(1, .candidate, attempt: 2)]), [NodeID(1)])
        #expect(copy.attempt.state == .underWay)
        _ = copy.reply(stake(1, .candidate, attempt: 2))
        #expect(copy.attempt.state == .acknowledged)
    }

    @Test("what an earlier start logged does not count for the one after")
    func restarted() {
        var copy = self
        _ = copy.advance(0)
        _ = copy.reply(stake(1, boot: 1))
        expect(copy.reply(stake(0), peers: [stake(1, .candidate, boot: 2)]), [NodeID(1)])
        #expect(copy.attempt.state == .underWay)
    }

    @Test("the greatest number of copies that anybody wants counts")
    func copies() {
        var copy = self
        _ = copy.advance(0)
        _ = copy.reply(stake(0), copies: 3)
        _ = copy.reply(stake(1))
        #expect(copy.attempt.state == .underWay)
        _ = copy.reply(stake(2, .none))
        #expect(copy.attempt.state == .acknowledged)
    }

    @Test("after the deadline nothing is acknowledged, whatever comes")
    func deadline() {
        var copy = self
        _ = copy.advance(0)
        _ = copy.reply(stake(0))
        _ = copy.reply(stake(1), now: MovementLimits().writeDeadline)
        #expect(copy.attempt.state == .failed)
    }
}

/// `#expect` takes no mutating calls; a function's arguments do.
func expect<Value: Equatable>(
    _ found: Value, _ expected: Value, sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(found == expected, sourceLocation: sourceLocation)
}
