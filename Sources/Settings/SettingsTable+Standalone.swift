extension SettingsTable {
    /// `murmur standalone`.
    package static let standalone = SettingsTable(
        command: "standalone",
        summary: "Runs a whole Murmuration in one process: router, aggregator, coordinator and web application.",
        settings: place + clusterPort + ring + founded + store + queries + ingest + webFiles + [adminAPI] + server
            + live
            + [configFile] + logging,
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

    static let dataDirectory = Setting(
        "data-dir", .text, standard: "./data", "Where log, blocks and the node's identity are kept; made if absent.")

    static let lateWindow = Setting(
        "late-window", .duration(0...week), standard: "2h",
        "How far behind its newest sample a series still takes samples.")

    static let store: [Setting] = [
        dataDirectory,
        Setting(
            "checkpoint", .checkpoint, standardMeans: "sqlite:<data-dir>/checkpoint.db",
            "The durable copy: sqlite:PATH, or postgresql://… with several servers separated by commas."),
        Setting("retention", .duration(0...century), standard: "31d", "How long samples are kept; 0 keeps all."),
        lateWindow,
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
            "block-cache-bytes-max", .bytes((1 << 20)...(1 << 40)),
            standardMeans: "a quarter of the memory it may have, at least 256MiB where half of it is more",
            "Memory for indexes and chunks of blocks that queries read."),
        Setting(
            "checkpoint-owner-patience", .duration(10_000...86_400_000), standard: "60s",
            "So long nothing of a cluster must be seen before its database goes over to one of the same cluster-name: to this one, when all its directories were lost."
        ),
        Setting(
            "pending-checkpoint-bytes", .bytes((1 << 20)...(1 << 50)), standard: "4GiB",
            "Blocks that may wait on disk while the checkpoint store is away; beyond it pushes are refused."),
        Setting(
            "movement-rate", .bytes((1 << 20)...(1 << 40)), standard: "64MiB",
            "Bytes of other aggregators' slots that the node asks for in a second, so that moving leaves room for pushes."
        ),
        Setting(
            "series-max", .integer(1_000...1_000_000_000), standard: "4000000",
            "Series that the node holds; a push of a further one is refused."),
    ]

    static let queries: [Setting] = [
        Setting(
            "query-timeout", .duration(100...86_400_000), standard: "2m",
            "Longest time for a query; one that asks for more gets this."),
        Setting(
            "query-lookback", .duration(1_000...86_400_000), standard: "5m",
            "How far back an instant selector looks for a series' newest sample."),
        Setting(
            "query-hedge-delay", .duration(0...60_000), standard: "50ms",
            "After which a question that one replica has not answered is put to another too; later where answers took longer of late. 0 for never."
        ),
        Setting(
            "result-cache-bytes-max", .bytes(0...(1 << 40)), standard: "64MiB",
            "Memory for kept results of range queries, whose steps are computed once as long as their data stays; 0 keeps none."
        ),
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

    static let ingest: [Setting] = [
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
        Setting(
            "native-histograms", .switched, standard: "true",
            "Take native histograms by remote write; off, they are refused and the samples beside them are stored."),
    ]

    static let webFiles: [Setting] = [
        Setting(
            "web-dir", .text, standardMeans: "web, where there is such a directory",
            "The web application's files; a symbolic link is followed, files that lead out of the directory are not served."
        )
    ]

    static let adminAPI = Setting(
        "admin-api", .switched,
        "Serve /api/v1/admin/tsdb/delete_series: whoever reaches the HTTP port may delete samples.")

    static let server: [Setting] = [
        Setting(
            "http-requests-max", .integer(1...1_000_000), standard: "1024",
            "HTTP requests at work at a time; beyond it they are answered 503."),
        Setting(
            "http-connections-max", .integer(1...10_000_000), standard: "20000",
            "HTTP connections at a time; more wait in the system's queue."),
    ]

    static let live: [Setting] = [
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

    static let week: Int64 = 7 * 86_400_000
    static let century: Int64 = 36_500 * 86_400_000
}
