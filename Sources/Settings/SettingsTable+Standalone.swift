package import MetricModel

extension SettingsTable {
    /// `murmur standalone`.
    package static let standalone = SettingsTable(
        command: "standalone",
        summary: "Runs a whole Murmuration in one process: router, aggregator, coordinator and web application.",
        settings: place + store + queries + ingest + server + [configFile] + logging,
        examples: [
            ("murmur standalone", "Serve on http://127.0.0.1:7480 and keep data in ./data:"),
            (
                "murmur standalone --http 0.0.0.0:7480 --data-dir /var/lib/murmur --retention 90d",
                "Listen on all addresses and keep data for 90 days:"
            ),
            ("murmur standalone --config cluster-config/standalone.yaml", "Take settings from a file:"),
            (
                "MURMUR_DURABILITY=fsync murmur standalone",
                "Sync the log before each acknowledgement, by a variable:"
            ),
        ])

    private static let place: [Setting] = [
        Setting(
            "http", .address(ports: 0...65_535), standard: "127.0.0.1:7480",
            "Where to serve HTTP: API, pushes, web application."),
        // No free port: other nodes, and the node itself, must know where to connect.
        Setting(
            "cluster", .address(ports: 1...65_535), standard: "127.0.0.1:7481",
            "Where to serve the binary protocol to other nodes."),
        Setting("name", .text, standardMeans: "the host's name", "The node's name, stable across restarts."),
        Setting("zone", .text, "The failure zone of the node; copies are kept in different zones."),
        Setting(
            "weight", .number(0.01...1_000), standard: "1", "The node's share of the data, relative to other nodes."),
        Setting("cluster-name", .text, standard: "murmuration", "Nodes of other clusters are refused."),
        Setting(
            "replication-factor", .integer(1...10), standard: "1",
            "Copies of each sample; as many as there are nodes when these are fewer."),
        Setting(
            "placement-labels", .list, standard: "server_id,instance,host,hostname,host_name",
            "The first of these labels that a series has names its server, by which it is placed."),
    ]

    private static let store: [Setting] = [
        Setting(
            "data-dir", .text, standard: "./data", "Where log, blocks and the node's identity are kept; made if absent."
        ),
        Setting(
            "checkpoint", .checkpoint, standardMeans: "sqlite:<data-dir>/checkpoint.db",
            "The durable copy: sqlite:PATH, or postgresql://… with several servers separated by commas."),
        Setting("retention", .duration(0...century), standard: "31d", "How long samples are kept; 0 keeps all."),
        Setting(
            "late-window", .duration(0...week), standard: "2h",
            "How far behind its newest sample a series still takes samples."),
        Setting(
            "durability", .choice(["fsync", "interval", "memory"]), standard: "interval",
            "When an acknowledged sample is on disk: synced before the acknowledgement, synced every 200 ms, or when the "
                + "system likes."),
        Setting(
            "seal-interval", .duration(1_000...86_400_000), standard: "10m",
            "At the latest after so long the newest data is sealed into a block and checkpointed."),
        Setting(
            "head-samples-max", .integer(10_000...2_000_000_000), standard: "20000000",
            "Samples in memory at which they are sealed early; at twice as many, pushes are refused."),
        Setting(
            "block-cache-bytes-max", .bytes((1 << 20)...(1 << 40)), standard: "256MiB",
            "Memory for indexes and chunks of blocks that queries read."),
        Setting(
            "pending-checkpoint-bytes", .bytes((1 << 20)...(1 << 50)), standard: "4GiB",
            "Blocks that may wait on disk while the checkpoint store is away; beyond it pushes are refused."),
        Setting(
            "series-max", .integer(1_000...1_000_000_000), standard: "4000000",
            "Series that the node holds; a push of a further one is refused."),
    ]

    private static let queries: [Setting] = [
        Setting(
            "query-timeout", .duration(100...86_400_000), standard: "2m",
            "Longest time for a query; one that asks for more gets this."),
        Setting(
            "query-lookback", .duration(1_000...86_400_000), standard: "5m",
            "How far back an instant selector looks for a series' newest sample."),
        Setting(
            "query-series-max", .integer(1...100_000_000), standard: "1000000", "Series that one query may read."),
        Setting(
            "query-samples-max", .integer(1...10_000_000_000), standard: "50000000", "Samples that one query may read."),
        Setting(
            "query-steps-max", .integer(1...1_000_000), standard: "11000", "Points per series in a range query."),
        Setting(
            "query-bytes-max", .bytes(64...(1 << 24)), standard: "64KiB", "Length of a query's text."),
        Setting(
            "query-concurrency-max", .integer(1...100_000), standard: "20",
            "Queries that run at a time; others wait, the tenants in turn."),
        Setting(
            "query-tenant-concurrency-max", .integer(1...100_000), standard: "20",
            "Queries of one tenant that run at a time."),
        Setting(
            "query-queue-max", .integer(0...1_000_000), standard: "200",
            "Queries of one tenant that wait for their turn; beyond it they are answered 503."),
        Setting(
            "promql-experimental-functions", .switched,
            "Take functions and aggregations that may still change in Prometheus, such as limitk and mad_over_time."),
        Setting(
            "promql-duration-expressions", .switched,
            "Take arithmetic in durations, which may still change in Prometheus: [5m * 2]."),
        Setting(
            "metadata-results-max", .integer(1...100_000_000), standard: "1000000",
            "Names, values, series or servers in one answer."),
    ]

    private static let ingest: [Setting] = [
        Setting(
            "ingest-body-bytes-max", .bytes(1_024...(128 << 20)), standard: "16MiB",
            "Size of one push as it is received."),
        // A push may become one record of the log, which is bounded by 256 MiB.
        Setting(
            "ingest-decoded-bytes-max", .bytes(1_024...(128 << 20)), standard: "64MiB",
            "Size of one push after decompression."),
        Setting(
            "ingest-in-flight-bytes-max", .bytes(1_024...(1 << 40)), standard: "256MiB",
            "Sizes of all pushes at work together, as received and unpacked; beyond it pushes are answered 503."),
        Setting(
            "samples-per-request-max", .integer(1...100_000_000), standard: "1000000", "Samples in one push."),
        Setting("series-per-request-max", .integer(1...100_000_000), standard: "200000", "Series in one push."),
        Setting(
            "labels-per-series-max", .integer(1...10_000), standard: "64", "Labels of a series, its name included."),
        Setting("label-name-bytes-max", .bytes(1...65_535), standard: "1KiB", "Length of a label's name."),
        Setting("label-value-bytes-max", .bytes(1...65_535), standard: "4KiB", "Length of a label's value."),
    ]

    private static let server: [Setting] = [
        Setting(
            "web-dir", .text, standardMeans: "web, where there is such a directory",
            "The web application's files; a symbolic link is followed, files that lead out of the directory are not served."
        ),
        Setting(
            "http-requests-max", .integer(1...1_000_000), standard: "1024",
            "HTTP requests at work at a time; beyond it they are answered 503."),
        Setting(
            "http-connections-max", .integer(1...10_000_000), standard: "20000",
            "HTTP connections at a time; more wait in the system's queue."),
        Setting(
            "live-connections-max", .integer(1...10_000_000), standard: "10000",
            "Live WebSockets at a time; beyond it they are answered 503."),
        Setting(
            "live-series-max", .integer(1...1_000_000), standard: "10000", "Series in one live query."),
    ]

    static let configFile = Setting(
        "config", .text, outsideFile: true, "A YAML file with settings as keys: `retention: 90d`.")

    static let logging: [Setting] = [
        Setting(
            "log-level", .choice(["trace", "debug", "info", "notice", "warning", "error", "critical"]),
            standard: "info",
            "The least important messages that are logged, on standard error."),
        Setting("log-format", .choice(["logfmt", "json"]), standard: "logfmt", "How a log line is written."),
    ]

    private static let week: Int64 = 7 * 86_400_000
    private static let century: Int64 = 36_500 * 86_400_000
}

/// The settings of `murmur standalone`, typed.
package struct StandaloneSettings: Sendable {
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
    /// The cluster's name.
    package var clusterName: String
    /// Copies of each sample.
    package var replicationFactor: Int
    /// Labels that name a series' server, first present wins.
    package var placementLabels: [String]
    /// Data directory, as given.
    package var dataDirectory: String
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
    /// Memory for blocks that queries read.
    package var blockCacheBytesMax: Int
    /// Blocks that may wait for the checkpoint store.
    package var pendingCheckpointBytesMax: Int
    /// Series that the node holds.
    package var seriesMax: Int
    /// Milliseconds.
    package var queryTimeout: Int64
    /// Milliseconds.
    package var queryLookback: Int64
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

    /// Takes the values of `SettingsTable.standalone`.
    package init(_ values: SettingValues) {
        shown = values.shown
        http = values.address("http")
        cluster = values.address("cluster")
        name = values.optionalText("name")
        zone = values.optionalText("zone") ?? ""
        weight = values.number("weight")
        clusterName = values.text("cluster-name")
        replicationFactor = values.integer("replication-factor")
        placementLabels = values.list("placement-labels")
        dataDirectory = values.text("data-dir")
        checkpoint = values.checkpoint("checkpoint") ?? .sqlite(path: values.text("data-dir") + "/checkpoint.db")
        retention = values.milliseconds("retention")
        lateWindow = values.milliseconds("late-window")
        durability = Durability(rawValue: values.text("durability")) ?? .interval
        sealInterval = values.milliseconds("seal-interval")
        headSamplesMax = values.integer("head-samples-max")
        blockCacheBytesMax = values.integer("block-cache-bytes-max")
        pendingCheckpointBytesMax = values.integer("pending-checkpoint-bytes")
        seriesMax = values.integer("series-max")
        queryTimeout = values.milliseconds("query-timeout")
        queryLookback = values.milliseconds("query-lookback")
        queryConcurrencyMax = values.integer("query-concurrency-max")
        queryTenantConcurrencyMax = values.integer("query-tenant-concurrency-max")
        queryQueueMax = values.integer("query-queue-max")
        experimentalFunctions = values.isOn("promql-experimental-functions")
        durationExpressions = values.isOn("promql-duration-expressions")
        limits = Limits(values)
        ingestInFlightBytesMax = values.integer("ingest-in-flight-bytes-max")
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
