package import MetricModel

/// The settings of a process of the cluster, typed. A role has those of its table; the others are at their defaults and mean nothing to it.
package struct NodeSettings: Sendable {
    /// When an acknowledged sample is on disk.
    package enum Durability: String, Sendable, CaseIterable {
        /// Synced before the acknowledgement.
        case fsync
        /// Synced every 200 ms.
        case interval
        /// Written, and synced when the system likes.
        case memory
    }

    /// Every setting with its value, passwords left out.
    package var shown: [(name: String, value: String)]
    /// Where HTTP is served.
    package var http: NetworkAddress
    /// Where the binary protocol is served.
    package var cluster: NetworkAddress
    /// The node's name; nil stands for the host's.
    package var name: String?
    /// The node's failure zone; empty for none.
    package var zone: String
    /// The node's share of the data relative to others.
    package var weight: Double
    /// Members to ask for the cluster.
    package var join: [String]
    /// Where other nodes reach the cluster port; nil for where it is opened.
    package var advertise: String?
    /// Aggregators that must know of each other before one of them founds the cluster.
    package var founders: Int
    /// The file with the cluster's keys.
    package var keyringFile: String?
    /// A feature of the protocol that is not offered, or "none".
    package var withheldFeature: String
    /// Names of settings that some source gave.
    package var given: Set<String>
    /// The cluster's name.
    package var clusterName: String
    /// Copies of each sample.
    package var replicationFactor: Int
    /// Milliseconds; 0 for never.
    package var replacementDelay: Int64
    /// Labels that name a series' server, first present wins.
    package var placementLabels: [String]
    /// Data directory, as given.
    package var dataDirectory: String
    /// Whether there is one: a process that keeps no samples needs none.
    package var hasDataDirectory: Bool
    /// The durable copy; `sqlite:<data-dir>/checkpoint.db` unless given.
    package var checkpoint: CheckpointChoice
    /// Milliseconds; 0 keeps all.
    package var retention: Int64
    /// Milliseconds.
    package var lateWindow: Int64
    /// When an acknowledged sample is on disk.
    package var durability: Durability
    /// Milliseconds.
    package var sealInterval: Int64
    /// Samples in memory that make the head be sealed.
    package var headSamplesMax: Int
    /// Memory for blocks that queries read; nil for a share of what the process may have.
    package var blockCacheBytesMax: Int?
    /// How long a database must be without a sign of its cluster to go over to one of the same name: milliseconds.
    package var checkpointOwnerPatience: Int64
    /// Blocks that may wait for the checkpoint store.
    package var pendingCheckpointBytesMax: Int
    /// Bytes a second that are copied from other aggregators.
    package var movementRate: Int
    /// Series that the node holds.
    package var seriesMax: Int
    /// Milliseconds.
    package var queryTimeout: Int64
    /// Milliseconds.
    package var queryLookback: Int64
    /// Milliseconds; 0 for no hedges.
    package var queryHedgeDelay: Int64
    /// Bytes of results that are kept; 0 for none.
    package var resultCacheBytesMax: Int
    /// Queries that run at a time, of all tenants and of one.
    package var queryConcurrencyMax: Int
    package var queryTenantConcurrencyMax: Int
    /// Queries of one tenant that wait.
    package var queryQueueMax: Int
    /// Experimental functions of PromQL.
    package var experimentalFunctions: Bool
    /// Arithmetic in durations of PromQL.
    package var durationExpressions: Bool
    /// Bounds on series, requests and queries.
    package var limits: Limits
    /// Bodies of pushes at work together, as received and unpacked.
    package var ingestInFlightBytesMax: Int
    /// Whether samples can be deleted over HTTP.
    package var adminAPI: Bool
    /// Whether pushes may have native histograms.
    package var nativeHistograms: Bool
    /// The web application's files; nil to look for `web`.
    package var webDirectory: String?
    /// HTTP requests at work at a time.
    package var httpRequestsMax: Int
    /// HTTP connections at a time.
    package var httpConnectionsMax: Int
    /// Live WebSockets at a time.
    package var liveConnectionsMax: Int
    /// Series in one live query.
    package var liveSeriesMax: Int

    /// Takes the values of a role's table.
    package init(_ role: SettingValues) {
        let values = role.widened(to: .standalone)
        shown = role.shown
        given = role.given
        hasDataDirectory = role.optionalText("data-dir") != nil
        join = values.optionalList("join") ?? []
        advertise = values.optionalText("advertise")
        founders = values.integer("founders")
        keyringFile = values.optionalText("keyring-file")
        withheldFeature = values.text("withhold-feature")
        http = values.address("http")
        cluster = values.address("cluster")
        name = values.optionalText("name")
        zone = values.optionalText("zone") ?? ""
        weight = values.number("weight")
        clusterName = values.text("cluster-name")
        replicationFactor = values.integer("replication-factor")
        replacementDelay = values.milliseconds("replacement-delay")
        placementLabels = values.list("placement-labels")
        dataDirectory = values.text("data-dir")
        checkpoint = values.checkpoint("checkpoint") ?? .sqlite(path: values.text("data-dir") + "/checkpoint.db")
        retention = values.milliseconds("retention")
        lateWindow = values.milliseconds("late-window")
        durability = Durability(rawValue: values.text("durability")) ?? .interval
        sealInterval = values.milliseconds("seal-interval")
        headSamplesMax = values.integer("head-samples-max")
        blockCacheBytesMax = values.optionalInteger("block-cache-bytes-max")
        checkpointOwnerPatience = values.milliseconds("checkpoint-owner-patience")
        pendingCheckpointBytesMax = values.integer("pending-checkpoint-bytes")
        movementRate = values.integer("movement-rate")
        seriesMax = values.integer("series-max")
        queryTimeout = values.milliseconds("query-timeout")
        queryLookback = values.milliseconds("query-lookback")
        queryHedgeDelay = values.milliseconds("query-hedge-delay")
        resultCacheBytesMax = values.integer("result-cache-bytes-max")
        queryConcurrencyMax = values.integer("query-concurrency-max")
        queryTenantConcurrencyMax = values.integer("query-tenant-concurrency-max")
        queryQueueMax = values.integer("query-queue-max")
        experimentalFunctions = values.isOn("promql-experimental-functions")
        durationExpressions = values.isOn("promql-duration-expressions")
        limits = Limits(values)
        ingestInFlightBytesMax = values.integer("ingest-in-flight-bytes-max")
        adminAPI = values.isOn("admin-api")
        nativeHistograms = values.isOn("native-histograms")
        webDirectory = values.optionalText("web-dir")
        httpRequestsMax = values.integer("http-requests-max")
        httpConnectionsMax = values.integer("http-connections-max")
        liveConnectionsMax = values.integer("live-connections-max")
        liveSeriesMax = values.integer("live-series-max")
    }
}

extension Limits {
    /// The limits among the settings.
    fileprivate init(_ values: SettingValues) {
        self.init()
        labelsPerSeriesMax = values.integer("labels-per-series-max")
        labelNameBytesMax = values.integer("label-name-bytes-max")
        labelValueBytesMax = values.integer("label-value-bytes-max")
        seriesPerRequestMax = values.integer("series-per-request-max")
        samplesPerRequestMax = values.integer("samples-per-request-max")
        ingestBodyBytesMax = values.integer("ingest-body-bytes-max")
        ingestDecodedBytesMax = values.integer("ingest-decoded-bytes-max")
        queryBytesMax = values.integer("query-bytes-max")
        querySeriesMax = values.integer("query-series-max")
        querySamplesMax = values.integer("query-samples-max")
        queryStepsMax = values.integer("query-steps-max")
        metadataResultsMax = values.integer("metadata-results-max")
    }
}
