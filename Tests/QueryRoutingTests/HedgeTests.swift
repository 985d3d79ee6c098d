import MetricModel
import QueryRouting
import SeededRandom
import SlotMovement
import Testing

@Suite("Hedges: a slow question is put to other owners too, and one side alone counts")
struct HedgeTests {
    /// Slot 0 ... 5 lie on nodes 0 and 1, or 0 and 2, all first on 0; slot 6 and 7 on 1 and 2.
    private static let view = MovementView(
        members: [NodeID(0), NodeID(1), NodeID(2)],
        orders: (0..<8).map { slot in
            if slot > 5 { return [NodeID(1), NodeID(2), NodeID(0)] }
            return slot % 2 == 0 ? [NodeID(0), NodeID(1), NodeID(2)] : [NodeID(0), NodeID(2), NodeID(1)]
        }, replicationFactor: 2, assuredFactor: 2)
    private static let even = SlotSet([0, 2, 4])
    private static let odd = SlotSet([1, 3, 5])

    /// A read whose questions 1 (to node 0) and 2 (to node 1) are asked, the second answered at 10, and what follows at 100.
    private static func slow(
        _ rule: HedgeRule?, isSuspect: (NodeID) -> Bool = { _ in false }
    ) -> (SlotRead, [SlotRead.Effect]) {
        var read = SlotRead(map: ReadMap(view: view), asksRaw: true, hedging: rule)
        var effects: [SlotRead.Effect] = []
        read.begin(nil, now: 0, into: &effects)
        effects = []
        let answer = SlotRead.Answer(whole: SlotSet([6, 7]))
        #expect(read.receive(answer, to: 2, now: 10, isSuspect: isSuspect, into: &effects) == .kept)
        read.advance(now: 49, isSuspect: isSuspect, into: &effects)
        #expect(effects.isEmpty)
        read.advance(now: 100, isSuspect: isSuspect, into: &effects)
        return (read, effects)
    }

    private static let rule = HedgeRule(delay: 50, hedgesMax: 10)
    private static let race: [SlotRead.Effect] = [
        .ask(SlotRead.Question(number: 3, node: NodeID(1), slots: even, isRaw: false, isHedge: true)),
        .ask(SlotRead.Question(number: 4, node: NodeID(2), slots: odd, isRaw: false, isHedge: true)),
    ]

    private static func whole(_ slots: SlotSet) -> SlotRead.Answer { SlotRead.Answer(whole: slots) }

    @Test("a question that took longer than the delay, and than twice the others, is put to the next owners, once")
    func asks() {
        var (read, effects) = Self.slow(Self.rule)
        #expect(effects == Self.race)
        effects = []
        read.advance(now: 1_000, isSuspect: { _ in false }, into: &effects)
        #expect(effects.isEmpty)
        #expect(Self.slow(HedgeRule(delay: 101, hedgesMax: 10)).1.isEmpty)
        #expect(Self.slow(nil).1.isEmpty)
    }

    @Test("no question is hedged beyond the number allowed, nor where a slot has no other owner that answers")
    func bounds() {
        #expect(Self.slow(HedgeRule(delay: 50, hedgesMax: 1)).1.isEmpty)
        #expect(Self.slow(Self.rule, isSuspect: { $0 == NodeID(2) }).1.isEmpty)
    }

    @Test("when several questions are out none is slow: the query itself takes long")
    func allSlow() {
        var read = SlotRead(map: ReadMap(view: Self.view), asksRaw: true, hedging: Self.rule)
        var effects: [SlotRead.Effect] = []
        read.begin(nil, now: 0, into: &effects)
        effects = []
        read.advance(now: 1_000_000, isSuspect: { _ in false }, into: &effects)
        #expect(effects.isEmpty)
    }

    @Test("the slow one answers first: its hedges are dropped")
    func slowWins() {
        var (read, effects) = Self.slow(Self.rule)
        effects = []
        #expect(
            read.receive(Self.whole(Self.odd), to: 4, now: 110, isSuspect: { _ in false }, into: &effects) == .held)
        #expect(
            read.receive(
                Self.whole(SlotSet(below: 6)), to: 1, now: 120, isSuspect: { _ in false }, into: &effects) == .kept)
        #expect(effects == [.drop(3), .drop(4)])
        #expect(read.isDone && read.gaps.isEmpty)
    }

    @Test("all hedges answer first: they count together, and the slow one is dropped")
    func hedgesWin() {
        var (read, effects) = Self.slow(Self.rule)
        effects = []
        #expect(
            read.receive(Self.whole(Self.odd), to: 4, now: 110, isSuspect: { _ in false }, into: &effects) == .held)
        #expect(effects.isEmpty && !read.isDone)
        #expect(
            read.receive(Self.whole(Self.even), to: 3, now: 120, isSuspect: { _ in false }, into: &effects) == .kept)
        #expect(effects == [.drop(1), .keep(4)])
        #expect(read.isDone && read.gaps.isEmpty)
    }

    @Test("the slow one fails: what its hedges have counts, and the other is waited for")
    func slowFails() {
        var (read, effects) = Self.slow(Self.rule)
        effects = []
        #expect(
            read.receive(Self.whole(Self.odd), to: 4, now: 110, isSuspect: { _ in false }, into: &effects) == .held)
        read.fail(1, now: 120, isSuspect: { _ in false }, into: &effects)
        #expect(effects == [.keep(4)] && !read.isDone)
        effects = []
        #expect(
            read.receive(Self.whole(Self.even), to: 3, now: 130, isSuspect: { _ in false }, into: &effects) == .kept)
        #expect(effects.isEmpty && read.isDone && read.gaps.isEmpty)
    }

    @Test(
        "a hedge fails, or has not all of its slots whole: the others are dropped, and the slow one goes on",
        arguments: [false, true])
    func hedgeFails(isAnswered: Bool) {
        var (read, effects) = Self.slow(Self.rule)
        effects = []
        #expect(
            read.receive(Self.whole(Self.odd), to: 4, now: 110, isSuspect: { _ in false }, into: &effects) == .held)
        if isAnswered {
            let verdict = read.receive(
                Self.whole(SlotSet([0])), to: 3, now: 120, isSuspect: { _ in false }, into: &effects)
            #expect(verdict == .forgotten)
        } else {
            read.fail(3, now: 120, isSuspect: { _ in false }, into: &effects)
        }
        #expect(effects == [.drop(4)])
        effects = []
        // Then it fails too: the other owners that have not failed are asked like any.
        read.fail(1, now: 130, isSuspect: { _ in false }, into: &effects)
        let asked = effects.compactMap { effect in
            if case .ask(let question) = effect, !question.isRaw { question } else { nil }
        }
        #expect(asked.map(\.node) == [NodeID(2)] && asked.allSatisfy { !$0.isHedge && $0.slots == Self.odd })
    }

    @Test("hedges are paced: not before the delay, later where answers take long, one for ten answers")
    func pacing() {
        var pacer = HedgePacer(delayMin: 50)
        #expect(pacer.rule == HedgeRule(delay: 50, hedgesMax: 10))
        for time in 1...100 { pacer.answered(after: Int64(time * 10)) }
        #expect((900...970).contains(pacer.rule?.delay ?? 0))
        for _ in 0..<10 { pacer.asked() }
        #expect(pacer.rule == nil)
        for _ in 0..<9 { pacer.answered(after: 1) }
        #expect(pacer.rule == nil)
        pacer.answered(after: 1)
        #expect(pacer.rule?.hedgesMax == 1)
        for _ in 0..<300 { pacer.answered(after: 1) }
        #expect(pacer.rule == HedgeRule(delay: 50, hedgesMax: 10))
    }
}
