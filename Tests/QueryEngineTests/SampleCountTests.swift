import MetricModel
import QueryEngine
import QueryLanguage
import Testing

@Suite("Samples that a query looked at, as Prometheus counts them")
struct SampleCountTests {
    /// Query, and the samples at 60 s, 90 s and 120 s over two series: one with a sample each 10 s, one each 30 s.
    static let counts = [
        ("m", [2, 2, 2]), ("m{s=\"a\"}", [1, 1, 1]), ("1", [0, 0, 0]), ("rate(m[30s])", [4, 4, 4]),
        ("sum(m) + sum(m)", [4, 4, 4]), ("count_over_time(m[1m] @ 60)", [8, 8, 8]),
        ("max_over_time(rate(m[30s])[30s:10s])", [3, 3, 3]), ("absent(m)", [2, 2, 2]), ("m offset 2m", [0, 0, 2]),
    ]

    @Test("each step counts its own", arguments: counts)
    func perStep(query: String, expected: [Int]) throws {
        var options = EvaluationOptions()
        options.countsSamples = true
        let time = QueryTime.range(start: 60_000, end: 120_000, step: 30_000)
        let plan = try QueryPlan(
            try Parser.parse(query), text: query, tenant: .default, time: time, options: options)
        let result = try Evaluator.evaluate(plan, data: plan.selections.map(SampleCountTests.data))
        #expect(result.sampleCounts?.map(\.samples) == expected)
        #expect(result.sampleCounts?.map(\.time) == [60_000, 90_000, 120_000])
    }

    @Test("a range vector counts what it answers, and without being asked nothing is counted")
    func instants() throws {
        var options = EvaluationOptions()
        for (counts, expected) in [(true, [8]), (false, nil)] {
            options.countsSamples = counts
            let plan = try QueryPlan(
                try Parser.parse("m[1m]"), text: "m[1m]", tenant: .default, time: .instant(at: 120_000),
                options: options)
            let result = try Evaluator.evaluate(plan, data: plan.selections.map(SampleCountTests.data))
            #expect(result.sampleCounts?.map(\.samples) == expected)
        }
    }

    private static func data(_ selection: SeriesSelection) -> [SeriesColumns] {
        [("a", 10_000), ("b", 30_000)].compactMap { name, step -> SeriesColumns? in
            let labels = Labels(sortedUnique: [Label(Labels.metricName, "m"), Label("s", name)])
            guard selection.matchers.allSatisfy({ $0.matches(labels[$0.name] ?? "") }) else { return nil }
            let times = stride(from: Int64(0), through: 120_000, by: step).filter {
                selection.start <= $0 && $0 <= selection.end
            }
            return SeriesColumns(labels: labels, timestamps: times, values: times.map { Double($0) })
        }
    }
}
