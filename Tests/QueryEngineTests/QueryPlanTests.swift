import MetricModel
import QueryEngine
import QueryLanguage
import Testing

@Suite("Plans: what a query must read, and its limits")
struct QueryPlanTests {
    private static func plan(_ query: String, _ time: QueryTime, _ options: EvaluationOptions = EvaluationOptions())
        throws -> QueryPlan
    {
        try QueryPlan(try Parser.parse(query), text: query, tenant: .default, time: time, options: options)
    }

    /// Query, and the first and last millisecond of each of its selections when evaluated at 1000 s.
    static let ranges: [(String, [ClosedRange<Int64>])] = [
        ("m", [700_001...1_000_000]),
        ("m offset 1m", [640_001...940_000]),
        ("m offset -1m", [760_001...1_060_000]),
        ("m @ 100", [-199_999...100_000]),
        ("m @ 100 offset 10s", [-209_999...90_000]),
        ("rate(m[1m])", [940_001...1_000_000]),
        ("rate(m[1m] offset 1m) + n", [880_001...940_000, 700_001...1_000_000]),
        ("sum(a) / on (x) sum(b offset 10s)", [700_001...1_000_000, 690_001...990_000]),
        ("max_over_time(m[5m:1m])", [420_001...960_000]),
        ("max_over_time(rate(m[30s])[5m:1m] offset 2m)", [570_001...840_000]),
        ("max_over_time(m[5m:1m] @ 300)", [-239_999...300_000]),
        ("vector(1)", []),
    ]

    @Test("selections read exactly what look-back, windows, offsets, @ and subqueries reach", arguments: ranges)
    func selections(_ query: String, _ expected: [ClosedRange<Int64>]) throws {
        let plan = try QueryPlanTests.plan(query, .instant(at: 1_000_000))
        #expect(plan.selections.map { $0.start...$0.end } == expected)
    }

    @Test("@ start() and end() are those of the whole query, in subqueries too")
    func boundaries() throws {
        let time = QueryTime.range(start: 1_000_000, end: 2_000_000, step: 300_000)
        let plan = try QueryPlanTests.plan("m @ start() + max_over_time(n[5m:1m] @ end()) + o", time)
        #expect(plan.selections.map(\.start) == [700_001, 1_440_001, 700_001])
        // The last step is at 1900 s.
        #expect(plan.selections.map(\.end) == [1_000_000, 1_980_000, 1_900_000])
    }

    @Test("a look-back that makes no sense is refused", arguments: [0, -1, .min, (1 << 53) + 1, .max] as [Int64])
    func badLookback(_ lookback: Int64) {
        var options = EvaluationOptions()
        options.lookback = lookback
        #expect(throws: QueryError.self) { try QueryPlanTests.plan("m", .instant(at: 0), options) }
    }

    @Test("times and steps that make no sense are refused")
    func badTimes() throws {
        func code(_ query: String, _ time: QueryTime) throws -> QueryError.Code? {
            let expression = try Parser.parse(query)
            do throws(QueryError) {
                _ = try QueryPlan(expression, text: query, tenant: .default, time: time)
                return nil
            } catch {
                return error.code
            }
        }
        #expect(try code("m", .range(start: 0, end: 100, step: 0)) == .badRequest)
        #expect(try code("m", .range(start: 0, end: 100, step: -1)) == .badRequest)
        #expect(try code("m", .range(start: 100, end: 0, step: 1)) == .badRequest)
        #expect(try code("m[5m]", .range(start: 0, end: 100, step: 1)) == .badRequest)
        #expect(try code("\"x\"", .range(start: 0, end: 100, step: 1)) == .badRequest)
        #expect(try code("m", .instant(at: .max)) == .badRequest)
        #expect(try code("m", .instant(at: .min)) == .badRequest)
        #expect(try code("m @ 9000000000000000", .instant(at: 0)) == .badRequest)
        #expect(try code("m", .range(start: .min, end: .max, step: 1)) == .limit)
        #expect(try code("m", .range(start: 0, end: 11_000, step: 1)) == nil)
        #expect(try code("m", .range(start: 0, end: 11_001, step: 1)) == .limit)
        #expect(try code("m[290y] offset 290y", .instant(at: 1 << 59)) == nil)
    }

    @Test("a resolution of too many points is refused in Prometheus' words")
    func resolution() throws {
        do {
            _ = try QueryPlanTests.plan("m", .range(start: 0, end: 11_001_000, step: 1000))
            Issue.record("accepted")
        } catch let error as QueryError {
            let advice = "Try decreasing the query resolution (?step=XX)"
            #expect(error.message == "exceeded maximum resolution of 11,000 points per timeseries. \(advice)")
        }
    }

    @Test("samples, cells and results are limited by name")
    func limits() throws {
        let series = try (0..<10).map { index in
            SeriesColumns(
                labels: try Labels([Label("__name__", "m"), Label("i", "\(index)")]), timestamps: [0, 1000],
                values: [1, 2])
        }
        func failure(_ query: String, _ time: QueryTime, _ change: (inout EvaluationOptions) -> Void) -> String {
            var options = EvaluationOptions()
            change(&options)
            do {
                return "\(try Script.answer(query, time, series, options: options).value)"
            } catch {
                return "\(error)"
            }
        }
        let range = QueryTime.range(start: 0, end: 100_000, step: 1000)
        #expect(failure("m", .instant(at: 1000)) { $0.samplesMax = 19 }.contains("query_samples_max is 19"))
        #expect(failure("m or m", range) { $0.samplesMax = 500 }.contains("query_samples_max is 500"))
        #expect(failure("sum by (i) (m)", range) { $0.samplesMax = 500 }.contains("query_samples_max is 500"))
        #expect(failure("m", .instant(at: 1000)) { $0.outputSeriesMax = 9 }.contains("query_output_series_max (9)"))
        #expect(failure("sum_over_time(vector(1)[200y:1ms])", .instant(at: 0)) { _ in }.contains("query_samples_max"))
        #expect(failure("m", .instant(at: 1000)) { $0.outputSeriesMax = 10 }.contains("vector"))
    }

    @Test("a query that nobody waits for any more ends")
    func cancellation() throws {
        let series = try (0..<100).map { index in
            SeriesColumns(
                labels: try Labels([Label("__name__", "m"), Label("i", "\(index)")]), timestamps: [0], values: [1])
        }
        for query in ["m", "sum(m)", "m * on (i) m", "topk(1, m)", "sum_over_time(m[1m:10s])", "quantile(0.5, m)", "1"]
        {
            let plan = try QueryPlanTests.plan(query, .instant(at: 0))
            var asked = 0
            do throws(QueryError) {
                let data = plan.selections.map { Script.select($0, series) }
                _ = try Evaluator.evaluate(plan, data: data) {
                    asked += 1
                    return asked > (query == "1" ? 0 : 20)
                }
                Issue.record("\(query) went on")
            } catch {
                #expect(error.code == .cancelled)
            }
        }
    }

    @Test("a window function over huge windows asks too whether anybody waits")
    func cancellationInsideWindows() throws {
        let times = (0..<20_000).map { Int64($0) * 1000 }
        let series = SeriesColumns(
            labels: try Labels([Label("__name__", "m")]), timestamps: times, values: times.map { Double($0 % 7) / 3 })
        let time = QueryTime.range(start: 20_000_000, end: 31_000_000, step: 1000)
        let plan = try QueryPlanTests.plan("quantile_over_time(0.5, m[1d])", time)
        var asked = 0
        do throws(QueryError) {
            _ = try Evaluator.evaluate(plan, data: [[series]]) {
                asked += 1
                return asked > 2
            }
            Issue.record("went on")
        } catch {
            #expect(error.code == .cancelled)
        }
    }

    @Test("a query as deep as the parser lets through plans, evaluates and prints")
    func depth() throws {
        let series = [SeriesColumns(labels: try Labels([Label("__name__", "m")]), timestamps: [0], values: [1])]
        let levels = 250
        let deep = [
            String(repeating: "(", count: levels) + "m" + String(repeating: ")", count: levels),
            String(repeating: "-(", count: levels / 2) + "m" + String(repeating: ")", count: levels / 2),
            String(repeating: "abs(", count: levels) + "m" + String(repeating: ")", count: levels),
            String(repeating: "sum(", count: levels) + "m" + String(repeating: ")", count: levels),
            "m" + String(repeating: " + m", count: levels),
            "m" + String(repeating: " or m", count: levels),
            "m" + String(repeating: " ^ m", count: levels),
            String(repeating: "max_over_time(", count: levels / 2) + "m"
                + String(repeating: "[2s:1s])", count: levels / 2),
        ]
        for query in deep {
            guard case .vector(_, let elements) = try Script.answer(query, .instant(at: 0), series).value else {
                Issue.record("\(query.prefix(20)) is no vector")
                return
            }
            #expect(elements.count == 1, "\(query.prefix(20))")
            #expect(!Printer.text(try Parser.parse(query)).isEmpty)
        }
    }

    @Test("text and raw samples answer instant queries as they are")
    func plainResults() throws {
        guard case .string(0, "a") = try Script.answer("\"a\"", .instant(at: 0), []).value else {
            Issue.record("no string")
            return
        }
        guard case .scalar(5000, 5) = try Script.answer("time()", .instant(at: 5000), []).value else {
            Issue.record("no scalar")
            return
        }
    }

    @Test("warnings carry their place, each once, and not more than ten of a kind")
    func notes() throws {
        let series = try (0..<30).map { index in
            SeriesColumns(labels: try Labels([Label("__name__", "m\(index)")]), timestamps: [0, 1000], values: [1, 2])
        }
        let result = try Script.answer("1 +\nsum(quantile_over_time(2, m1[1m]))", .instant(at: 1000), series)
        #expect(result.warnings == ["PromQL warning: quantile value should be between 0 and 1, got 2 (2:24)"])
        let many = try Script.answer(
            "count(last_over_time({__name__=~\"m.*\"}[1m])) + sum(rate(m3[1m]))", .instant(at: 1000), series)
        #expect(many.infos.count == 1)
        let names = (0..<30).map { "rate(m\($0)[1m])" }.joined(separator: " + on () ")
        let all = try Script.answer(names, .instant(at: 1000), series)
        #expect(all.infos.count == 11)
        #expect(all.infos.last == "20 more info annotations omitted")
    }
}
