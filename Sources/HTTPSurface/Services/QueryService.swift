package import MetricModel
package import QueryLanguage

/// One evaluation of an expression at one time.
package struct InstantQuery: Hashable, Sendable {
    /// Whose data is read.
    package var tenant: TenantID
    /// PromQL text, at most `query_bytes_max`.
    package var query: String
    /// Evaluation time, Unix milliseconds.
    package var time: Int64
    /// How it is to be evaluated.
    package var options: QueryOptions

    /// Evaluates `query` at `time`.
    package init(tenant: TenantID, query: String, time: Int64, options: QueryOptions) {
        self.tenant = tenant
        self.query = query
        self.time = time
        self.options = options
    }
}

/// One evaluation of an expression at each step of a range.
package struct RangeQuery: Hashable, Sendable {
    /// Whose data is read.
    package var tenant: TenantID
    /// PromQL text, at most `query_bytes_max`.
    package var query: String
    /// First step, Unix milliseconds.
    package var start: Int64
    /// No step is later, Unix milliseconds; `start` or later.
    package var end: Int64
    /// Milliseconds between steps, 1 or more; at most `query_steps_max` steps.
    package var step: Int64
    /// How it is to be evaluated.
    package var options: QueryOptions

    /// Evaluates `query` at `start`, `start + step`, … up to `end`.
    package init(tenant: TenantID, query: String, start: Int64, end: Int64, step: Int64, options: QueryOptions) {
        self.tenant = tenant
        self.query = query
        self.start = start
        self.end = end
        self.step = step
        self.options = options
    }
}

/// What instant and range queries may ask beside the expression.
package struct QueryOptions: Hashable, Sendable {
    /// Longest time to work on it, milliseconds, 1 or more; already bounded by the server's own.
    package var timeoutMilliseconds: Int64
    /// Most series in the result, 0 for no limit of the caller's own. The service cuts and warns.
    package var seriesMax: Int
    /// How far an instant selector looks back, milliseconds; nil for the server's default.
    package var lookbackMilliseconds: Int64?
    /// Whether an incomplete result with warnings is wanted rather than an error.
    package var allowsPartial: Bool
    /// What the answer is to tell about its evaluation.
    package var statistics: StatisticsDetail
    /// Whether the answer is to explain itself.
    package var explain: ExplainMode
    /// Whether steps of a range query may be taken from a kept result, and the result be kept.
    package var usesCache: Bool

    /// Options; by default nothing is limited but the time, and partial results are taken with their warnings.
    package init(
        timeoutMilliseconds: Int64, seriesMax: Int = 0, lookbackMilliseconds: Int64? = nil, allowsPartial: Bool = true,
        statistics: StatisticsDetail = .none, explain: ExplainMode = .none, usesCache: Bool = false
    ) {
        self.timeoutMilliseconds = timeoutMilliseconds
        self.seriesMax = seriesMax
        self.lookbackMilliseconds = lookbackMilliseconds
        self.allowsPartial = allowsPartial
        self.statistics = statistics
        self.explain = explain
        self.usesCache = usesCache
    }
}

/// A question for series, label names or label values.
package struct LabelQuery: Hashable, Sendable {
    /// Whose data is read.
    package var tenant: TenantID
    /// The `match[]` parameters as sent, each a series selector; empty asks about all series.
    package var selectors: [String]
    /// Unix milliseconds, inclusive.
    package var start: Int64
    /// Unix milliseconds, inclusive.
    package var end: Int64
    /// Most results, 1 or more; the answer is cut at it, with a warning.
    package var resultsMax: Int
    /// Longest time to work on it, milliseconds.
    package var timeoutMilliseconds: Int64
    /// Whether an incomplete result with warnings is wanted rather than an error.
    package var allowsPartial: Bool

    /// A question about the series that match any of `selectors` and have samples between `start` and `end`.
    package init(
        tenant: TenantID, selectors: [String], start: Int64, end: Int64, resultsMax: Int, timeoutMilliseconds: Int64,
        allowsPartial: Bool = true
    ) {
        self.tenant = tenant
        self.selectors = selectors
        self.start = start
        self.end = end
        self.resultsMax = resultsMax
        self.timeoutMilliseconds = timeoutMilliseconds
        self.allowsPartial = allowsPartial
    }
}

/// A question for the metadata of metrics.
package struct MetadataQuery: Hashable, Sendable {
    /// Whose data is read.
    package var tenant: TenantID
    /// One metric, or nil for all.
    package var metric: String?
    /// Most metrics, 1 or more.
    package var metricsMax: Int
    /// Longest time to work on it, milliseconds.
    package var timeoutMilliseconds: Int64

    /// A question for one metric's metadata, or all.
    package init(tenant: TenantID, metric: String?, metricsMax: Int, timeoutMilliseconds: Int64) {
        self.tenant = tenant
        self.metric = metric
        self.metricsMax = metricsMax
        self.timeoutMilliseconds = timeoutMilliseconds
    }
}

/// A question for the servers that push.
package struct ServersQuery: Hashable, Sendable {
    /// Whose servers.
    package var tenant: TenantID
    /// Only servers whose ID contains it, case ignored; empty for all.
    package var search: String
    /// Most servers, 1 or more.
    package var serversMax: Int
    /// Longest time to work on it, milliseconds.
    package var timeoutMilliseconds: Int64

    /// A question for servers by a part of their ID.
    package init(tenant: TenantID, search: String, serversMax: Int, timeoutMilliseconds: Int64) {
        self.tenant = tenant
        self.search = search
        self.serversMax = serversMax
        self.timeoutMilliseconds = timeoutMilliseconds
    }
}

/// One series' value in an instant result.
package struct VectorSample: Sendable, Equatable {
    /// The result's labels.
    package var labels: Labels
    /// Unix milliseconds, as the result shows it: the evaluation time.
    package var timestamp: Int64
    /// The value; of no meaning where there is a histogram.
    package var value: Double
    /// The native histogram that the sample is; nil for a number.
    package var histogram: NativeHistogram?

    /// One series' value at one time.
    package init(labels: Labels, timestamp: Int64, value: Double, histogram: NativeHistogram? = nil) {
        self.labels = labels
        self.timestamp = timestamp
        self.value = value
        self.histogram = histogram
    }
}

/// A result of PromQL.
package enum QueryData: Sendable, Equatable {
    /// One number without labels; Unix milliseconds.
    case scalar(timestamp: Int64, value: Double)
    /// One string; Unix milliseconds.
    case string(timestamp: Int64, value: String)
    /// One sample for each series.
    case vector([VectorSample])
    /// Samples over time for each series.
    case matrix([SeriesColumns])
}

/// Something found, and what must be said about it: a result is complete, carries warnings, or is an error.
package struct Answer<Value: Sendable>: Sendable {
    /// What was found.
    package var value: Value
    /// Each names something that is missing or doubtful; empty for a complete result.
    package var warnings: [String]
    /// Each says something worth knowing that makes the result no less certain.
    package var infos: [String]
    /// How an expression was evaluated, when the request asked.
    package var statistics: QueryStatistics?
    /// How it was found, when the request asked.
    package var explanation: Explanation?

    /// A value with what must be said about it.
    package init(
        _ value: Value, warnings: [String] = [], infos: [String] = [], statistics: QueryStatistics? = nil
    ) {
        self.value = value
        self.warnings = warnings
        self.infos = infos
        self.statistics = statistics
    }

    /// Warnings and infos, for those who show both alike.
    package var notes: [String] { warnings + infos }
}

/// Servers found, and how many there are in all.
package struct ServersFound: Sendable, Equatable {
    /// At most as many as asked for.
    package var servers: [ServerSummary]
    /// Servers that match, those beyond the limit included.
    package var total: Int

    /// The servers within the limit, and the number without it.
    package init(servers: [ServerSummary], total: Int) {
        self.servers = servers
        self.total = total
    }
}

/// A question for exemplars.
package struct ExemplarQuery: Hashable, Sendable {
    /// Whose data is read.
    package var tenant: TenantID
    /// An expression, whose selectors say which series are meant.
    package var query: String
    /// Unix milliseconds, inclusive.
    package var start: Int64
    /// Unix milliseconds, inclusive.
    package var end: Int64
    /// Longest time to work on it, milliseconds.
    package var timeoutMilliseconds: Int64

    /// A question for exemplars between `start` and `end`.
    package init(tenant: TenantID, query: String, start: Int64, end: Int64, timeoutMilliseconds: Int64) {
        self.tenant = tenant
        self.query = query
        self.start = start
        self.end = end
        self.timeoutMilliseconds = timeoutMilliseconds
    }
}

/// A question for what a tenant's newest data is made of.
package struct StatisticsQuery: Hashable, Sendable {
    /// Whose data.
    package var tenant: TenantID
    /// Entries of each list, 1 ... `TenantStatistics.limitMax`.
    package var limit: Int
    /// Longest time to work on it, milliseconds.
    package var timeoutMilliseconds: Int64

    /// A question for lists of `limit` entries.
    package init(tenant: TenantID, limit: Int, timeoutMilliseconds: Int64) {
        self.tenant = tenant
        self.limit = limit
        self.timeoutMilliseconds = timeoutMilliseconds
    }
}

/// Raw samples: what series hold, not evaluated.
package struct SelectionQuery: Hashable, Sendable {
    /// Whose data is read.
    package var tenant: TenantID
    /// Each a set of predicates that a series must pass; a series that passes several is answered once for each.
    package var matcherSets: [[Matcher]]
    /// Unix milliseconds, inclusive.
    package var start: Int64
    /// Unix milliseconds, inclusive.
    package var end: Int64
    /// Longest time to work on it, milliseconds.
    package var timeoutMilliseconds: Int64

    /// The samples between `start` and `end` of the series that each set of matchers lets pass.
    package init(
        tenant: TenantID, matcherSets: [[Matcher]], start: Int64, end: Int64, timeoutMilliseconds: Int64
    ) {
        self.tenant = tenant
        self.matcherSets = matcherSets
        self.start = start
        self.end = end
        self.timeoutMilliseconds = timeoutMilliseconds
    }
}

/// Answers questions. The coordinator role implements it.
///
/// Each method throws `APIFailure`; another error is told as `internal`. A canceled task stops the work: whoever asks cancels
/// it when the query's time is over, as `Deadline` does for requests and live queries.
package protocol QueryService: Sendable {
    /// What the parser accepts.
    var language: ParserOptions { get }
    /// How far an instant selector looks back unless a query says so, milliseconds.
    var lookbackMilliseconds: Int64 { get }
    /// The tree of an expression; nothing is read.
    func parse(_ query: String) throws -> Expression
    /// The predicates of a selector as `match[]` holds it.
    func parseSelector(_ text: String) throws -> [Matcher]
    /// The samples of selections, one list of series for each set of matchers.
    func select(_ query: SelectionQuery) async throws -> Answer<[[SeriesColumns]]>
    /// Evaluates an expression at one time.
    func instant(_ query: InstantQuery) async throws -> Answer<QueryData>
    /// Evaluates an expression over a range; the result is a matrix.
    func range(_ query: RangeQuery) async throws -> Answer<QueryData>
    /// Label sets of series, in canonical order.
    func series(_ query: LabelQuery) async throws -> Answer<[Labels]>
    /// Sorted label names.
    func labelNames(_ query: LabelQuery) async throws -> Answer<[String]>
    /// Sorted values of the label `name`.
    func labelValues(_ name: String, _ query: LabelQuery) async throws -> Answer<[String]>
    /// Metadata by metric, sorted by its name.
    func metadata(_ query: MetadataQuery) async throws -> Answer<[MetricMetadata]>
    /// The exemplars of the series that an expression selects, by series; both in order.
    func exemplars(_ query: ExemplarQuery) async throws -> Answer<[SeriesExemplars]>
    /// What a tenant's newest data is made of.
    func statistics(_ query: StatisticsQuery) async throws -> Answer<TenantStatistics>
    /// Servers, sorted by ID.
    func servers(_ query: ServersQuery) async throws -> Answer<ServersFound>
}
