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

    /// Histograms of so many buckets each, at schema 8, in ranges of their own; at 60 times.
    private static func wide(_ series: Int, buckets: Int) -> [SeriesColumns] {
        (0..<series).map { number in
            let labels = Labels(sortedUnique: [
                Label("__name__", "h"), Label("group", "\(number / 10)"), Label("instance", "i\(number)"),
            ])
            var columns = SeriesColumns(labels: labels, timestamps: [], values: [])
            for step in 0..<60 {
                let counts = [Double](repeating: Double(step + 1), count: buckets)
                columns.histograms.append(
                    timestamp: Int64(step) * 10_000,
                    NativeHistogram(
                        schema: 8, count: Double(buckets * (step + 1)), sum: 1,
                        positive: .init(
                            spans: [.init(offset: Int32(number * buckets), length: UInt32(buckets))], counts: counts)))
            }
            return columns
        }
    }

    private static func answer(_ query: String, _ series: [SeriesColumns], samplesMax: Int) throws -> QueryResult {
        var options = EvaluationOptions()
        options.samplesMax = samplesMax
        let plan = try QueryPlan(
            try Parser.parse(query, options: ManyNodes.parserOptions), text: query, tenant: .default,
            time: .range(start: 0, end: 600_000, step: 1_000), options: options)
        return try Evaluator.evaluate(plan, data: plan.selections.map { Script.select($0, series) })
    }

    @Test("a sum has as many buckets as its histograms together, also when it was put together from parts")
    func wideSum() throws {
        let series = Self.wide(30, buckets: 160)
        for query in ["sum(h)", "avg(h)", "sum(rate(h[1m]))", "sum by (group) (h)"] {
            let time = QueryTime.instant(at: 300_000)
            let whole = try ManyNodes(series, nodes: 1).answer(query, time, trying: []).result
            let parts = try ManyNodes(series, nodes: 3).answer(query, time, trying: [.anyParts])
            #expect(parts.used == .anyParts)
            guard case .vector(_, let expected) = whole.value, case .vector(_, let found) = parts.result.value else {
                Issue.record("\(query) is no vector")
                continue
            }
            let buckets = query.contains("group") ? 1600 : 4800
            #expect(expected.first?.histogram?.positive.counts.count == buckets)
            #expect(found.first?.histogram?.positive.spans == expected.first?.histogram?.positive.spans)
            // A mean depends on the order of its additions.
            if query.contains("avg") { continue }
            #expect(found.first?.histogram?.positive == expected.first?.histogram?.positive)
        }
    }

    @Test(
        "histograms that together have too many buckets are refused by the name of the limit",
        arguments: [
            "sum(h)", "avg(h)", "sum(rate(h[1m]))", "sum_over_time(sum(h)[1m:10s])",
            "sum(h{instance=~\"i[0-7]\"}) + sum(h{instance=~\"i[89]\"})",
        ])
    func tooWideSum(query: String) {
        let series = Self.wide(10, buckets: 4000)
        let error = #expect(throws: QueryError.self) { try Script.answer(query, .instant(at: 300_000), series) }
        #expect(error?.code == .limit && error?.message.contains("histogram_result_buckets_max is 32768") == true)
    }

    @Test(
        "histograms that are computed count where a query keeps them",
        arguments: [
            "rate(h[1m])", "sum by (instance) (rate(h[1m]))", "h * 2", "h + h", "limitk(5, rate(h[1m]))",
            "histogram_quantile(0.9, rate(h[1m]))", "sort(rate(h[1m]))",
            "label_replace(rate(h[1m]), \"a\", \"b\", \"\", \"\")",
            "rate(h[1m]) or rate(h[2m])",
        ])
    func computedHistograms(query: String) throws {
        // 5 series of 60 samples of 30 buckets are 7,800 numbers to read; at 601 steps they would be some 90,000.
        let series = Self.wide(5, buckets: 30)
        let error = #expect(throws: QueryError.self) { try Self.answer(query, series, samplesMax: 40_000) }
        #expect(error?.message.contains("too many samples") == true)
        #expect(throws: Never.self) { _ = try Self.answer(query, series, samplesMax: 1_000_000) }
        // What is put into one sum at once is not kept.
        #expect(throws: Never.self) { _ = try Self.answer("sum(count_over_time(h[1m]))", series, samplesMax: 40_000) }
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
