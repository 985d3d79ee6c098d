package import MetricModel
internal import SeriesEngine

/// Which series a question about labels is about.
package struct LabelScope: Sendable {
    package var tenant: TenantID
    /// A series counts when it passes all matchers of one set; no sets: all series.
    package var matcherSets: [[Matcher]]
    /// First and last time, Unix milliseconds, both inclusive.
    package var start: Int64
    package var end: Int64

    package init(tenant: TenantID, matcherSets: [[Matcher]], start: Int64, end: Int64) {
        self.tenant = tenant
        self.matcherSets = matcherSets
        self.start = start
        self.end = end
    }

    fileprivate var selections: [SeriesSelection] {
        (matcherSets.isEmpty ? [[]] : matcherSets).map {
            SeriesSelection(tenant: tenant, matchers: $0, start: start, end: end)
        }
    }
}

extension EngineHost {
    /// The label sets of the series in scope, each once, sorted by their bytes.
    ///
    /// - Parameters:
    ///   - scope: tenant, matchers and time range.
    ///   - seriesMax: series that may be read.
    /// - Returns: the label sets.
    /// - Throws: `EngineError`, as `select`, or `CancellationError`.
    @concurrent
    package func series(_ scope: LabelScope, seriesMax: Int) async throws -> [Labels] {
        var found: Set<Labels> = []
        for selection in scope.selections {
            let (head, blocks) = try await onThread { thread throws(EngineError) in
                (
                    try Self.limited { () throws(EngineLimitError) in
                        try thread.engine.series(selection, seriesMax: seriesMax)
                    },
                    thread.blocks.filter { $0.maxTime >= selection.start && $0.minTime <= selection.end }
                )
            }
            found.formUnion(head)
            for file in blocks {
                for entry in file.directory.entries
                where entry.maxTime >= selection.start && entry.minTime <= selection.end {
                    try Task.checkCancellation()
                    let index = try cache.load(file, entry).index
                    for series in index.matching(selection) { found.insert(index.labels(of: series)) }
                    try Self.check(found.count, "query_series_max", seriesMax)
                }
            }
            try Self.check(found.count, "query_series_max", seriesMax)
        }
        return found.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
    }

    /// The names of the labels of the series in scope, sorted by their bytes.
    @concurrent
    package func labelNames(_ scope: LabelScope, seriesMax: Int) async throws -> [String] {
        var names: Set<ExactString> = []
        for labels in try await series(scope, seriesMax: seriesMax) {
            for label in labels.labels { names.insert(ExactString(label.name)) }
        }
        return Self.sorted(names)
    }

    /// The values that one label has in the series in scope, sorted by their bytes.
    @concurrent
    package func labelValues(_ name: String, _ scope: LabelScope, seriesMax: Int) async throws -> [String] {
        var values: Set<ExactString> = []
        for labels in try await series(scope, seriesMax: seriesMax) {
            if let value = labels[name] { values.insert(ExactString(value)) }
        }
        return Self.sorted(values)
    }

    /// A tenant's metadata, sorted by metric.
    package func metadata(tenant: TenantID) async throws -> [MetricMetadata] {
        try await onThread { $0.engine.metadata(tenant: tenant) }
    }

    /// A tenant's servers, sorted by ID.
    package func servers(tenant: TenantID) async throws -> [ServerSummary] {
        try await onThread { $0.engine.servers(tenant: tenant) }
            .sorted { $0.id.utf8.lexicographicallyPrecedes($1.id.utf8) }
    }

    private static func sorted(_ strings: Set<ExactString>) -> [String] {
        strings.map(\.string).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
}
