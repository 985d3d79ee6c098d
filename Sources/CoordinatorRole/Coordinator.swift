internal import ClusterTransport
package import HTTPSurface
package import MetricModel
package import QueryEngine
package import QueryLanguage
internal import QueryRouting
internal import WireProtocol

/// The coordinator role: parses a query, fetches what it must read from the aggregators, evaluates, answers.
///
/// Fetching is in `Fanout.swift`; errors become `APIFailure` in `QueryFailures.swift`. Any number may run: what one keeps of its answers
/// (`Coordinator+Kept.swift`) saves work and decides nothing.
package struct Coordinator: QueryService {
    /// What a coordinator is told once.
    package struct Configuration: Sendable {
        /// Limits and look-back of every query.
        package var evaluation = EvaluationOptions()
        /// What the parser accepts.
        package var parser = ParserOptions()
        /// `query_series_max`: series that one selector may read.
        package var seriesMax = 1_000_000

        /// Defaults throughout.
        package init() {}
    }

    private let configuration: Configuration
    private let presentFanout: @Sendable () throws -> Fanout
    /// What is kept of earlier answers.
    let results: ResultStore

    /// - Parameters:
    ///   - configuration: limits and look-back.
    ///   - results: what is kept of answers.
    ///   - fanout: whom to ask at that moment; throws while there is nobody.
    package init(
        configuration: Configuration, results: ResultStore, fanout: @escaping @Sendable () throws -> Fanout
    ) {
        self.configuration = configuration
        self.results = results
        presentFanout = fanout
    }

    var fanout: Fanout { get throws { try presentFanout() } }

    /// What the parser accepts; see `QueryService`.
    package var language: ParserOptions { configuration.parser }

    /// The look-back of queries that name none; see `QueryService`.
    package var lookbackMilliseconds: Int64 { configuration.evaluation.lookback }

    /// The tree of an expression; see `QueryService`.
    package func parse(_ query: String) throws -> Expression {
        try APIFailure.naming(query: query) { try Parser.parse(query, options: configuration.parser) }
    }

    /// The predicates of a selector; see `QueryService`.
    package func parseSelector(_ text: String) throws -> [Matcher] {
        try APIFailure.naming { try Parser.parseSelector(text, options: configuration.parser) }
    }

    /// Raw samples; see `QueryService`.
    package func select(_ query: SelectionQuery) async throws -> Answer<[[SeriesColumns]]> {
        let selections = query.matcherSets.map { matchers in
            SeriesSelection(tenant: query.tenant, matchers: matchers, start: query.start, end: query.end)
        }
        return try await APIFailure.naming {
            let fetched = try await fanout.select(
                selections, seriesMax: configuration.seriesMax, samplesMax: configuration.evaluation.samplesMax,
                milliseconds: query.timeoutMilliseconds)
            return Answer(fetched.value, warnings: fetched.warnings)
        }
    }

    /// Evaluates an expression at one time; see `QueryService`.
    package func instant(_ query: InstantQuery) async throws -> Answer<QueryData> {
        try await run(query.query, tenant: query.tenant, time: .instant(at: query.time), options: query.options)
    }

    /// Evaluates an expression over a range; see `QueryService`.
    package func range(_ query: RangeQuery) async throws -> Answer<QueryData> {
        let time = QueryTime.range(start: query.start, end: query.end, step: query.step)
        return try await run(query.query, tenant: query.tenant, time: time, options: query.options)
    }

    /// Label sets of series; see `QueryService`.
    package func series(_ query: LabelQuery) async throws -> Answer<[Labels]> {
        let scope = try scope(of: query)
        return try await labels(query, scope: scope) { pages in
            var found: Set<Labels> = []
            for case .labels(let page) in pages { found.formUnion(page.labels) }
            return found.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
        } request: {
            .series(SeriesRequest(scope: $0))
        }
    }

    /// Sorted label names; see `QueryService`.
    package func labelNames(_ query: LabelQuery) async throws -> Answer<[String]> {
        let scope = try scope(of: query)
        return try await labels(query, scope: scope, merge: Self.strings) {
            .labelNames(LabelNamesRequest(scope: $0))
        }
    }

    /// Sorted values of one label; see `QueryService`.
    package func labelValues(_ name: String, _ query: LabelQuery) async throws -> Answer<[String]> {
        let scope = try scope(of: query)
        return try await labels(query, scope: scope, merge: Self.strings) {
            .labelValues(LabelValuesRequest(name: name, scope: $0))
        }
    }

    /// Metadata by metric; see `QueryService`.
    package func metadata(_ query: MetadataQuery) async throws -> Answer<[MetricMetadata]> {
        let request = MetadataRequest(tenant: query.tenant, metric: query.metric ?? "", limit: query.metricsMax)
        return try await APIFailure.naming {
            let fetched = try await fanout.pages(milliseconds: query.timeoutMilliseconds) { part in
                var request = request
                request.part = part
                return .metadata(request)
            }
            var found: Set<MetricMetadata> = []
            for case .metadata(let page) in fetched.value { found.formUnion(page.metadata) }
            let sorted = found.sorted { $0.metric.utf8.lexicographicallyPrecedes($1.metric.utf8) }
            return Answer(Array(sorted.prefix(query.metricsMax)), warnings: fetched.warnings)
        }
    }

    /// Exemplars of the series that an expression selects; see `QueryService`.
    package func exemplars(_ query: ExemplarQuery) async throws -> Answer<[SeriesExemplars]> {
        let selectors = try parse(query.query).selectors
        if selectors.isEmpty { return Answer([]) }
        let scope = MetadataScope(
            tenant: query.tenant, matcherSets: selectors, start: query.start, end: query.end)
        return try await APIFailure.naming(query: query.query) {
            let fetched = try await fanout.pages(milliseconds: query.timeoutMilliseconds) { part in
                var scope = scope
                scope.part = part
                return .exemplars(ExemplarsRequest(scope: scope))
            }
            // Replicas hold the same.
            let deletions = try fanout.deletions.of(query.tenant)
            var found: [Labels: Set<Exemplar>] = [:]
            for case .exemplars(let page) in fetched.value {
                for one in page.series.compactMap({ $0.without(deletions) }) {
                    found[one.labels, default: []].formUnion(one.exemplars)
                }
            }
            let series = found.map { labels, exemplars in
                SeriesExemplars(labels: labels, exemplars: exemplars.sorted { $0.timestamp < $1.timestamp })
            }
            return Answer(
                series.sorted { $0.labels.bytes.lexicographicallyPrecedes($1.labels.bytes) },
                warnings: fetched.warnings)
        }
    }

    /// What a tenant's newest data is made of; see `QueryService`.
    package func statistics(_ query: StatisticsQuery) async throws -> Answer<TenantStatistics> {
        // What is among the first of all may be further back on each node.
        let request = StatisticsRequest(tenant: query.tenant, limit: TenantStatistics.limitMax)
        return try await APIFailure.naming {
            let fetched = try await fanout.pages(milliseconds: query.timeoutMilliseconds) { part in
                var request = request
                request.part = part
                return .statistics(request)
            }
            let found = StatisticsMerge.merge(fetched.value, copies: try fanout.copies, limit: query.limit)
            return Answer(found, warnings: fetched.warnings)
        }
    }

    /// Servers that push; see `QueryService`.
    package func servers(_ query: ServersQuery) async throws -> Answer<ServersFound> {
        let request = ServersRequest(tenant: query.tenant, search: query.search, limit: query.serversMax)
        return try await APIFailure.naming {
            let fetched = try await fanout.answers(milliseconds: query.timeoutMilliseconds) { part in
                var request = request
                request.part = part
                return .servers(request)
            }
            return Answer(
                ServersMerge.merge(fetched.value, serversMax: query.serversMax), warnings: fetched.warnings)
        }
    }

    private func run(
        _ text: String, tenant: TenantID, time: QueryTime, options: QueryOptions
    ) async throws -> Answer<QueryData> {
        try await APIFailure.naming(query: text) {
            let began = ContinuousClock.now
            let expression = try Parser.parse(text, options: configuration.parser)
            var evaluation = configuration.evaluation
            if let lookback = options.lookbackMilliseconds { evaluation.lookback = lookback }
            evaluation.countsSamples = options.statistics != .none
            let query = PlannedQuery(
                expression: expression, text: text, tenant: tenant, time: time, options: evaluation,
                whole: try QueryPlan(expression, text: text, tenant: tenant, time: time, options: evaluation))
            if options.explain == .plan {
                var answer = Answer(QueryData.empty(expression.type, time))
                answer.explanation = try explain(query)
                return answer
            }
            let prepared = ContinuousClock.now
            let trace = options.explain == .analyze ? QueryTrace() : nil
            let (result, missing, operators) = try await evaluateKept(query, options, trace)
            var answer = QueryAnswers.answer(result, seriesMax: options.seriesMax)
            if let trace {
                answer.explanation = trace.explanation(
                    options.explain, slotCount: try fanout.slotCount, operators: operators)
            }
            answer.statistics = QueryAnswers.statistics(
                result, options.statistics, preparation: prepared - began,
                evaluation: ContinuousClock.now - prepared)
            answer.warnings += missing
            if !options.allowsPartial, let missing = missing.first { throw APIFailure(.unavailable, missing) }
            return answer
        }
    }

    /// A query on its way to an answer.
    struct PlannedQuery: Sendable {
        let expression: Expression
        let text: String
        let tenant: TenantID
        var time: QueryTime
        let options: EvaluationOptions
        /// The plan without fragments.
        var whole: QueryPlan
    }

    /// A result, what it lacks, and what ran here where that was asked for.
    typealias Evaluated = (result: QueryResult, missing: [String], operators: [OperatorFigures])

    /// Evaluates where the data is as far as that is right, else everything here.
    ///
    /// `witness` takes down who answered.
    func evaluate(
        _ query: PlannedQuery, _ trace: QueryTrace?, _ witness: ReadWitness? = nil, milliseconds: Int64
    ) async throws -> Evaluated {
        var fanout = try fanout
        fanout.trace = trace
        fanout.witness = witness
        if let cut = try await evaluateInParts(query, fanout, milliseconds: milliseconds) { return cut }
        trace?.cut(nil)
        let fetched = try await fanout.select(
            query.whole.selections, seriesMax: configuration.seriesMax, samplesMax: query.options.samplesMax,
            milliseconds: milliseconds)
        let (result, operators) = try Self.evaluate(query.whole, fetched.value, [], isMeasured: trace != nil)
        return (result, fetched.warnings, operators)
    }

    private static func evaluate(
        _ plan: QueryPlan, _ data: [[SeriesColumns]], _ fragments: [FragmentAnswer], isMeasured: Bool
    ) throws(QueryError) -> (QueryResult, [OperatorFigures]) {
        let profile = isMeasured ? EvaluationProfile(clock: { CoordinatorClock.nanoseconds }) : nil
        let result = try Evaluator.evaluate(
            plan, data: data, fragments: fragments, isCancelled: { Task.isCancelled }, profile: profile)
        let ran = profile?.operators ?? []
        return (result, ran.isEmpty ? plan.operators : ran)
    }

    /// As above, by fragments; nil where their answers do not make up the whole.
    private func evaluateInParts(
        _ query: PlannedQuery, _ fanout: Fanout, milliseconds: Int64
    ) async throws -> Evaluated? {
        // Samples are counted by step only where all of them are read.
        guard !query.options.countsSamples, query.text.utf8.count <= WireLimits.queryBytesMax else { return nil }
        let trace = fanout.trace
        let distributions = fanout.distributions(tenant: query.tenant, query.whole.selections)
        let slots = fanout.targets.slots(tenant: query.tenant, selections: query.whole.selections.map(\.matchers))
        let deletions = fanout.deletions.of(query.tenant).filter { deletion in
            query.whole.selections.contains { !SelectionMask($0, [deletion]).isEmpty }
        }
        for distribution in distributions {
            let plan = try QueryPlan(
                query.expression, text: query.text, tenant: query.tenant, time: query.time, options: query.options,
                distribution: distribution)
            if plan.fragments.isEmpty { return nil }
            trace?.cut(distribution)
            let context = FragmentContext(
                query: query.text, tenant: query.tenant, options: query.options, parser: configuration.parser,
                bounds: plan.bounds, seriesMax: configuration.seriesMax, explains: trace != nil, deletions: deletions)
            let answers = try await fanout.fragments(
                plan.fragments, context, slots: slots, isOnePart: distributions.count == 1,
                milliseconds: milliseconds)
            guard let answers else { continue }
            let fetched = try await fanout.select(
                plan.selections, seriesMax: configuration.seriesMax, samplesMax: query.options.samplesMax,
                milliseconds: milliseconds)
            do throws(QueryError) {
                let (result, operators) = try Self.evaluate(
                    plan, fetched.value, answers.value, isMeasured: trace != nil)
                return (result, Set(answers.warnings + fetched.warnings).sorted(), operators)
            } catch {
                // Which series an error names depends on their order: told as all of them in one place give it.
                if error.code != .execution { throw error }
                return nil
            }
        }
        return nil
    }

    private func scope(of query: LabelQuery) throws -> MetadataScope {
        try APIFailure.naming {
            MetadataScope(
                tenant: query.tenant,
                matcherSets: try query.selectors.map { try Parser.parseSelector($0, options: configuration.parser) },
                start: query.start, end: query.end, limit: 0)
        }
    }

    /// Asks one question about labels, and cuts the answer at the caller's limit with a warning.
    private func labels<Element: Sendable>(
        _ query: LabelQuery, scope: MetadataScope, merge: ([QueryPage]) -> [Element],
        request: @escaping @Sendable (MetadataScope) -> QueryRequest
    ) async throws -> Answer<[Element]> {
        try await APIFailure.naming {
            let fetched = try await fanout.pages(milliseconds: query.timeoutMilliseconds) { part in
                var scope = scope
                scope.part = part
                return request(scope)
            }
            if !query.allowsPartial, let missing = fetched.warnings.first { throw APIFailure(.unavailable, missing) }
            let found = merge(fetched.value)
            guard found.count > query.resultsMax else { return Answer(found, warnings: fetched.warnings) }
            return Answer(
                Array(found.prefix(query.resultsMax)), warnings: fetched.warnings + ["results truncated due to limit"])
        }
    }

    private static func strings(_ pages: [QueryPage]) -> [String] {
        var sorted: [String] = []
        for case .strings(let page) in pages { sorted += page.values }
        sorted.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        var unique: [String] = []
        for string in sorted where unique.last.map({ !$0.hasSameBytes(as: string) }) ?? true { unique.append(string) }
        return unique
    }
}
