import HTTPSurface
import MetricModel
import QueryEngine
import QueryLanguage
import QueryRouting
import Synchronization
import WireProtocol

/// What is taken down of a query that explains itself: whom it asked, and how its plan was cut at the time.
final class QueryTrace: Sendable {
    private struct State {
        var cut = "not"
        var work: [Explanation.Work] = []
        var cache = Explanation.Cache()
    }

    private let state = Mutex(State())

    /// From here on the plan is cut so; nil for not at all.
    func cut(_ distribution: Distribution?) {
        let text =
            switch distribution {
            case .onePart: "one part"
            case .byServer: "by server"
            case .anyParts: "anywhere"
            case nil: "not"
            }
        state.withLock { $0.cut = text }
    }

    /// What became of the kept result.
    func cache(_ use: ResultStore.Use, kept: Int) {
        state.withLock { $0.cache = Explanation.Cache(use: use.rawValue, stepsKept: kept) }
    }

    func add(_ fragment: Fragment, _ number: Int, of query: String, _ asked: [AskedPart]) {
        add("fragment", number, fragment.text(in: query), asked.map(Explanation.Part.init))
    }

    func add(_ fragment: Fragment, _ number: Int, of query: String, planned: [(node: String, slots: SlotSet)]) {
        let parts = planned.map { Explanation.Part(node: $0.node, slotCount: $0.slots.count, outcome: "planned") }
        add("fragment", number, fragment.text(in: query), parts)
    }

    func add(_ selection: SeriesSelection, _ asked: [AskedPart]) {
        add("samples", nil, selection.text, asked.map(Explanation.Part.init))
    }

    func add(_ selection: SeriesSelection, planned: [(node: String, slots: SlotSet)]) {
        let parts = planned.map { Explanation.Part(node: $0.node, slotCount: $0.slots.count, outcome: "planned") }
        add("samples", nil, selection.text, parts)
    }

    private func add(_ kind: String, _ fragment: Int?, _ text: String, _ parts: [Explanation.Part]) {
        let isLong = text.utf8.count > Question.textBytesMax
        let text =
            isLong ? String(decoding: text.utf8.prefix(Question.textBytesMax), as: UTF8.self) + "…" : text
        state.withLock { state in
            state.work.append(
                Explanation.Work(
                    text: text, kind: kind, fragment: fragment, cut: state.cut, parts: parts))
        }
    }

    /// All of it; `operators` is what ran, or is to run, here.
    func explanation(_ mode: ExplainMode, slotCount: Int, operators: [OperatorFigures]) -> Explanation {
        let state = state.withLock { $0 }
        var explanation = Explanation(
            mode: mode, cut: state.cut, slotCount: slotCount, operators: operators, work: state.work)
        explanation.cache = state.cache
        return explanation
    }
}

extension Fragment {
    fileprivate func text(in query: String) -> String {
        String(decoding: Array(query.utf8)[range.start..<range.end], as: UTF8.self)
    }
}

extension SeriesSelection {
    fileprivate var text: String { "{" + matchers.map(\.description).joined(separator: ",") + "}" }
}

extension Explanation.Part {
    fileprivate init(_ asked: AskedPart) {
        let (outcome, failure): (String, String?) =
            switch asked.outcome {
            case .open, .dropped: ("dropped", nil)
            case .kept: ("used", nil)
            case .notWhole: ("not whole", nil)
            case .failed(let reason): ("failed", reason)
            }
        // What a member did not have whole was asked of the next one.
        let answered = outcome == "used" && !asked.question.isRaw ? asked.end?.slots : nil
        self.init(node: asked.name, slotCount: (answered ?? asked.question.slots).count, outcome: outcome)
        self.failure = failure
        isRaw = asked.question.isRaw
        isHedge = asked.question.isHedge
        microseconds = asked.took.map { Int($0) }
        series = asked.end?.work?.seriesCount ?? asked.end?.seriesCount
        samples = asked.end?.sampleCount
        volume = asked.end?.work?.volume
        operators = asked.end?.work?.operators ?? []
    }
}
