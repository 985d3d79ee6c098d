package import HTTPSurface
package import MetricModel
package import QueryEngine
package import QueryLanguage
internal import WireProtocol

/// The coordinator role: parses a query, fetches what it must read from the aggregators, evaluates, answers.
///
/// Fetching is in `Fanout.swift`; errors become `APIFailure` in `QueryFailures.swift`. Stateless: any number may run.
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
    private let fanout: Fanout

    /// A coordinator that asks through `fanout`.
    package init(configuration: Configuration, fanout: Fanout) {
        self.configuration = configuration
        self.fanout = fanout
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
            .series(SeriesRequest(scope: scope))
        }
    }

    /// Sorted label names; see `QueryService`.
    package func labelNames(_ query: LabelQuery) async throws -> Answer<[String]> {
        let scope = try scope(of: query)
        return try await labels(query, scope: scope, merge: Self.strings) {
            .labelNames(LabelNamesRequest(scope: scope))
        }
    }

    /// Sorted values of one label; see `QueryService`.
    package func labelValues(_ name: String, _ query: LabelQuery) async throws -> Answer<[String]> {
        let scope = try scope(of: query)
        return try await labels(query, scope: scope, merge: Self.strings) {
            .labelValues(LabelValuesRequest(name: name, scope: scope))
        }
    }

    /// Metadata by metric; see `QueryService`.
    package func metadata(_ query: MetadataQuery) async throws -> Answer<[MetricMetadata]> {
        let request = QueryRequest.metadata(
            MetadataRequest(tenant: query.tenant, metric: query.metric ?? "", limit: query.metricsMax))
        return try await APIFailure.naming {
            let fetched = try await fanout.pages(request, milliseconds: query.timeoutMilliseconds)
            var found: Set<MetricMetadata> = []
            for case .metadata(let page) in fetched.value { found.formUnion(page.metadata) }
            let sorted = found.sorted { $0.metric.utf8.lexicographicallyPrecedes($1.metric.utf8) }
            return Answer(Array(sorted.prefix(query.metricsMax)), warnings: fetched.warnings)
        }
    }

    /// Servers that push; see `QueryService`.
    package func servers(_ query: ServersQuery) async throws -> Answer<ServersFound> {
        let request = QueryRequest.servers(
            ServersRequest(tenant: query.tenant, search: query.search, limit: query.serversMax))
        return try await APIFailure.naming {
            let fetched = try await fanout.pages(request, milliseconds: query.timeoutMilliseconds)
            return Answer(
                ServersMerge.merge(fetched.value, serversMax: query.serversMax), warnings: fetched.warnings)
        }
    }

    private func run(
        _ text: String, tenant: TenantID, time: QueryTime, options: QueryOptions
    ) async throws -> Answer<QueryData> {
        try await APIFailure.naming(query: text) {
            let expression = try Parser.parse(text, options: configuration.parser)
            var evaluation = configuration.evaluation
            if let lookback = options.lookbackMilliseconds { evaluation.lookback = lookback }
            let plan = try QueryPlan(expression, text: text, tenant: tenant, time: time, options: evaluation)
            let fetched = try await fanout.select(
                plan.selections, seriesMax: configuration.seriesMax, samplesMax: configuration.evaluation.samplesMax,
                milliseconds: options.timeoutMilliseconds)
            let result = try Evaluator.evaluate(plan, data: fetched.value, isCancelled: { Task.isCancelled })
            var answer = QueryAnswers.answer(result, seriesMax: options.seriesMax)
            answer.warnings += fetched.warnings
            if !options.allowsPartial, let missing = fetched.warnings.first {
                throw APIFailure(.unavailable, missing)
            }
            return answer
        }
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
        _ query: LabelQuery, scope: MetadataScope, merge: ([QueryPage]) -> [Element], request: () -> QueryRequest
    ) async throws -> Answer<[Element]> {
        try await APIFailure.naming {
            let fetched = try await fanout.pages(request(), milliseconds: query.timeoutMilliseconds)
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
