import MetricModel
import QueryEngine
import QueryLanguage
import SeededRandom
import Testing

@Suite("Range queries of kept and computed steps")
struct ResultReuseTests {
    // MARK: - Data and evaluation

    /// Some series, and what changed of them since a result was kept.
    private struct Store {
        var samples: [Labels: [Int64: Double]] = [:]
        var changed: [ClosedRange<Int64>] = []

        init(_ series: [SeriesColumns]) {
            for one in series {
                samples[one.labels] = Dictionary(uniqueKeysWithValues: zip(one.timestamps, one.values))
            }
        }

        mutating func set(_ labels: Labels, _ time: Int64, _ value: Double?) {
            samples[labels, default: [:]][time] = value
            changed.append((time & ~0x3FFF)...(time | 0x3FFF))
        }

        func data(_ selection: SeriesSelection) -> [SeriesColumns] {
            samples.keys.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }.compactMap { labels in
                guard selection.matchers.allSatisfy({ $0.matches(labels[$0.name] ?? "") }) else { return nil }
                let times = (samples[labels] ?? [:]).keys.filter { $0 >= selection.start && $0 <= selection.end }
                    .sorted()
                if times.isEmpty { return nil }
                return SeriesColumns(
                    labels: labels, timestamps: times, values: times.map { samples[labels]?[$0] ?? 0 })
            }
        }
    }

    private struct Query {
        var text: String
        var expression: Expression
        var options = EvaluationOptions()

        init(_ text: String) throws {
            self.text = text
            var parser = ParserOptions()
            parser.experimentalFunctions = true
            expression = try Parser.parse(text, options: parser)
        }

        func plan(_ steps: StepRange) throws -> QueryPlan {
            try QueryPlan(
                expression, text: text, tenant: .default,
                time: .range(start: steps.first, end: steps.last, step: steps.step), options: options)
        }

        func result(_ steps: StepRange, _ store: Store) throws -> QueryResult {
            let plan = try plan(steps)
            return try Evaluator.evaluate(plan, data: plan.selections.map(store.data))
        }

        /// As a coordinator does it.
        func result(_ steps: StepRange, _ store: inout Store, _ extent: inout ResultExtent?) throws -> (
            result: QueryResult, kept: Int
        ) {
            let reach = try #require(try plan(steps).reach)
            if let known = extent,
                let reuse = ResultReuse(known, steps: steps, changed: store.changed, reach: reach)
            {
                let computed = try? reuse.missing.map { try result($0, store) }
                if let computed, let (result, next) = reuse.united(computed, options: options) {
                    if let next {
                        extent = next
                        store.changed = []
                    }
                    return (result, reuse.keptCount)
                }
            }
            let whole = try result(steps, store)
            extent = ResultExtent(whole, steps: steps, countMax: steps.count)
            store.changed = []
            return (whole, 0)
        }
    }

    /// Everything of a result, each value by its bits.
    private static func text(_ result: Result<QueryResult, any Error>) -> String {
        switch result {
        case .failure(let error): return "\(error)"
        case .success(let result):
            guard case .matrix(let series) = result.value else { return "no matrix" }
            let lines = series.map { one in
                "\(one.labels) \(one.timestamps) \(one.values.map { String($0.bitPattern, radix: 16) })"
            }
            return (lines + ["\(result.warnings)", "\(result.infos)"]).joined(separator: "\n")
        }
    }

    // MARK: - Rules

    @Test("put together they answer what a query answers that computes all", arguments: 0..<40 as Range<UInt64>)
    func sameAsComputed(_ seed: UInt64) throws {
        var queries = RandomQueries(seed: seed)
        var keptSteps = 0
        for _ in 0..<6 {
            var store = Store(queries.series(strays: false))
            let labels = Array(store.samples.keys).sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
            var query = try Query(queries.vector(depth: 2))
            query.options.lookback = queries.pick([15_000, 60_000])
            let step: Int64 = queries.pick([7_000, 10_000, 30_000])
            let probe = StepRange(start: 0, end: 100_000, step: step)
            guard try query.plan(probe).reach != nil else { continue }
            var extent: ResultExtent?
            var start: Int64 = 60_000
            for round in 0..<8 {
                let end = start + queries.pick([100_000, 250_000, 400_000])
                let steps = StepRange(start: start, end: end, step: step)
                let expected = Result { try query.result(steps, store) }
                var kept = 0
                let found = Result {
                    let (result, count) = try query.result(steps, &store, &extent)
                    kept = count
                    return result
                }
                #expect(Self.text(found) == Self.text(expected), "\(query.text), seed \(seed), round \(round)")
                keptSteps += kept
                start += step * Int64(queries.pick([0, 1, 1, 2, 5, -3]))
                for _ in 0..<queries.pick([0, 0, 1, 3]) {
                    let time = Int64(queries.random.next() % 70) * 10_000 + queries.pick([0, 0, 1, 5_000])
                    let value: Double? = queries.chance(20) ? nil : Double(queries.random.next() % 100)
                    store.set(queries.pick(labels), time, queries.chance(5) ? StaleMarker.value : value)
                }
            }
        }
        #expect(keptSteps > 0 || seed != 0)
    }

    /// Query, and what a step reads.
    static let reaches: [(String, [ClosedRange<Int64>]?)] = [
        ("m", [-299_999...0]),
        ("m offset 1m", [-359_999...(-60_000)]),
        ("m offset -1m", [-239_999...60_000]),
        ("rate(m[1m]) / m", [-299_999...0, -59_999...0]),
        ("sum by (a) (rate(m[1m] offset 1h))", [-3_659_999...(-3_600_000)]),
        ("max_over_time(rate(m[1m])[5m:30s])", [-359_998...0]),
        ("max_over_time(rate(m[1m])[5m:30s] offset 1m)", [-419_998...(-60_000)]),
        ("last_over_time({a=\"b\"}[1m])", [-59_999...0]),
        ("topk(scalar(n), m)", [-299_999...0]),
        ("absent_over_time({a=\"b\"}[1m])", [-59_999...0]),
        ("m @ 100", nil), ("m @ start()", nil), ("m + sum_over_time(n[1m] @ end())", nil),
        ("max_over_time(m[5m:1m] @ 100)", nil),
        ("rate({a=\"b\"}[1m])", nil),
        ("label_replace(m, \"a\", \"$1\", \"b\", \"(.*)\")", nil),
        ("info(m)", nil), ("time()", nil), ("vector(1)", nil),
    ]

    @Test(
        "a step reads what look-back, windows, offsets and subqueries reach, or more than can be told",
        arguments: reaches)
    func reach(_ text: String, _ expected: [ClosedRange<Int64>]?) throws {
        let plan = try Query(text).plan(StepRange(start: 1_000_000, end: 2_000_000, step: 10_000))
        #expect(plan.reach?.ranges == expected)
    }

    @Test("a refresh computes the new steps and those that read what changed")
    func refresh() throws {
        let query = try Query("m")
        let labels = try Labels([Label("__name__", "m")])
        let every10s = (0...100).map { Int64($0) * 10_000 }
        var store = Store([SeriesColumns(labels: labels, timestamps: every10s, values: every10s.map(Double.init))])
        var extent: ResultExtent?
        _ = try query.result(StepRange(start: 0, end: 1_000_000, step: 10_000), &store, &extent)
        store.set(labels, 1_010_000, 1)
        let next = StepRange(start: 10_000, end: 1_010_000, step: 10_000)
        let known = try #require(extent)
        let reach = try #require(try query.plan(next).reach)
        let reuse = try #require(ResultReuse(known, steps: next, changed: store.changed, reach: reach))
        // The window of 16.384 s that the new sample lies in begins at 999.424 s.
        #expect(reuse.missing == [StepRange(start: 1_000_000, end: 1_010_000, step: 10_000)])
        #expect(reuse.keptCount == 99)
        store.set(labels, 500_001, 3)
        let late = try #require(ResultReuse(known, steps: next, changed: store.changed, reach: reach))
        #expect(late.missing.map(\.first) == [500_000, 1_000_000])
        #expect(late.missing.first?.last == 800_000)
    }

    @Test("of two dashboards over one expression the longer range is kept")
    func longestRange() throws {
        let query = try Query("m")
        let labels = try Labels([Label("__name__", "m")])
        let times = (0...200).map { Int64($0) * 10_000 }
        var store = Store([SeriesColumns(labels: labels, timestamps: times, values: times.map(Double.init))])
        var extent: ResultExtent?
        _ = try query.result(StepRange(start: 0, end: 1_000_000, step: 10_000), &store, &extent)
        let short = try query.result(StepRange(start: 900_000, end: 1_010_000, step: 10_000), &store, &extent)
        #expect(short.kept == 11)
        #expect(extent?.steps == StepRange(start: 10_000, end: 1_010_000, step: 10_000))
        let long = try query.result(StepRange(start: 20_000, end: 1_020_000, step: 10_000), &store, &extent)
        #expect(long.kept == 100)
        let elsewhere = try query.result(StepRange(start: 1_500_000, end: 1_900_000, step: 10_000), &store, &extent)
        #expect(elsewhere.kept == 0)
    }

    @Test("an info that the computed steps do not repeat has all computed, else it stays")
    func notes() throws {
        let query = try Query("rate(m[1m])")
        let labels = try Labels([Label("__name__", "m")])
        let times = (0...50).map { Int64($0) * 10_000 }
        var store = Store([SeriesColumns(labels: labels, timestamps: times, values: times.map(Double.init))])
        var extent: ResultExtent?
        let first = try query.result(StepRange(start: 0, end: 400_000, step: 100_000), &store, &extent)
        #expect(first.result.infos.count == 1)
        let next = try query.result(StepRange(start: 100_000, end: 500_000, step: 100_000), &store, &extent)
        #expect(next.result.infos == first.result.infos && next.kept == 4)
        // Nothing is there any more at the new step.
        let last = try query.result(StepRange(start: 200_000, end: 600_000, step: 100_000), &store, &extent)
        #expect(last.result.infos == first.result.infos && last.kept == 0)
    }

    @Test("a result of more series than a query may answer is not put together")
    func limits() throws {
        var query = try Query("{__name__=~\"m.*\"}")
        query.options.outputSeriesMax = 2
        var store = Store([])
        for (number, name) in ["m1", "m2", "m3"].enumerated() {
            let labels = try Labels([Label("__name__", name)])
            for time in 0..<20 { store.set(labels, Int64(number * 500_000 + time * 10_000), 1) }
        }
        var extent: ResultExtent?
        _ = try query.result(StepRange(start: 0, end: 600_000, step: 10_000), &store, &extent)
        let far = StepRange(start: 300_000, end: 1_000_000, step: 10_000)
        #expect(throws: QueryError.self) { try query.result(far, store) }
        #expect(throws: QueryError.self) { try query.result(far, &store, &extent) }
    }
}

@Suite("The cache of results")
struct ResultCacheTests {
    private func key(_ expression: String, start: Int64 = 0, lookback: Int64 = 1, deletions: UInt64 = 0) -> ResultKey {
        ResultKey(
            tenant: .default, expression: expression, steps: StepRange(start: start, end: start + 100, step: 10),
            lookback: lookback, deletions: deletions)
    }

    @Test("a key holds for the same steps of a grid, whatever the range, and for nothing else")
    func keys() throws {
        #expect(key("m") == key("m", start: 70) && key("m", start: -3) == key("m", start: 7))
        #expect(key("m") != key("m", start: 5) && key("m") != key("n") && key("m") != key("m", lookback: 2))
        #expect(key("m") != key("m", deletions: 1))
        // Canonically equal, not the same.
        #expect(key("{a=\"\u{E9}\"}") != key("{a=\"e\u{301}\"}"))
        let other = try ResultKey(
            tenant: TenantID(validating: "b"), expression: "m", steps: StepRange(start: 0, end: 100, step: 10),
            lookback: 1, deletions: 0)
        #expect(other != key("m"))
    }

    @Test("what is used stays, what is not goes when there is no room, and bytes stay within the limit")
    func room() {
        var cache = ResultCache<Int>(bytesMax: 20_000)
        for number in 0..<100 {
            cache.keep(number, key("m\(number)"), bytes: 1_000)
            #expect(cache.entry(key("m0")) == 0)
            #expect(cache.bytes <= 20_000)
        }
        #expect(cache.entry(key("m99")) == 99 && cache.entry(key("m50")) == nil)
        #expect(cache.evictions > 0 && cache.count < 20)
        cache.keep(7, key("m99"), bytes: 11_000)
        #expect(cache.entry(key("m99")) == nil, "too large to be kept, and the one before is out of date")
        var none = ResultCache<Int>(bytesMax: 0)
        none.keep(1, key("m"), bytes: 0)
        #expect(none.entry(key("m")) == nil && none.bytes == 0)
    }
}
