import MetricModel
import QueryRouting
import SeededRandom
import SlotMovement
import Testing

/// Members with samples of slots, as a read meets them: some have a slot whole, some a part of it, some do not answer.
private struct Members {
    /// Samples of each slot that each member has.
    var samples: [NodeID: [UInt16: Set<Int>]] = [:]
    /// Slots that a member has whole.
    var whole: [NodeID: SlotSet] = [:]
    var holders: [NodeID: SlotSet] = [:]
    var unsound: Set<NodeID> = []
    let view: MovementView

    func answer(_ question: SlotRead.Question) -> (SlotRead.Answer, results: [UInt16: Set<Int>]) {
        let whole = (whole[question.node] ?? SlotSet()).intersection(question.slots)
        let rest = question.slots.subtracting(whole)
        let held = (holders[question.node] ?? SlotSet()).intersection(rest)
        func standing(_ slots: SlotSet, _ role: SlotRole) -> SlotRead.Standing {
            SlotRead.Standing(
                slots: slots, role: role, isSound: !unsound.contains(question.node), members: view.members,
                missingMax: view.missingMax)
        }
        let standings = [standing(held, .holder), standing(rest.subtracting(held), .none)].filter { !$0.slots.isEmpty }
        var results: [UInt16: Set<Int>] = [:]
        for slot in (question.isRaw ? question.slots : whole).slots {
            results[slot] = samples[question.node]?[slot] ?? []
        }
        return (SlotRead.Answer(whole: whole, standings: standings), results)
    }
}

@Suite("A read of slots")
struct SlotReadTests {
    private static func view(members count: Int, slots: Int, factor: Int, _ random: inout SplitMix64) -> MovementView {
        let members = (0..<count).map { NodeID(UInt32($0)) }
        return MovementView(
            members: members, orders: (0..<slots).map { _ in members.shuffled(using: &random) },
            replicationFactor: factor, assuredFactor: factor)
    }

    /// Every acknowledged sample lies on as many members as the factor says, and on every member that has its slot whole.
    private static func world(_ random: inout SplitMix64, slots: Int) -> (Members, [UInt16: Set<Int>]) {
        let factor = Int(random.next() % 3) + 1
        let view = view(members: factor + Int(random.next() % 4), slots: slots, factor: factor, &random)
        var members = Members(view: view)
        var acknowledged: [UInt16: Set<Int>] = [:]
        for slot in 0..<UInt16(slots) {
            let wanted = view.wanted(Int(slot))
            for sample in 0..<5 {
                acknowledged[slot, default: []].insert(sample)
                var places = Set(view.members.shuffled(using: &random).prefix(factor))
                if random.next() % 2 == 0 { places.formUnion(wanted) }
                for node in places { members.samples[node, default: [:]][slot, default: []].insert(sample) }
            }
            for node in wanted where random.next() % 3 > 0 {
                members.holders[node, default: SlotSet()].insert(slot)
                if random.next() % 3 > 0 {
                    members.whole[node, default: SlotSet()].insert(slot)
                    members.samples[node, default: [:]][slot] = acknowledged[slot]
                }
            }
        }
        for node in view.members where random.next() % 6 == 0 { members.unsound.insert(node) }
        return (members, acknowledged)
    }

    @Test(
        "what is not named as a gap has every acknowledged sample, and whole answers count each slot once",
        arguments: 0..<300)
    func complete(_ seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let (members, acknowledged) = Self.world(&random, slots: 40)
        let view = members.view
        let down = Set(view.members.filter { _ in random.next() % 5 == 0 })
        let suspects = random.next() % 2 == 0 ? down : []
        let asksRaw = random.next() % 3 > 0
        let hedging = random.next() % 2 == 0 ? HedgeRule(delay: 25_000, hedgesMax: 20) : nil
        var read = SlotRead(map: ReadMap(view: view, suspects: suspects), asksRaw: asksRaw, hedging: hedging)
        var effects: [SlotRead.Effect] = []
        let asked = random.next() % 3 == 0 ? SlotSet((0..<40 as Range<UInt16>).filter { $0 % 3 == 0 }) : nil
        var now: Int64 = 0
        read.begin(asked, now: now, into: &effects)
        var open: [SlotRead.Question] = []
        var found: [UInt16: Set<Int>] = [:]
        var wholeAnswers: [UInt16: Int] = [:]
        var held: [Int: (SlotRead.Question, [UInt16: Set<Int>])] = [:]
        func keep(_ question: SlotRead.Question, _ results: [UInt16: Set<Int>]) {
            for (slot, samples) in results {
                found[slot, default: []].formUnion(samples)
                if !question.isRaw { wholeAnswers[slot, default: 0] += 1 }
            }
        }
        var numbers: Set<Int> = []
        var steps = 0
        while !read.isDone {
            steps += 1
            try #require(steps < 2_000, "the read does not end")
            for effect in effects {
                switch effect {
                case .ask(let question):
                    #expect(numbers.insert(question.number).inserted && !question.slots.isEmpty)
                    open.append(question)
                case .drop(let number):
                    open.removeAll { $0.number == number }
                    held[number] = nil
                case .keep(let number):
                    let (question, results) = try #require(held[number])
                    held[number] = nil
                    keep(question, results)
                }
            }
            effects = []
            now += 10_000
            guard !open.isEmpty else {
                now += 200_000
                read.advance(now: now, isSuspect: suspects.contains, into: &effects)
                continue
            }
            let question = open.remove(at: Int(random.next() % UInt64(open.count)))
            if down.contains(question.node) {
                if random.next() % 2 == 0 {
                    read.fail(question.number, now: now, isSuspect: suspects.contains, into: &effects)
                } else {
                    // Silence, until it is suspected or the read is over.
                    open.append(question)
                    now += 100_000
                    read.advance(
                        now: now, isSuspect: now > 2_000_000 ? down.contains : suspects.contains, into: &effects)
                }
                continue
            }
            let (answer, results) = members.answer(question)
            let verdict = read.receive(
                answer, to: question.number, now: now, isSuspect: suspects.contains, into: &effects)
            switch verdict {
            case .kept: keep(question, results)
            case .held: held[question.number] = (question, results)
            case .forgotten: break
            }
        }
        for effect in effects {
            guard case .keep(let number) = effect else { continue }
            let (question, results) = try #require(held[number])
            held[number] = nil
            keep(question, results)
        }
        #expect(held.isEmpty || effects.contains { if case .drop = $0 { true } else { false } })
        #expect(wholeAnswers.values.allSatisfy { $0 == 1 })
        var excused = read.left
        for gap in read.gaps { excused.formUnion(gap.slots) }
        for slot in (asked ?? SlotSet(below: 40)).slots where !excused.contains(slot) {
            #expect(found[slot] == acknowledged[slot], "slot \(slot)")
        }
        #expect(asksRaw ? read.left.isEmpty : read.gaps.isEmpty)
        // With nobody down and everybody sound nothing is excused that a member has whole.
        if down.isEmpty, members.unsound.isEmpty, suspects.isEmpty {
            for gap in read.gaps {
                for slot in gap.slots.slots { #expect(!members.holders.values.contains { $0.contains(slot) }) }
            }
        }
    }

    @Test("when all is well each owner is asked once, and nobody about a slot that another answers for")
    func healthy() {
        var random = SplitMix64(seed: 1)
        let view = Self.view(members: 5, slots: 100, factor: 2, &random)
        var read = SlotRead(map: ReadMap(view: view), asksRaw: true)
        var effects: [SlotRead.Effect] = []
        read.begin(nil, now: 0, into: &effects)
        var all = SlotSet()
        for effect in effects {
            guard case .ask(let question) = effect else {
                Issue.record("\(effect)")
                continue
            }
            #expect(!all.intersects(question.slots))
            #expect(question.slots.slots.allSatisfy { view.wanted(Int($0)).first == question.node })
            all.formUnion(question.slots)
            var more: [SlotRead.Effect] = []
            #expect(
                read.receive(
                    SlotRead.Answer(whole: question.slots), to: question.number, now: 1, isSuspect: { _ in false },
                    into: &more) == .kept)
            #expect(more.isEmpty)
        }
        #expect(effects.count == 5 && all == SlotSet(below: 100) && read.isDone && read.gaps.isEmpty)
    }

    @Test("a suspect owner is passed over, one that becomes suspect is not waited for")
    func suspects() {
        var random = SplitMix64(seed: 2)
        let view = Self.view(members: 3, slots: 10, factor: 2, &random)
        let map = ReadMap(view: view, suspects: [NodeID(0)])
        #expect(!map.shares.contains { $0.node == NodeID(0) } && map.orphans.isEmpty)
        var read = SlotRead(map: map, asksRaw: true)
        var effects: [SlotRead.Effect] = []
        read.begin(nil, now: 0, into: &effects)
        effects = []
        read.advance(now: 1, isSuspect: { $0 == NodeID(1) }, into: &effects)
        guard case .drop = effects.first else {
            Issue.record("\(effects)")
            return
        }
        // The next owner, or, where there is none, everybody.
        #expect(effects.contains { if case .ask(let question) = $0 { question.node == NodeID(2) } else { false } })
    }

    @Test("an answer about slots that were not asked for does not count")
    func foreignSlots() {
        var random = SplitMix64(seed: 3)
        let view = Self.view(members: 1, slots: 10, factor: 1, &random)
        var read = SlotRead(map: ReadMap(view: view), asksRaw: false)
        var effects: [SlotRead.Effect] = []
        read.begin(SlotSet([1, 2]), now: 0, into: &effects)
        let verdict = read.receive(
            SlotRead.Answer(whole: SlotSet([1, 2, 3])), to: 1, now: 0, isSuspect: { _ in false }, into: &effects)
        #expect(verdict == .forgotten && read.left == SlotSet([1, 2]) && read.isDone)
    }

    @Test("a slot that nobody holds, or whose samples may be on members that do not answer, is a gap that names them")
    func gaps() {
        var random = SplitMix64(seed: 4)
        let view = Self.view(members: 3, slots: 4, factor: 2, &random)
        func gaps(role: SlotRole, answers: Int) -> [SlotRead.Gap] {
            var read = SlotRead(map: ReadMap(view: view), asksRaw: true)
            var effects: [SlotRead.Effect] = []
            read.begin(SlotSet([0]), isRaw: true, now: 0, into: &effects)
            for (index, effect) in effects.enumerated() {
                guard case .ask(let question) = effect else { continue }
                var more: [SlotRead.Effect] = []
                guard index < answers else {
                    read.fail(question.number, now: 1, isSuspect: { _ in false }, into: &more)
                    continue
                }
                let standing = SlotRead.Standing(
                    slots: question.slots, role: role, isSound: true, members: view.members, missingMax: 1)
                _ = read.receive(
                    SlotRead.Answer(whole: SlotSet(), standings: [standing]), to: question.number, now: 1,
                    isSuspect: { _ in false }, into: &more)
            }
            return read.gaps
        }
        #expect(gaps(role: .holder, answers: 3).isEmpty)
        #expect(gaps(role: .holder, answers: 2).isEmpty)
        #expect(
            gaps(role: .holder, answers: 1) == [SlotRead.Gap(slots: SlotSet([0]), members: [NodeID(1), NodeID(2)])])
        #expect(gaps(role: .none, answers: 3) == [SlotRead.Gap(slots: SlotSet([0]), members: [])])
        #expect(gaps(role: .none, answers: 0).first?.members.count == 3)
    }
}
