package import MetricModel

/// What a coordinator can ask of an aggregator; each is one request frame and answered by pages and a `SelectEnd`.
package enum QueryRequest: Equatable, Sendable {
    /// Samples, answered by `SeriesPage`s.
    case select(SelectRequest)
    /// Names of labels, answered by `StringPage`s.
    case labelNames(LabelNamesRequest)
    /// Values of one label, answered by `StringPage`s.
    case labelValues(LabelValuesRequest)
    /// Label sets, answered by `LabelsPage`s.
    case series(SeriesRequest)
    /// Metadata of metrics, answered by `MetadataPage`s.
    case metadata(MetadataRequest)
    /// Machines that push, answered by `ServersPage`s.
    case servers(ServersRequest)
    /// A part of a query, evaluated there; answered by `FragmentPage`s.
    case fragment(FragmentRequest)

    /// What a tenant's newest data is made of, answered by one `StatisticsPage`.
    case statistics(StatisticsRequest)
    /// Exemplars, answered by `ExemplarsPage`s.
    case exemplars(ExemplarsRequest)
    /// Exemplars to keep, answered by no page: a write in the form of a query, since nothing of it is logged or acknowledged by row.
    case keepExemplars(ExemplarBatch)
    /// Deletions to keep, and the question for those that the other one has; answered by `DeletionsPage`s. Of all tenants: no series is asked for.
    case deletions(DeletionsRequest)
    /// What changed of the node's data, answered by one `ChangesPage`.
    case changes(ChangesRequest)

    /// The tenant whose data is asked for; nil where no data is.
    package var tenant: TenantID? {
        switch self {
        case .select(let request): request.selection.tenant
        case .labelNames(let request): request.scope.tenant
        case .labelValues(let request): request.scope.tenant
        case .series(let request): request.scope.tenant
        case .metadata(let request): request.tenant
        case .servers(let request): request.tenant
        case .fragment(let request): request.tenant
        case .statistics(let request): request.tenant
        case .exemplars(let request): request.scope.tenant
        case .keepExemplars(let batch): batch.tenant
        case .deletions: nil
        case .changes(let request): request.tenant
        }
    }
}

extension QueryRequest {
    /// Which slots are asked about.
    package var part: SlotPart {
        switch self {
        case .select(let request): request.part
        case .labelNames(let request): request.scope.part
        case .labelValues(let request): request.scope.part
        case .series(let request): request.scope.part
        case .metadata(let request): request.part
        case .servers(let request): request.part
        case .fragment(let request): .whole(request.slots)
        case .statistics(let request): request.part
        case .exemplars(let request): request.scope.part
        case .keepExemplars, .deletions: .everything
        case .changes(let request): .whole(request.slots)
        }
    }
}

/// Asks for the samples of a selection.
package struct SelectRequest: Equatable, Sendable {
    /// Whose series, which, and when.
    package var selection: SeriesSelection
    /// More series than this are an error, `tooLarge`; 0 for no limit of the asker's.
    package var seriesMax: Int
    /// More samples than this are an error, `tooLarge`; 0 for no limit of the asker's.
    package var samplesMax: Int
    /// Of which slots.
    package var part: SlotPart
    /// Whether the end of the answer is to tell what was done.
    package var explains = false

    /// A request for `selection` within the two limits.
    package init(selection: SeriesSelection, seriesMax: Int = 0, samplesMax: Int = 0, part: SlotPart = .everything) {
        self.selection = selection
        self.seriesMax = seriesMax
        self.samplesMax = samplesMax
        self.part = part
    }
}

/// What the requests about labels have in common: a series counts when it passes all matchers of any set and has a sample in range.
package struct MetadataScope: Equatable, Sendable {
    /// Whose series.
    package var tenant: TenantID
    /// Alternatives; none at all means every series.
    package var matcherSets: [[Matcher]]
    /// First time of interest, Unix milliseconds.
    package var start: Int64
    /// Last time of interest, Unix milliseconds, inclusive.
    package var end: Int64
    /// The most results wanted; 0 for no limit of the asker's.
    package var limit: Int
    /// Of which slots; the answer may have more.
    package var part = SlotPart.everything

    /// The series of `tenant` that any of `matcherSets` lets pass between `start` and `end`.
    package init(tenant: TenantID, matcherSets: [[Matcher]] = [], start: Int64, end: Int64, limit: Int = 0) {
        self.tenant = tenant
        self.matcherSets = matcherSets
        self.start = start
        self.end = end
        self.limit = limit
    }
}

/// Asks for the names of the labels of the series in scope.
package struct LabelNamesRequest: Equatable, Sendable {
    /// Which series.
    package var scope: MetadataScope

    /// The names in `scope`.
    package init(scope: MetadataScope) {
        self.scope = scope
    }
}

/// Asks for the values that one label has in the series in scope.
package struct LabelValuesRequest: Equatable, Sendable {
    /// Which label.
    package var name: String
    /// Which series.
    package var scope: MetadataScope

    /// The values of label `name` in `scope`.
    package init(name: String, scope: MetadataScope) {
        self.name = name
        self.scope = scope
    }
}

/// Asks for the label sets of the series in scope.
package struct SeriesRequest: Equatable, Sendable {
    /// Which series.
    package var scope: MetadataScope

    /// The series in `scope`.
    package init(scope: MetadataScope) {
        self.scope = scope
    }
}

/// Asks for what is known of metrics.
package struct MetadataRequest: Equatable, Sendable {
    /// Whose metrics.
    package var tenant: TenantID
    /// One metric, or the empty string for all.
    package var metric: String
    /// The most entries wanted; 0 for no limit of the asker's.
    package var limit: Int
    /// Of which slots; the answer may have more.
    package var part = SlotPart.everything

    /// Metadata of `metric`, or of all.
    package init(tenant: TenantID, metric: String = "", limit: Int = 0) {
        self.tenant = tenant
        self.metric = metric
        self.limit = limit
    }
}

/// Asks for the machines that push.
package struct ServersRequest: Equatable, Sendable {
    /// Whose machines.
    package var tenant: TenantID
    /// A part of the server ID, or the empty string for all.
    package var search: String
    /// The most servers wanted; 0 for no limit of the asker's.
    package var limit: Int
    /// Of which slots; the answer may have more.
    package var part = SlotPart.everything

    /// Servers whose ID contains `search`.
    package init(tenant: TenantID, search: String = "", limit: Int = 0) {
        self.tenant = tenant
        self.search = search
        self.limit = limit
    }
}

/// Asks what a tenant's newest data is made of.
package struct StatisticsRequest: Equatable, Sendable {
    /// Whose data.
    package var tenant: TenantID
    /// The most entries of each list, 1 ... `TenantStatistics.limitMax`; what lies outside is brought inside.
    package var limit: Int
    /// Of which slots; the answer may have more.
    package var part = SlotPart.everything

    /// Statistics of `tenant` with lists of `limit` entries.
    package init(tenant: TenantID, limit: Int) {
        self.tenant = tenant
        self.limit = min(max(limit, 1), TenantStatistics.limitMax)
    }
}

/// Asks for the exemplars of the series in scope.
package struct ExemplarsRequest: Equatable, Sendable {
    /// Which series, and when.
    package var scope: MetadataScope

    /// The exemplars in `scope`.
    package init(scope: MetadataScope) {
        self.scope = scope
    }
}

/// Exemplars of one tenant, to be kept.
package struct ExemplarBatch: Equatable, Sendable {
    /// Whose series.
    package var tenant: TenantID
    /// The exemplars by series.
    package var series: [SeriesExemplars]

    /// Exemplars of `tenant`.
    package init(tenant: TenantID, series: [SeriesExemplars] = []) {
        self.tenant = tenant
        self.series = series
    }
}
