extension SettingsTable {
    /// `murmur agent`.
    package static let agent = SettingsTable(
        command: "agent",
        summary: "Reads this machine's own metrics from /proc and /sys and pushes them.",
        settings: [
            Setting("push", .text, "Where to push: http://HOST:PORT of a router or a standalone. Needed."),
            Setting("server-id", .text, standardMeans: "the host's name", "The label instance of every series."),
            Setting("interval", .duration(100...3_600_000), standard: "1s", "Time between two readings."),
            Setting("tenant", .text, standardMeans: "the server's default", "The tenant to push for."),
            Setting(
                "buffer-bytes-max", .bytes((64 << 10)...(1 << 34)), standard: "32MiB",
                "Readings kept while the server is away; beyond it the oldest are dropped."),
            configFile,
        ] + logging,
        examples: [
            ("murmur agent --push http://127.0.0.1:7480", "Push once a second under the host's name:"),
            (
                "murmur agent --push http://metrics:7480 --server-id web-1 --interval 10s",
                "Every ten seconds, as web-1:"
            ),
        ])

    /// `murmur loadgen`.
    package static let loadgen = SettingsTable(
        command: "loadgen",
        summary: "Pushes made-up metrics of many servers and reports rate, latency and errors.",
        settings: [
            Setting("push", .text, "Where to push: http://HOST:PORT. Needed."),
            Setting("servers", .integer(1...1_000_000), standard: "100", "Servers that push."),
            Setting("metrics", .integer(1...1_000_000), standard: "100", "Series of each server."),
            Setting(
                "interval", .duration(0...3_600_000), standard: "10s",
                "Time between two samples of a series; 0 sends as fast as it is answered."),
            Setting("duration", .duration(1...604_800_000), standard: "60s", "How long to push."),
            Setting("format", .choice(["remote-write", "json"]), standard: "remote-write", "How samples are written."),
            Setting("batch", .integer(1...1_000_000), standard: "10000", "Most samples in one request."),
            Setting("connections", .integer(1...64), standard: "4", "Requests under way at a time."),
            Setting(
                "churn", .number(0...1), standard: "0", "The part of the servers that new ones replace each minute."),
            Setting("seed", .integer(0...Int.max), standard: "1", "Equal seeds make equal values."),
            Setting("tenant", .text, standardMeans: "the server's default", "The tenant to push for."),
            Setting("json", .switched, "Print the report as one line of JSON."),
        ],
        examples: [
            (
                "murmur loadgen --push http://127.0.0.1:7480 --servers 1000 --metrics 40 --interval 10s",
                "40,000 series, a sample of each every ten seconds, for a minute:"
            ),
            (
                "murmur loadgen --push http://127.0.0.1:7480 --servers 40 --metrics 1000 --interval 0s --json",
                "As fast as the server takes them:"
            ),
        ])

    /// `murmur query`.
    package static let query = SettingsTable(
        command: "query",
        summary: "Asks a PromQL expression and prints the result: now, or over a range when --start is given.",
        argument: ("EXPR", "The expression; quote it for the shell."),
        settings: [
            Setting("endpoint", .text, standard: "http://127.0.0.1:7480", "Whom to ask: http://HOST:PORT."),
            Setting("time", .text, standardMeans: "now", "When: Unix seconds, RFC 3339, or an age such as 5m."),
            Setting("start", .text, standardMeans: "no range", "A range's first step, in the forms of --time."),
            Setting("end", .text, standardMeans: "now", "A range's last step, in the forms of --time."),
            Setting(
                "step", .duration(1...31_536_000_000), standardMeans: "a 60th of the range",
                "Time between two steps of a range."),
            Setting("timeout", .duration(1...86_400_000), standard: "30s", "Longest time to wait for the answer."),
            Setting("tenant", .text, standardMeans: "the server's default", "Whose data."),
            Setting("json", .switched, "Print the server's answer as it is."),
            Setting("csv", .switched, "Print comma-separated values, a column for each label."),
            Setting("explain", .switched, "Print how the answer was found, and not the answer."),
        ],
        examples: [
            ("murmur query 'up'", "The newest value of each series:"),
            (
                "murmur query 'avg by (instance) (rate(node_cpu_seconds_total{mode!=\"idle\"}[1m]))' --start 1h --step 5m",
                "The last hour, every five minutes:"
            ),
            ("murmur query 'cpu' --csv > cpu.csv", "As a file for a spreadsheet:"),
            ("murmur query 'max by (zone) (rate(hits_total[5m]))' --explain", "Who did what for the answer:"),
        ])

    /// Every command's table, in the order that help lists them.
    package static let all = [standalone, router, aggregator, coordinator, agent, loadgen, query, ctl]
}
