package import MetricModel
package import SlotMovement

/// One question of one query about a set of slots: who is asked for which of them, whose answers count, and what may be missing.
///
/// What arrives are answers, failures and time; what leaves are questions to send and questions to drop. Each slot goes to one of its wanted
/// owners, which answers for those of its slots that it has whole; the rest goes to the next wanted owner. Where none of them is whole, all
/// members are asked for what they have (`SlotUnion`), or the slots are left to the asker (`asksRaw`). A slot is counted as answered by one
/// kept answer, or by a union of raw ones, whose samples unite by (series, timestamp): a sample counts once. Why that is complete stands in
/// docs/movement.md, "A read". A question that is slow to be answered is put to further owners beside (`SlotRead+Hedges.swift`).
package struct SlotRead: Sendable {
    /// One request to one member; numbers are never used twice, so that what comes late is known for what it is.
    package struct Question: Equatable, Sendable {
        package var number: Int
        package var node: NodeID
        package var slots: SlotSet
        /// Whether all that the member has is asked for, not only what it has whole.
        package var isRaw: Bool
        /// Whether it asks what another member was asked and has not answered in time.
        package var isHedge: Bool

        /// A question to `node` about `slots`.
        package init(number: Int, node: NodeID, slots: SlotSet, isRaw: Bool, isHedge: Bool = false) {
            self.number = number
            self.node = node
            self.slots = slots
            self.isRaw = isRaw
            self.isHedge = isHedge
        }
    }

    /// What the shell shall do.
    package enum Effect: Equatable, Sendable {
        /// Send it; answer with `receive` or `fail`.
        case ask(Question)
        /// Nobody needs its answer any more: cancel it and forget what has come.
        case drop(Int)
        /// Its answer, which was held, counts.
        case keep(Int)
    }

    /// What becomes of an answer's results.
    package enum Verdict: Equatable, Sendable {
        /// They count.
        case kept
        /// They count if `keep` follows; until `drop` they are to be put aside.
        case held
        /// They are to be forgotten.
        case forgotten
    }

    /// What a member says at the end of its answer.
    package struct Answer: Equatable, Sendable {
        /// The slots that it has whole.
        package var whole: SlotSet
        /// What it is to the others.
        package var standings: [Standing]

        /// An answer, by default of a member that has all whole.
        package init(whole: SlotSet, standings: [Standing] = []) {
            self.whole = whole
            self.standings = standings
        }
    }

    /// What a member is to slots that it does not have whole.
    package struct Standing: Equatable, Sendable {
        package var slots: SlotSet
        package var role: SlotRole
        package var isSound: Bool
        /// All that may have samples of the slots, as the member sees it.
        package var members: [NodeID]
        /// How many of them a union may lack; negative when none is complete.
        package var missingMax: Int

        package init(slots: SlotSet, role: SlotRole, isSound: Bool, members: [NodeID], missingMax: Int) {
            self.slots = slots
            self.role = role
            self.isSound = isSound
            self.members = members
            self.missingMax = missingMax
        }
    }

    /// Slots whose answer may lack samples.
    package struct Gap: Equatable, Sendable {
        package var slots: SlotSet
        /// Members that may have what is missing; none when no member holds the slots yet.
        package var members: [NodeID]

        package init(slots: SlotSet, members: [NodeID]) {
            self.slots = slots
            self.members = members
        }
    }

    /// What may be missing in what was kept; complete while it is empty and the read is done.
    package private(set) var gaps: [Gap] = []
    /// Slots that no wanted owner had whole, where these are not asked for raw.
    package private(set) var left = SlotSet()
    /// Whether any answer was kept.
    package internal(set) var hasAnswer = false

    let map: ReadMap
    private let limits: MovementLimits
    private let asksRaw: Bool
    var questions: [Int: Question] = [:]
    private var questionsMade = 0
    /// Which slots each member was asked for whole.
    var asked: [NodeID: SlotSet] = [:]
    /// Slots with a kept answer of a member that had them whole.
    var answered = SlotSet()
    /// Which slow questions were put to others beside.
    var hedges: Hedges
    /// Slots that wait to be asked for raw, and since when.
    private var waiting: (slots: SlotSet, since: Int64)?
    private var unions: [SlotUnion] = []

    /// - Parameters:
    ///   - map: who has which slots; the same for the whole read.
    ///   - limits: `readDeadline` counts.
    ///   - asksRaw: whether slots that nobody has whole are united from all members' samples.
    ///   - hedging: when a slow question is put to others too; nil for never.
    package init(
        map: ReadMap, limits: MovementLimits = MovementLimits(), asksRaw: Bool, hedging: HedgeRule? = nil
    ) {
        self.map = map
        self.limits = limits
        self.asksRaw = asksRaw
        hedges = Hedges(rule: hedging)
    }

    /// Whether every slot is answered, or given up.
    package var isDone: Bool { questions.isEmpty && waiting == nil && unions.isEmpty }

    /// Begins.
    ///
    /// - Parameters:
    ///   - slots: what is asked about; nil for all.
    ///   - isRaw: whether to begin with the union: nobody has them whole.
    ///   - now: microseconds of the monotonic clock.
    ///   - effects: what follows is appended.
    package mutating func begin(_ slots: SlotSet?, isRaw: Bool = false, now: Int64, into effects: inout [Effect]) {
        guard let slots else {
            for share in map.shares { ask(share.node, share.slots, now: now, into: &effects) }
            return giveUp(map.orphans, now: now, into: &effects)
        }
        if isRaw {
            waiting = slots.isEmpty ? nil : (slots, now)
        } else {
            reassign(slots, now: now, into: &effects)
        }
        advance(now: now, isSuspect: map.suspects.contains, into: &effects)
    }

    /// Takes a member's answer, whose results are all there.
    ///
    /// - Returns: whether its results count.
    package mutating func receive(
        _ answer: Answer, to number: Int, now: Int64, isSuspect: (NodeID) -> Bool, into effects: inout [Effect]
    ) -> Verdict {
        guard let question = questions.removeValue(forKey: number) else { return .forgotten }
        let verdict =
            question.isRaw
            ? unite(answer, question, now: now, into: &effects)
            : take(answer, question, now: now, into: &effects)
        if verdict == .kept { hasAnswer = true }
        advance(now: now, isSuspect: isSuspect, into: &effects)
        return verdict
    }

    /// How many hedges may be asked from now on: others than this read ask some too.
    package mutating func limitHedges(to allowance: Int) { hedges.limit(to: allowance) }

    /// A question has no answer: not asked, refused, cut short.
    package mutating func fail(
        _ number: Int, now: Int64, isSuspect: (NodeID) -> Bool, into effects: inout [Effect]
    ) {
        guard let question = questions.removeValue(forKey: number) else { return }
        withdraw(question, now: now, into: &effects)
        advance(now: now, isSuspect: isSuspect, into: &effects)
    }

    /// Goes on where time has passed, or members have become suspect; to be called every few tenths of a second, and more often than
    /// `HedgeRule.delay`.
    package mutating func advance(now: Int64, isSuspect: (NodeID) -> Bool, into effects: inout [Effect]) {
        for question in open(isRaw: false) where isSuspect(question.node) && !map.suspects.contains(question.node) {
            // The one before it may have ended the race that this one was a hedge of.
            guard questions[question.number] != nil else { continue }
            questions[question.number] = nil
            effects.append(.drop(question.number))
            withdraw(question, now: now, into: &effects)
        }
        hedge(now: now, isSuspect: isSuspect, into: &effects)
        beginUnions(now: now, into: &effects)
        finishUnions(now: now, isSuspect: isSuspect, into: &effects)
    }

    func open(isRaw: Bool) -> [Question] {
        questions.values.filter { $0.isRaw == isRaw }.sorted { $0.number < $1.number }
    }

    @discardableResult
    mutating func ask(
        _ node: NodeID, _ slots: SlotSet, isRaw: Bool = false, isHedge: Bool = false, now: Int64,
        into effects: inout [Effect]
    ) -> Int {
        questionsMade += 1
        let question = Question(number: questionsMade, node: node, slots: slots, isRaw: isRaw, isHedge: isHedge)
        questions[question.number] = question
        if !isRaw {
            asked[node, default: SlotSet()].formUnion(slots)
            if !isHedge { hedges.asked(question.number, at: now) }
        }
        effects.append(.ask(question))
        return question.number
    }

    // MARK: - Whole answers

    /// Keeps what a member answered for the slots that it has whole.
    private mutating func take(
        _ answer: Answer, _ question: Question, now: Int64, into effects: inout [Effect]
    ) -> Verdict {
        if hedges.isHedge(question.number) { return takeHedge(answer, question, into: &effects) }
        hedges.answered(question.number, at: now)
        endRace(of: question.number, into: &effects)
        let whole = answer.whole.intersection(question.slots)
        // Results are of all the slots together: what overlaps with an answer that counts cannot be taken in part.
        let isKept = answer.whole == whole && !whole.intersects(answered)
        if isKept { answered.formUnion(whole) }
        reassign(question.slots.subtracting(answered), now: now, into: &effects)
        return isKept && !whole.isEmpty ? .kept : .forgotten
    }

    private mutating func withdraw(_ question: Question, now: Int64, into effects: inout [Effect]) {
        if question.isRaw {
            for index in unions.indices where unions[index].slots.intersects(question.slots) {
                unions[index].lose(question.node)
            }
        } else if hedges.isHedge(question.number) {
            giveUpRace(with: question.number, into: &effects)
        } else {
            let elsewhere = promote(question.number, into: &effects)
            reassign(question.slots.subtracting(answered).subtracting(elsewhere), now: now, into: &effects)
        }
    }

    /// Asks each slot's next wanted owner that is expected to answer and was not asked before.
    private mutating func reassign(_ slots: SlotSet, now: Int64, into effects: inout [Effect]) {
        if slots.isEmpty { return }
        let (shares, orphans) = unasked(slots, isSuspect: map.suspects.contains)
        for share in shares { ask(share.node, share.slots, now: now, into: &effects) }
        giveUp(orphans, now: now, into: &effects)
    }

    /// Each slot's next wanted owner that was not asked, and the slots that have none.
    func unasked(_ slots: SlotSet, isSuspect: (NodeID) -> Bool) -> (shares: [SlotShare], orphans: SlotSet) {
        ReadMap.assign(slots.slots) { slot in
            guard Int(slot) < map.view.slotCount else { return nil }
            return map.view.wanted(Int(slot)).first { !isSuspect($0) && asked[$0]?.contains(slot) != true }
        }
    }

    /// No wanted owner is left that might have these slots whole.
    private mutating func giveUp(_ slots: SlotSet, now: Int64, into effects: inout [Effect]) {
        if slots.isEmpty { return }
        guard asksRaw else { return left.formUnion(slots) }
        var all = waiting?.slots ?? SlotSet()
        all.formUnion(slots)
        waiting = (all, waiting?.since ?? now)
        beginUnions(now: now, into: &effects)
    }

    // MARK: - Unions

    /// Asks all members at once for what nobody has whole: together for all slots, unless an answer to a whole question is slow to come.
    private mutating func beginUnions(now: Int64, into effects: inout [Effect]) {
        guard let (slots, since) = waiting else { return }
        guard open(isRaw: false).isEmpty || now >= since + limits.readDeadline / 8 else { return }
        waiting = nil
        unions.append(SlotUnion(slots: slots, members: map.view.members, now: now))
        for member in map.view.members { ask(member, slots, isRaw: true, now: now, into: &effects) }
    }

    private mutating func unite(
        _ answer: Answer, _ question: Question, now: Int64, into effects: inout [Effect]
    ) -> Verdict {
        var next: [SlotUnion] = []
        var isKept = false
        var unasked: [NodeID: SlotSet] = [:]
        for union in unions {
            guard union.slots.intersects(question.slots) else {
                next.append(union)
                continue
            }
            // Two answers further apart than `grace` might both lack what moved from one to the other in between.
            let isInTime = now < union.startedAt + limits.readDeadline
            isKept = isKept || isInTime
            for part in union.split(by: isInTime ? answer : Answer(whole: SlotSet()), question) {
                for node in part.unasked { unasked[node, default: SlotSet()].formUnion(part.union.slots) }
                next.append(part.union)
            }
        }
        unions = next
        for (node, slots) in unasked.sorted(by: { $0.key < $1.key }) {
            ask(node, slots, isRaw: true, now: now, into: &effects)
        }
        return isKept ? .kept : .forgotten
    }

    private mutating func finishUnions(now: Int64, isSuspect: (NodeID) -> Bool, into effects: inout [Effect]) {
        unions.removeAll { union in
            switch union.verdict(known: map.view.members, limits: limits, now: now, isSuspect: isSuspect) {
            case .underWay: return false
            case .complete: break
            case .incomplete(let missing): gaps.append(Gap(slots: union.slots, members: missing))
            }
            return true
        }
        for question in open(isRaw: true) where !unions.contains(where: { $0.slots.intersects(question.slots) }) {
            questions[question.number] = nil
            effects.append(.drop(question.number))
        }
    }
}
