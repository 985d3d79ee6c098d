import SlotMovement
import Testing

@Suite struct ReadAttemptTests {
    private static let members = (0..<4).map { NodeID($0) }
    private static let view = MovementView(members: members, orders: [members], replicationFactor: 2, assuredFactor: 2)
    private var requests: [NodeID] = []
    private var attempt = ReadAttempt(slot: 0, view: view, limits: MovementLimits(), now: 0)

    private mutating func advance(_ now: Int64) {
        attempt.advance(now: now, isSuspect: { _ in false }, into: &requests)
    }

    @discardableResult
    private mutating func reply(
        _ node: UInt32, _ role: SlotRole, isSound: Bool = true, isWhole: Bool = false, members: [NodeID] = Self.members,
        now: Int64 = 1_000
    ) -> Bool {
        let group = ReadReply.Group(
            slots: [0], role: role, isSound: isSound, isWhole: isWhole, members: members, missingMax: 1)
        return attempt.receive(
            ReadReply(node: NodeID(node), boot: 1, groups: [group]), now: now, isSuspect: { _ in false },
            into: &requests)
    }

    @Test("one whole replica answers for all")
    func whole() {
        var copy = self
        copy.advance(0)
        #expect(copy.requests == [NodeID(0)])
        copy.reply(0, .holder, isWhole: true)
        #expect(copy.attempt.answer == .whole(NodeID(0)))
    }

    @Test("a holder that is not whole makes everybody be asked; with one missing the union is complete at RF 2")
    func union() {
        var copy = self
        copy.advance(0)
        copy.reply(0, .holder)
        #expect(copy.requests.count == 4)
        copy.reply(2, .none)
        copy.reply(3, .none)
        #expect(copy.attempt.answer == nil)
        copy.advance(5_000_000)
        #expect(copy.attempt.answer == .union)
    }

    @Test("two missing may hide a sample, and so may one that lost what it had")
    func missing() {
        var copy = self
        copy.advance(0)
        copy.reply(0, .holder)
        copy.reply(2, .none, isSound: false)
        copy.reply(3, .none)
        copy.advance(5_000_000)
        #expect(copy.attempt.answer == .incomplete(missing: [NodeID(1), NodeID(2)]))
    }

    @Test("without a holder no union is complete")
    func noHolder() {
        var copy = self
        copy.advance(0)
        for node in 0..<4 { copy.reply(UInt32(node), .candidate) }
        #expect(copy.attempt.answer == .incomplete(missing: []))
    }

    @Test("a member that only the holder knows counts")
    func unknownMember() {
        var copy = self
        copy.advance(0)
        copy.reply(0, .holder, members: Self.members + [NodeID(8), NodeID(9)])
        #expect(copy.requests.contains(NodeID(9)))
        for node in 1..<4 { copy.reply(UInt32(node), .none) }
        copy.advance(5_000_000)
        #expect(copy.attempt.answer == .incomplete(missing: [NodeID(8), NodeID(9)]))
    }

    @Test("what comes after the deadline is not united")
    func late() {
        var copy = self
        copy.advance(0)
        copy.reply(0, .holder)
        let counts = copy.reply(2, .none, now: 5_000_000)
        #expect(!counts)
    }
}
