import MetricModel
import SlotMovement

// A slow question is put to the next wanted owners of its slots beside, once: a race of the one answer against theirs together. Whichever
// side is whole first counts and the other is dropped, so that each slot is answered by one side alone. A hedge that fails, or has not all
// that it was asked for whole, ends the race and nothing else; a question that fails leaves what its hedges have, and have still to answer.

/// When a question that is not answered yet is put to other members too.
package struct HedgeRule: Hashable, Sendable {
    /// Microseconds that each question is given.
    package var delay: Int64
    /// Questions that may be asked beside in one read.
    package var hedgesMax: Int

    package init(delay: Int64, hedgesMax: Int) {
        self.delay = delay
        self.hedgesMax = hedgesMax
    }
}

/// What a read knows of its hedges.
struct Hedges: Sendable {
    /// A slow question's number, and those that ask the same of others.
    struct Race: Sendable {
        var question: SlotRead.Question
        var hedges: [SlotRead.Question]
        /// Hedges whose answers are put aside.
        var held: Set<Int> = []
    }

    let rule: HedgeRule?
    private(set) var hedgesLeft: Int
    /// When each question that is no hedge was asked.
    private var times: [Int: Int64] = [:]
    /// How long the slowest of those took that were answered, and how many were.
    private var slowest: Int64 = 0
    private var answeredCount = 0
    /// By the number of the slow question.
    var races: [Int: Race] = [:]
    private var slowOf: [Int: Int] = [:]
    /// Slow questions that are not looked at again.
    private var settled: Set<Int> = []

    init(rule: HedgeRule?) {
        self.rule = rule
        hedgesLeft = rule?.hedgesMax ?? 0
    }

    func isHedge(_ number: Int) -> Bool { slowOf[number] != nil }

    /// The slow question whose hedge this is.
    func slow(of number: Int) -> Int? { slowOf[number] }

    mutating func asked(_ number: Int, at now: Int64) {
        if rule != nil { times[number] = now }
    }

    mutating func answered(_ number: Int, at now: Int64) {
        guard let began = times.removeValue(forKey: number) else { return }
        slowest = max(slowest, now - began)
        answeredCount += 1
    }

    mutating func settle(_ number: Int) { settled.insert(number) }

    /// Other reads have had hedges meanwhile.
    mutating func limit(to allowance: Int) { hedgesLeft = min(hedgesLeft, allowance) }

    mutating func begin(_ race: Race) {
        settled.insert(race.question.number)
        hedgesLeft -= race.hedges.count
        for hedge in race.hedges { slowOf[hedge.number] = race.question.number }
        races[race.question.number] = race
    }

    /// Takes a race away; its hedges are questions like others from here on.
    mutating func end(_ number: Int) -> Race? {
        guard let race = races.removeValue(forKey: number) else { return nil }
        for hedge in race.hedges { slowOf[hedge.number] = nil }
        return race
    }

    /// Whether a question has been out for too long: longer than the rule says, and than twice what the others of this read took. While many of
    /// them are out the query itself takes long.
    func isSlow(_ number: Int, open: Int, now: Int64) -> Bool {
        guard let rule, let began = times[number], !settled.contains(number), answeredCount + 1 >= open else {
            return false
        }
        return now - began >= max(rule.delay, 2 * slowest)
    }
}

extension SlotRead {
    /// Begins a race for each slow question all of whose slots another wanted owner may have.
    mutating func hedge(now: Int64, isSuspect: (NodeID) -> Bool, into effects: inout [Effect]) {
        guard hedges.hedgesLeft > 0 else { return }
        let waiting = open(isRaw: false).filter { !hedges.isHedge($0.number) }
        for question in waiting where hedges.isSlow(question.number, open: waiting.count, now: now) {
            let (shares, orphans) = unasked(question.slots) { isSuspect($0) || map.suspects.contains($0) }
            guard orphans.isEmpty, shares.count <= hedges.hedgesLeft else {
                hedges.settle(question.number)
                continue
            }
            var race = Hedges.Race(question: question, hedges: [])
            for share in shares {
                let number = ask(share.node, share.slots, isHedge: true, now: now, into: &effects)
                if let hedge = questions[number] { race.hedges.append(hedge) }
            }
            hedges.begin(race)
        }
    }

    /// Puts a hedge's answer aside until all hedges of its race have one.
    mutating func takeHedge(_ answer: Answer, _ question: Question, into effects: inout [Effect]) -> Verdict {
        guard let slow = hedges.slow(of: question.number), answer.whole == question.slots else {
            giveUpRace(with: question.number, into: &effects)
            return .forgotten
        }
        hedges.races[slow]?.held.insert(question.number)
        guard let race = hedges.races[slow], race.held.count == race.hedges.count else { return .held }
        _ = hedges.end(slow)
        questions[slow] = nil
        effects.append(.drop(slow))
        answered.formUnion(race.question.slots)
        for number in race.held.sorted() where number != question.number { effects.append(.keep(number)) }
        return .kept
    }

    /// The slow question is answered: its hedges are not needed.
    mutating func endRace(of slow: Int, into effects: inout [Effect]) {
        if let race = hedges.end(slow) { drop(race, except: nil, into: &effects) }
    }

    /// One of the hedges cannot be had: the others alone are of no use.
    mutating func giveUpRace(with number: Int, into effects: inout [Effect]) {
        guard let slow = hedges.slow(of: number), let race = hedges.end(slow) else { return }
        drop(race, except: number, into: &effects)
    }

    private mutating func drop(_ race: Hedges.Race, except failed: Int?, into effects: inout [Effect]) {
        for hedge in race.hedges where hedge.number != failed {
            questions[hedge.number] = nil
            // It may be asked again.
            asked[hedge.node] = asked[hedge.node]?.subtracting(hedge.slots)
            effects.append(.drop(hedge.number))
        }
    }

    /// The slow question cannot be had: what its hedges have counts.
    ///
    /// - Returns: the slots that they answered or are still asked about.
    mutating func promote(_ slow: Int, into effects: inout [Effect]) -> SlotSet {
        guard let race = hedges.end(slow) else { return SlotSet() }
        var slots = SlotSet()
        for hedge in race.hedges {
            slots.formUnion(hedge.slots)
            guard race.held.contains(hedge.number) else { continue }
            answered.formUnion(hedge.slots)
            hasAnswer = true
            effects.append(.keep(hedge.number))
        }
        return slots
    }
}
