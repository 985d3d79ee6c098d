import SlotMovement
import Testing

@Suite struct WriteAttemptTests {
    static let view = MovementView(
        members: (0..<4).map { NodeID($0) }, orders: [(0..<4).map { NodeID($0) }], replicationFactor: 2,
        assuredFactor: 2)
    private var requests: [AddressedStore] = []
    private var attempt = WriteAttempt(slots: [0], batch: 7, view: view, limits: MovementLimits(), now: 0)

    private mutating func advance(_ now: Int64, suspects: Set<NodeID> = []) -> [NodeID] {
        requests.removeAll()
        attempt.advance(now: now, isSuspect: suspects.contains, into: &requests)
        return asked
    }

    private var asked: [NodeID] {
        requests.map(\.node)
    }

    private func stake(_ node: UInt32, _ role: SlotRole = .holder, boot: UInt32 = 1, attempt: UInt32 = 1) -> Stake {
        Stake(node: NodeID(node), boot: boot, attempt: attempt, role: role)
    }

    private mutating func reply(
        _ from: Stake, _ outcome: StoreReply.Outcome = .logged(skipping: []), peers: [Stake] = [], copies: Int = 2,
        now: Int64 = 1_000
    ) -> [NodeID] {
        requests.removeAll()
        let group = StoreReply.Group(
            slots: [0], attempt: from.attempt, role: from.role, outcome: outcome, peers: peers, copiesWanted: copies)
        let reply = StoreReply(batch: 7, node: from.node, boot: from.boot, groups: [group])
        attempt.receive(reply, now: now, isSuspect: { _ in false }, into: &requests)
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

    @Test("a logger that remembers nothing of the batch gets it once more, with the samples")
    func forgotten() {
        var copy = self
        _ = copy.advance(0)
        _ = copy.reply(stake(0), peers: [stake(1)])
        _ = copy.advance(1_000_000)
        #expect(copy.requests.map(\.request.isRepeated) == [true, false])
        expect(copy.reply(stake(0), .refused, now: 1_100_000), [NodeID(0)])
        #expect(copy.requests.map(\.request.isRepeated) == [false])
        #expect(copy.requests.map(\.request.skipping) == [[NodeStart(node: NodeID(1), boot: 1)]])
        expect(copy.reply(stake(0), .refused, now: 1_200_000), [NodeID(3)])
    }
}

@Suite struct ManySlotsAttemptTests {
    /// Slots 0 and 2 belong to members 0 and 1, slots 1 and 3 to 0 and 2; who stands in differs too.
    private static let orders: [[UInt32]] = [[0, 1, 2, 3], [0, 2, 1, 3], [0, 1, 3, 2], [0, 2, 1, 3]]
    private static let view = MovementView(
        members: (0..<4).map { NodeID($0) }, orders: orders.map { $0.map { NodeID($0) } }, replicationFactor: 2,
        assuredFactor: 2)
    private var requests: [AddressedStore] = []
    private var attempt = WriteAttempt(
        slots: [0, 1, 2, 3], batch: 7, view: view, limits: MovementLimits(), now: 0)

    /// Node and slots of each request.
    private mutating func advance(_ now: Int64) -> [String] {
        requests.removeAll()
        attempt.advance(now: now, isSuspect: { _ in false }, into: &requests)
        return requests.map { "\($0.node) \($0.request.slots)" }
    }

    private mutating func log(
        _ slots: [Int], _ node: UInt32, role: SlotRole = .holder, skipping: [UInt32] = [], peers: [UInt32] = [],
        now: Int64 = 1_000
    ) -> [String] {
        requests.removeAll()
        let stakes = peers.map { Stake(node: NodeID($0), boot: 1, attempt: 1, role: .holder) }
        let group = StoreReply.Group(
            slots: slots, attempt: 1, role: role, outcome: .logged(skipping: skipping.map { NodeID($0) }),
            peers: stakes, copiesWanted: 2)
        let reply = StoreReply(batch: 7, node: NodeID(node), boot: 1, groups: [group])
        attempt.receive(reply, now: now, isSuspect: { _ in false }, into: &requests)
        return requests.map { "\($0.node) \($0.request.slots)" }
    }

    @Test("each member is asked once, for all its slots, and answers may be about any part of them")
    func parts() {
        var copy = self
        expect(copy.advance(0), ["n0 [0, 1, 2, 3]", "n1 [0, 2]", "n2 [1, 3]"])
        expect(copy.log([0, 3], 0), [])
        expect(copy.log([0, 2], 1), [])
        expect(copy.log([3], 2), [])
        expect(copy.log([1], 2), [])
        #expect(copy.attempt.state == .underWay)
        expect(copy.log([1, 2], 0), [])
        #expect(copy.attempt.state == .acknowledged)
    }

    @Test("where a part has another peer only that part waits for it")
    func differing() {
        var copy = self
        _ = copy.advance(0)
        expect(copy.log([0, 1], 0, peers: [1]), ["n1 [1]"])
        expect(copy.log([2, 3], 0, peers: [3]), ["n3 [2, 3]"])
        _ = copy.log([0, 1, 2], 1)
        _ = copy.log([1, 3], 2)
        #expect(copy.attempt.state == .underWay)
        _ = copy.log([2, 3], 3)
        #expect(copy.attempt.state == .acknowledged)
    }

    @Test("each slot has the next of its own order stand in, and the loggers are told without the samples")
    func standIns() {
        var copy = self
        _ = copy.advance(0)
        _ = copy.log([0, 1, 2, 3], 0, peers: [1])
        _ = copy.log([1, 3], 2)
        expect(copy.advance(1_001_000), ["n0 [0, 1, 2, 3]", "n2 [0]", "n2 [1, 3]", "n3 [2]"])
        #expect(copy.requests.map(\.request.isRepeated) == [true, false, true, false])
        #expect(copy.requests.allSatisfy { $0.request.skipping == [NodeStart(node: NodeID(1), boot: 1)] })
        _ = copy.log([0], 2, role: .none, skipping: [1], now: 1_100_000)
        _ = copy.log([1, 3], 2, skipping: [1], now: 1_100_000)
        _ = copy.log([2], 3, role: .none, skipping: [1], now: 1_100_000)
        #expect(copy.attempt.state == .underWay)
        _ = copy.log([0, 1, 2, 3], 0, skipping: [1], peers: [1], now: 3_000_000)
        #expect(copy.attempt.state == .acknowledged)
    }
}

/// `#expect` takes no mutating calls; a function's arguments do.
func expect<Value: Equatable>(
    _ found: Value, _ expected: Value, sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(found == expected, sourceLocation: sourceLocation)
}
