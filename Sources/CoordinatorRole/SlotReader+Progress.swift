import ClusterTransport
import MetricModel
import QueryRouting
import SlotMovement
import WireProtocol

/// One question of a read and what came of it, as EXPLAIN tells it.
struct AskedPart: Sendable {
    /// What became of an answer.
    enum Outcome: Sendable {
        /// Not over yet.
        case open
        case kept
        /// Another answer for the same slots was there first, or the member was suspect.
        case dropped
        /// It did not have the slots whole.
        case notWhole
        case failed(String)
    }

    let question: SlotRead.Question
    /// Of the member.
    let name: String
    let began = CoordinatorClock.now
    /// Microseconds; nil while it is open.
    var took: Int64?
    var outcome = Outcome.open
    /// How the answer ended; nil without one.
    var end: SelectEnd?
}

extension SlotReader {
    /// The questions under way, and the answers that count so far.
    struct Progress<Value: Sendable> {
        private let discard: @Sendable (SlotRead.Question, Value) -> Void
        private var streams: [Int: QueryStream] = [:]
        /// Questions whose answer is waited for.
        private var open: Set<Int> = []
        /// Answers that are not judged, or put aside.
        private var answers: [Int: Kept<Value>] = [:]
        private var kept: [Kept<Value>] = []
        /// By number, which counts from 1 in the order of asking.
        private var asked: [AskedPart] = []

        init(discard: @escaping @Sendable (SlotRead.Question, Value) -> Void) {
            self.discard = discard
        }

        mutating func ask(_ question: SlotRead.Question, _ stream: QueryStream?, name: String) {
            open.insert(question.number)
            streams[question.number] = stream
            asked.append(AskedPart(question: question, name: name))
        }

        /// Takes an answer; gives back how long it took, nil where it is not waited for any more.
        mutating func answer(_ question: SlotRead.Question, _ value: Value, _ end: SelectEnd) -> Int64? {
            streams[question.number] = nil
            guard open.remove(question.number) != nil else {
                discard(question, value)
                return nil
            }
            answers[question.number] = Kept(question: question, value: value, end: end)
            let took = CoordinatorClock.now - asked[question.number - 1].began
            note(question.number) { part in
                part.took = took
                part.end = end
            }
            return took
        }

        mutating func judge(_ number: Int, _ verdict: SlotRead.Verdict) {
            switch verdict {
            case .kept: keep(number)
            case .held: break
            case .forgotten: forget(number, .notWhole)
            }
        }

        /// Whether the failure of a question means anything.
        mutating func fail(_ question: SlotRead.Question, _ error: any Error) -> Bool {
            streams[question.number] = nil
            guard open.remove(question.number) != nil else { return false }
            note(question.number) { part in
                part.took = CoordinatorClock.now - part.began
                part.outcome = .failed("\(error)")
            }
            return true
        }

        mutating func drop(_ number: Int) {
            open.remove(number)
            streams.removeValue(forKey: number)?.cancel()
            forget(number, .dropped)
        }

        mutating func keep(_ number: Int) {
            guard let answer = answers.removeValue(forKey: number) else { return }
            kept.append(answer)
            note(number) { $0.outcome = .kept }
        }

        private mutating func forget(_ number: Int, _ outcome: AskedPart.Outcome) {
            if let answer = answers.removeValue(forKey: number) { discard(answer.question, answer.value) }
            note(number) { part in
                part.took = part.took ?? CoordinatorClock.now - part.began
                part.outcome = outcome
            }
        }

        private mutating func note(_ number: Int, _ change: (inout AskedPart) -> Void) {
            change(&asked[number - 1])
        }

        /// What has come of it.
        var outcome: Outcome<Value> {
            var outcome = Outcome<Value>()
            outcome.kept = kept.sorted {
                ($0.question.node, $0.question.number) < ($1.question.node, $1.question.number)
            }
            for one in kept { outcome.warnings.formUnion(one.end.warnings) }
            outcome.asked = asked
            return outcome
        }
    }
}
