import MetricModel
import Placement
import QueryEngine
import QueryLanguage
import SeededRandom
import Testing

/// Nodes that each hold a part of the series, and an asker that goes the way of the coordinator: fragments where they are right, else
/// everything read and evaluated in one place.
struct ManyNodes {
    let parts: [[SeriesColumns]]
    let kinds: [PlacementKinds]
    static let placement = PlacementLabels.default

    /// Spreads series by their placement.
    init(_ series: [SeriesColumns], nodes: Int) {
        var parts = [[SeriesColumns]](repeating: [], count: nodes)
        var kinds = [PlacementKinds](repeating: [], count: nodes)
        for one in series {
            let key = ManyNodes.placement.placement(of: one.labels, tenant: .default)
            let node = Int(key.slot(bits: 14)) % nodes
            parts[node].append(one)
            kinds[node].insert(PlacementKinds(labelIndex: key.labelIndex))
        }
        self.parts = parts
        self.kinds = kinds
    }

    static var parserOptions: ParserOptions {
        var options = ParserOptions()
        options.experimentalFunctions = true
        return options
    }

    /// What is answered, and by which distribution in the end.
    func answer(
        _ query: String, _ time: QueryTime, trying distributions: [Distribution]
    ) throws -> (result: QueryResult, used: Distribution?) {
        let expression = try Parser.parse(query, options: ManyNodes.parserOptions)
        for distribution in distributions {
            let plan = try QueryPlan(
                expression, text: query, tenant: .default, time: time, distribution: distribution)
            if plan.fragments.isEmpty { continue }
            guard let answers = try fragments(of: plan, query) else { continue }
            let data = plan.selections.map { Script.select($0, parts.flatMap { $0 }) }
            // An error is told as all series in their order give it.
            guard let result = try? Evaluator.evaluate(plan, data: data, fragments: answers) else { break }
            return (result, distribution)
        }
        let all = parts.flatMap { $0 }.sorted { $0.labels.bytes.lexicographicallyPrecedes($1.labels.bytes) }
        return (try Script.answer(query, time, all), nil)
    }

    /// Each fragment's answer from all parts; nil where they do not make up the whole.
    private func fragments(of plan: QueryPlan, _ query: String) throws -> [FragmentAnswer]? {
        var answers: [FragmentAnswer] = []
        for fragment in plan.fragments {
            var answer = FragmentAnswer(rows: [], notes: FragmentNotes())
            var found: PlacementKinds = []
            for (node, part) in parts.enumerated() {
                let question = FragmentPlan.Question(
                    text: query, tenant: .default, range: fragment.range, shape: fragment.shape, start: fragment.start,
                    step: fragment.step, count: fragment.count, queryStart: plan.bounds.start,
                    queryEnd: plan.bounds.end, options: EvaluationOptions(), parser: ManyNodes.parserOptions)
                let local = try FragmentPlan(question)
                let source = FetchedSeries(local.selections.map { Script.select($0, part) })
                do throws(QueryError) {
                    let notes = try Evaluator.evaluate(local, source: source) { row in
                        #expect(fragment.accepts(row), "\(query): \(row)")
                        answer.rows.append(row)
                    }
                    answer.notes.samplesRead += notes.samplesRead
                    answer.notes.warnings += notes.warnings
                    answer.notes.infos += notes.infos
                } catch {
                    return nil
                }
                found.formUnion(kinds[node])
            }
            if !fragment.requirement.isFulfilled(by: found) { return nil }
            answers.append(answer)
        }
        return answers
    }
}

@Suite("Fragments: the same answer wherever it is computed")
struct FragmentTests {
    private static let servers = Distribution.byServer(placementLabels: ManyNodes.placement.names)

    private static let times: [QueryTime] = [
        .instant(at: 300_000), .range(start: 0, end: 600_000, step: 30_000),
        .range(start: 95_000, end: 130_000, step: 7_000),
    ]

    @Test(
        "random queries answer alike read raw, on one node, and on three with fragments merged",
        arguments: [false, true])
    func randomQueries(strays: Bool) throws {
        var queries = RandomQueries(seed: strays ? 77 : 3)
        var used: [Distribution?: Int] = [:]
        for _ in 0..<60 {
            let series = queries.series(strays: strays)
            for _ in 0..<25 {
                let query = queries.vector(depth: 1 + Int(queries.random.next() % 3))
                let time = queries.pick(FragmentTests.times)
                let raw = Result { try ManyNodes(series, nodes: 1).answer(query, time, trying: []).result }
                for (nodes, distributions) in [
                    (1, [Distribution.onePart]), (3, [FragmentTests.servers, .anyParts]), (3, [.anyParts]),
                ] {
                    let cut = Result {
                        let (result, way) = try ManyNodes(series, nodes: nodes)
                            .answer(query, time, trying: distributions)
                        used[way, default: 0] += 1
                        return result
                    }
                    FragmentTests.compare(raw, cut, "\(query) at \(time), \(nodes) nodes \(distributions)")
                }
            }
        }
        // Each way has been gone, so that the comparison means something.
        for way in [Distribution.onePart, FragmentTests.servers, .anyParts] { #expect(used[way] ?? 0 > 200, "\(way)") }
        #expect(used[.none] ?? 0 > 50)
    }

    @Test("queries of native histograms answer alike read raw, on one node, and on three with fragments merged")
    func nativeHistograms() throws {
        var random = NativeSeries(seed: 11)
        for _ in 0..<12 {
            let series = random.series()
            for query in NativeSeries.queries {
                for time in FragmentTests.times.dropFirst() {
                    let raw = Result { try ManyNodes(series, nodes: 1).answer(query, time, trying: []).result }
                    for (nodes, distributions) in [
                        (1, [Distribution.onePart]), (3, [FragmentTests.servers, .anyParts]), (3, [.anyParts]),
                    ] {
                        let cut = Result {
                            try ManyNodes(series, nodes: nodes).answer(query, time, trying: distributions).result
                        }
                        FragmentTests.compare(raw, cut, "\(query) at \(time), \(nodes) nodes \(distributions)")
                    }
                }
            }
        }
    }

    private static func compare(
        _ raw: Result<QueryResult, any Error>, _ cut: Result<QueryResult, any Error>, _ place: String
    ) {
        switch (raw, cut) {
        case (.failure(let expected), .failure(let found)): #expect("\(expected)" == "\(found)", "\(place)")
        case (.failure(let error), .success): Issue.record("\(place): should fail with \(error)")
        case (.success, .failure(let error)): Issue.record("\(place): \(error)")
        case (.success(let expected), .success(let found)):
            let isSame = rows(expected.value).elementsEqual(rows(found.value), by: isSame)
            #expect(isSame, "\(place):\n\(expected.value)\n\(found.value)")
            #expect(Set(expected.warnings) == Set(found.warnings), "\(place)")
            #expect(Set(expected.infos) == Set(found.infos), "\(place)")
        }
    }

    private static func rows(_ value: QueryResult.Value) -> [SeriesColumns] {
        switch value {
        case .scalar(let time, let value): [SeriesColumns(labels: .empty, timestamps: [time], values: [value])]
        case .string: []
        case .vector(let time, let elements):
            elements.map { element in
                guard let histogram = element.histogram else {
                    return SeriesColumns(labels: element.labels, timestamps: [time], values: [element.value])
                }
                return SeriesColumns(
                    labels: element.labels, timestamps: [], values: [],
                    histograms: HistogramColumns(timestamps: [time], values: [histogram]))
            }
        case .matrix(let series): series
        }
    }

    private static func isSame(_ left: SeriesColumns, _ right: SeriesColumns) -> Bool {
        left.labels == right.labels && left.timestamps == right.timestamps
            && left.values.elementsEqual(right.values, by: Script.isEqual)
            && left.histograms.timestamps == right.histograms.timestamps
            && left.histograms.values.elementsEqual(right.histograms.values, by: ScriptHistogram.isEqual)
    }

    @Test(
        "a plan is cut at the highest node that a server's data suffice for",
        arguments: [
            ("rate(m[1m])", ["rate(m[1m])"]), ("sum by (zone) (rate(m[1m]))", ["sum by (zone) (rate(m[1m]))"]),
            ("sum(m) / sum(n)", ["sum(m)", "sum(n)"]), ("m / on (instance) n", ["m / on (instance) n"]),
            ("m / on (zone) n", ["m", "n"]), ("max(sum by (instance) (m))", ["max(sum by (instance) (m))"]),
            ("histogram_quantile(0.9, sum by (le) (rate(h_bucket[1m])))", ["sum by (le) (rate(h_bucket[1m]))"]),
            ("sort(m)", ["m"]), ("topk(3, m)", ["topk(3, m)"]), ("topk(scalar(n), m)", ["n", "m"]),
            ("m[1m]", []), ("vector(1)", []), ("max_over_time(sum(m)[1m:10s])", ["sum(m)"]),
            ("absent(m)", ["m"]), ("label_join(m, \"zone\", \"x\")", ["label_join(m, \"zone\", \"x\")"]),
            ("label_replace(m, \"instance\", \"x\", \"\", \"\")", ["m"]),
        ])
    func cuts(query: String, expected: [String]) throws {
        let plan = try QueryPlan(
            try Parser.parse(query), text: query, tenant: .default, time: .instant(at: 0),
            distribution: FragmentTests.servers)
        let found = plan.fragments.map { fragment in
            String(decoding: Array(query.utf8)[fragment.range.start..<fragment.range.end], as: UTF8.self)
        }
        #expect(found == expected)
    }

    @Test("series that were placed by other labels than the matching keeps are not matched apart")
    func requirement() throws {
        func requirement(_ query: String) throws -> PlacementRequirement? {
            let plan = try QueryPlan(
                try Parser.parse(query), text: query, tenant: .default, time: .instant(at: 0),
                distribution: FragmentTests.servers)
            return plan.fragments.first?.requirement
        }
        let instance = PlacementKinds(labelIndex: 1)
        let host = PlacementKinds(labelIndex: 2)
        let onInstance = try #require(try requirement("m / on (instance) n"))
        #expect(onInstance.isFulfilled(by: instance))
        #expect(onInstance.isFulfilled(by: []))
        #expect(!onInstance.isFulfilled(by: host))
        #expect(!onInstance.isFulfilled(by: [instance, host]))
        #expect(!onInstance.isFulfilled(by: [instance, .wholeLabelSet]))
        let onBoth = try #require(try requirement("m / on (instance, host) n"))
        #expect(onBoth.isFulfilled(by: host))
        #expect(!onBoth.isFulfilled(by: [instance, host]))
        let onAll = try #require(try requirement("m / n"))
        #expect(onAll.isFulfilled(by: [instance, host]))
        #expect(!onAll.isFulfilled(by: .wholeLabelSet))
        #expect(try #require(try requirement("sum(m)")).isFulfilled(by: .all))
        #expect(!(try #require(try requirement("-{zone=\"a\"}"))).isFulfilled(by: .wholeLabelSet))
    }

    @Test("what another node asks for that is no part of the query is refused")
    func badQuestions() throws {
        let question = FragmentPlan.Question(
            text: "sum(m) + 1", tenant: .default, range: SourceRange(0, 6), shape: .states, start: 0, step: 1000,
            count: 3, queryStart: 0, queryEnd: 2000, options: EvaluationOptions(), parser: ParserOptions())
        _ = try FragmentPlan(question)
        let changes: [(inout FragmentPlan.Question) -> Void] = [
            { $0.text = "sum(m" }, { $0.range = SourceRange(0, 5) }, { $0.range = SourceRange(9, 10) },
            { $0.range = SourceRange(4, 5) }, { $0.count = 0 }, { $0.count = .max }, { $0.step = 0 },
            { $0.start = .max }, { $0.step = .max }, { $0.queryEnd = .min }, { $0.options.lookback = 0 },
        ]
        for change in changes {
            var bad = question
            change(&bad)
            #expect(throws: (any Error).self) { _ = try FragmentPlan(bad) }
        }
    }
}
