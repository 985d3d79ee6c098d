package import MetricModel

/// What a query asks, as people want to see it.
package struct Question: Hashable, Sendable {
    /// Whose it is.
    package var tenant: TenantID
    /// The route's name: `query`, `query_range`, `series`, ….
    package var kind: String
    /// The expression or the selectors; cut at `textBytesMax`.
    package var text: String
    /// Unix milliseconds and milliseconds; nil where the kind has none.
    package var start: Int64?
    package var end: Int64?
    package var step: Int64?

    /// Longest text that is kept.
    package static let textBytesMax = 4_096

    /// A question; a text that is too long is cut.
    package init(
        tenant: TenantID, kind: String, text: String, start: Int64? = nil, end: Int64? = nil, step: Int64? = nil
    ) {
        self.tenant = tenant
        self.kind = kind
        let isLong = text.utf8.count > Self.textBytesMax
        self.text = isLong ? String(decoding: text.utf8.prefix(Self.textBytesMax), as: UTF8.self) + "…" : text
        self.start = start
        self.end = end
        self.step = step
    }
}

/// A query that is over.
package struct FinishedQuery: Hashable, Sendable {
    /// What it asked.
    package var question: Question
    /// When it came, Unix milliseconds.
    package var came: Int64
    /// Milliseconds that it waited for its turn, and that it took with that.
    package var waited: Int64
    package var took: Int64
    /// Nil for an answer; else the failure's `errorType`.
    package var failure: String?

    package init(question: Question, came: Int64, waited: Int64, took: Int64, failure: String?) {
        self.question = question
        self.came = came
        self.waited = waited
        self.took = took
        self.failure = failure
    }
}

/// The slowest queries of the last hour, by tenant. A value without clocks.
package struct QueryHistory: Sendable {
    /// `slow_queries_max`: kept of each tenant.
    package static let queriesMax = 20
    /// Tenants remembered; beyond them those are forgotten whose slowest came first.
    package static let tenantsMax = 1_000
    /// Milliseconds.
    private static let reach: Int64 = 3_600_000

    private var slowest: [TenantID: [FinishedQuery]] = [:]

    /// Nothing yet.
    package init() {}

    /// A query is over at `now`, Unix milliseconds.
    package mutating func add(_ query: FinishedQuery, now: Int64) {
        let tenant = query.question.tenant
        var kept = (slowest[tenant] ?? []).filter { $0.came > now - Self.reach }
        let place = kept.firstIndex { $0.took < query.took } ?? kept.count
        kept.insert(query, at: place)
        slowest[tenant] = Array(kept.prefix(Self.queriesMax))
        if slowest.count > Self.tenantsMax,
            let oldest = slowest.min(by: { ($0.value.first?.came ?? 0) < ($1.value.first?.came ?? 0) })
        {
            slowest[oldest.key] = nil
        }
    }

    /// The slowest of a tenant, the slowest first.
    package func queries(of tenant: TenantID, now: Int64) -> [FinishedQuery] {
        (slowest[tenant] ?? []).filter { $0.came > now - Self.reach }
    }
}
