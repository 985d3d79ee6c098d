package import MetricModel

/// A part of the answer to a query; what kind follows from the request.
package enum QueryPage: Equatable, Sendable {
    /// Samples.
    case series(SeriesPage)
    /// Label names or values.
    case strings(StringPage)
    /// Label sets.
    case labels(LabelsPage)
    /// Metadata of metrics.
    case metadata(MetadataPage)
    /// Machines that push.
    case servers(ServersPage)
    /// Rows of a fragment.
    case fragment(FragmentPage)
    /// What a tenant's newest data is made of.
    case statistics(StatisticsPage)
    /// Exemplars.
    case exemplars(ExemplarsPage)
    /// Deletions that a node knows.
    case deletions(DeletionsPage)
    /// What changed of a node's data.
    case changes(ChangesPage)

    /// Whether it has native histograms, which a peer without `FeatureSet.histograms` does not read.
    package var hasHistograms: Bool {
        switch self {
        case .series(let page): page.hasHistograms
        case .fragment(let page): page.rows.contains { $0.histograms != nil }
        case .strings, .labels, .metadata, .servers, .statistics, .exemplars, .deletions, .changes: false
        }
    }
}

/// Label names or values.
package struct StringPage: Equatable, Sendable {
    /// The names or values, sorted and unique over all pages of a stream.
    package var values: [String]

    /// A page of `values`.
    package init(values: [String]) {
        self.values = values
    }
}

/// Label sets of series.
package struct LabelsPage: Equatable, Sendable {
    /// The label sets, in the order the sender chose.
    package var labels: [Labels]

    /// A page of `labels`.
    package init(labels: [Labels]) {
        self.labels = labels
    }
}

/// Metadata of metrics.
package struct MetadataPage: Equatable, Sendable {
    /// One entry a metric, or several where sources differ.
    package var metadata: [MetricMetadata]

    /// A page of `metadata`.
    package init(metadata: [MetricMetadata]) {
        self.metadata = metadata
    }
}

/// Machines that push.
package struct ServersPage: Equatable, Sendable {
    /// The servers, by ID.
    package var servers: [ServerSummary]
    /// How many servers match, those beyond the request's limit included.
    package var total: Int

    /// A page of `servers` out of `total`.
    package init(servers: [ServerSummary], total: Int) {
        self.servers = servers
        self.total = total
    }
}

/// What a tenant's newest data is made of, on one node.
package struct StatisticsPage: Equatable, Sendable {
    /// The numbers.
    package var statistics: TenantStatistics

    /// A page of `statistics`, the only one of its stream.
    package init(statistics: TenantStatistics) {
        self.statistics = statistics
    }
}

/// Exemplars of series.
package struct ExemplarsPage: Equatable, Sendable {
    /// The exemplars, each series on one page.
    package var series: [SeriesExemplars]

    /// A page of `series`.
    package init(series: [SeriesExemplars]) {
        self.series = series
    }
}

/// The last frame of a query's answer: without it what came before does not count.
package struct SelectEnd: Equatable, Sendable {
    /// Series, or other results, that were sent.
    package var seriesCount: Int
    /// Samples that were sent.
    package var sampleCount: Int
    /// What the answer lacks and why; at most `WireLimits.warningsMax` cross the wire.
    package var warnings: [String]
    /// Of the slots that were asked for, those that the node had whole when it answered: the results of each are all there are.
    package var slots = SlotSet()
    /// What the node is to the other slots that were asked for, each of them once.
    package var standings: [SlotStanding] = []
    /// Of a fragment: by which labels the series that it read were placed.
    package var placements: PlacementKinds = []
    /// Of a fragment: what the language has to say about the query; at most `WireLimits.notesMax` of each cross the wire.
    package var notes = Notes()
    /// What was done for the answer; nil unless the request asked.
    package var work: WorkDone?

    /// Warnings and infos of the query language.
    package struct Notes: Equatable, Sendable {
        package var warnings: [String]
        package var infos: [String]

        /// By default, nothing.
        package init(warnings: [String] = [], infos: [String] = []) {
            self.warnings = warnings
            self.infos = infos
        }
    }

    /// The end of an answer of `seriesCount` results.
    package init(seriesCount: Int, sampleCount: Int = 0, warnings: [String] = []) {
        self.seriesCount = seriesCount
        self.sampleCount = sampleCount
        self.warnings = warnings
    }
}

extension QueryPage {
    /// Cuts results into pages that fit in a frame.
    ///
    /// - Throws: `TypedError.tooLarge` when one value alone does not fit.
    package static func pages(ofStrings values: [String]) throws(TypedError) -> [QueryPage] {
        try cut(values) { $0.utf8.count }.map { .strings(StringPage(values: $0)) }
    }

    /// Cuts results into pages that fit in a frame.
    ///
    /// - Throws: `TypedError.tooLarge` when one label set alone does not fit.
    package static func pages(ofLabels labels: [Labels]) throws(TypedError) -> [QueryPage] {
        try cut(labels) { $0.bytes.count }.map { .labels(LabelsPage(labels: $0)) }
    }

    /// Cuts results into pages that fit in a frame.
    ///
    /// - Throws: `TypedError.tooLarge` when one entry alone does not fit.
    package static func pages(ofMetadata metadata: [MetricMetadata]) throws(TypedError) -> [QueryPage] {
        try cut(metadata) { $0.metric.utf8.count + $0.type.utf8.count + $0.unit.utf8.count + $0.help.utf8.count }
            .map { .metadata(MetadataPage(metadata: $0)) }
    }

    /// Cuts results into pages that fit in a frame; there is at least one, for the total.
    ///
    /// - Throws: `TypedError.tooLarge` when one server alone does not fit.
    package static func pages(ofServers servers: [ServerSummary], total: Int) throws(TypedError) -> [QueryPage] {
        let parts = try cut(servers) { $0.id.utf8.count + $0.label.utf8.count }
        return (parts.isEmpty ? [[]] : parts).map { .servers(ServersPage(servers: $0, total: total)) }
    }

    /// Cuts results into pages that fit in a frame.
    ///
    /// - Throws: `TypedError.tooLarge` when one series' exemplars alone do not fit.
    package static func pages(ofExemplars series: [SeriesExemplars]) throws(TypedError) -> [QueryPage] {
        try cut(series) { one in
            one.exemplars.reduce(one.labels.bytes.count) { $0 + $1.labels.bytes.count + itemBytes }
        }
        .map { .exemplars(ExemplarsPage(series: $0)) }
    }

    /// More than tags, lengths and numbers take beside one item's text.
    private static let itemBytes = 48

    private static func cut<Item>(_ items: [Item], bytes: (Item) -> Int) throws(TypedError) -> [[Item]] {
        var parts: [[Item]] = []
        var part: [Item] = []
        var size = 0
        for item in items {
            let itemSize = bytes(item) + itemBytes
            guard itemSize <= WireLimits.pagePayloadBytesMax else {
                throw TypedError(.tooLarge, "one result of \(itemSize) bytes does not fit in a page")
            }
            if size + itemSize > SeriesPager.pageBytesDefault, !part.isEmpty {
                parts.append(part)
                part = []
                size = 0
            }
            part.append(item)
            size += itemSize
        }
        if !part.isEmpty { parts.append(part) }
        return parts
    }
}
