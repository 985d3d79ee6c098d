import MetricModel
import QueryEngine
import QueryLanguage
import Testing

@Suite("Hostile queries end at a limit that they name")
struct HostileQueryTests {
    private static let series: [SeriesColumns] = (0..<400).map { number in
        let labels = Labels(sortedUnique: [
            Label("__name__", "m"), Label("instance", "i\(number)"), Label("parity", "\(number % 2)"),
        ])
        return SeriesColumns(
            labels: labels, timestamps: (0..<60).map { $0 * 10_000 }, values: (0..<60).map { Double($0 + number) })
    }

    private static func failure(_ query: String, samplesMax: Int = 1_000_000) -> String {
        var options = EvaluationOptions()
        options.samplesMax = samplesMax
        do {
            let plan = try QueryPlan(
                try Parser.parse(query), text: query, tenant: .default,
                time: .range(start: 0, end: 600_000, step: 10_000), options: options)
            _ = try Evaluator.evaluate(plan, data: plan.selections.map { Script.select($0, series) })
            return "answered"
        } catch {
            return "\(error)"
        }
    }

    @Test(
        "billions of subquery steps are refused before any is taken",
        arguments: [
            "count_over_time(vector(1)[100y:1ms])", "sum_over_time(m[100y:1ms])",
            "max_over_time(max_over_time(m[1y:1s])[1y:1s])", "max_over_time(vector(time())[250y:1ms])",
        ])
    func subquerySteps(query: String) {
        #expect(Self.failure(query).contains("too many samples"))
    }

    @Test("a join of many with many names its labels, an explosion of group_left ends at the number of samples")
    func joins() {
        #expect(Self.failure("m * on (parity) m").contains("many-to-many"))
        #expect(Self.failure("m * on (parity) group_left () m").contains("found duplicate series"))
        #expect(Self.failure("{__name__=~\".+\"} + on () {__name__=~\".+\"}").contains("many-to-many"))
        let all = (0..<60).map { _ in "m" }.joined(separator: " or ")
        #expect(Self.failure(all, samplesMax: 50_000_000) == "answered")
        #expect(
            Self.failure("m or label_replace(m, \"a\", \"b\", \"\", \"\")", samplesMax: 40_000).contains(
                "too many samples"))
    }

    @Test(
        "labels that grow from call to call end at query_label_bytes_max",
        arguments: [
            (
                "label_replace(", ", \"a\", \"$1$1\", \"a\", \"(.*)\")",
                "label_replace(m, \"a\", \"xxxxxxxx\", \"\", \"\")"
            ),
            ("label_join(", ", \"a\", \"-\", \"a\", \"a\")", "label_join(m, \"a\", \"\", \"instance\")"),
        ])
    func growingLabels(call: String, arguments: String, inner: String) {
        let query = String(repeating: call, count: 40) + inner + String(repeating: arguments, count: 40)
        #expect(Self.failure(query, samplesMax: 50_000_000).contains("query_label_bytes_max (65536)"))
        let huge = "label_replace(m, \"a\", \"\(String(repeating: "$1", count: 30_000))\", \"instance\", \"(.*)\")"
        #expect(Self.failure(huge, samplesMax: 50_000_000).contains("query_label_bytes_max (65536)"))
        // One by one they are short enough, together not.
        let many = "label_replace(m, \"a\", \"\(String(repeating: "x", count: 60_000))\", \"\", \"\")"
        #expect(Self.failure(many).contains("too many samples"))
    }

    @Test(
        "expressions that take other engines exponential time are linear, those too large are refused with their place")
    func expressions() {
        #expect(Self.failure("m{instance=~\"(a+)+b|(i|i[0-9])+c|(x+x+)+y\"}") == "answered")
        #expect(Self.failure("m{instance=~\"((a{0,1000}){0,1000}){0,1000}\"}").contains("invalid repetition size"))
    }

    @Test(
        "nesting is refused at its limit, in the parser and not on the stack", arguments: ["(", "-", "abs(", "m + ("])
    func nesting(opening: String) {
        let closing = opening.hasSuffix("(") ? ")" : ""
        let query = String(repeating: opening, count: 5_000) + "m" + String(repeating: closing, count: 5_000)
        #expect(Self.failure(query).contains("query_depth_max (256)"))
    }
}
