import FoundationEssentials
import QueryLanguage

extension SurfaceResponder {
    /// A page of the process about itself.
    func status(_ page: StatusPage) -> JSONChunks {
        switch page {
        case .buildInfo: Envelope.fixed(buildInfo)
        case .runtimeInfo: runtimeInfo
        case .flags: Envelope.object(services.process.settings)
        case .config: Envelope.object([("yaml", services.process.yaml)])
        case .features: Envelope.features(features)
        }
    }

    /// Prometheus' fields. `version` is that of the Prometheus API that we answer as, since clients switch features on by
    /// it; our own stands in `revision`.
    private var buildInfo: String {
        "{\"application\":\"Murmuration\",\"version\":\"2.55.0\",\"revision\":\"murmuration-\(configuration.version)\","
            + "\"branch\":\"\",\"buildUser\":\"\",\"buildDate\":\"\",\"goVersion\":\"\"}"
    }

    /// Prometheus' fields; those about the Go runtime are empty, but `GOMAXPROCS`, which clients read as processors.
    private var runtimeInfo: JSONChunks {
        let process = services.process
        let started = SurfaceResponder.rfc3339(process.startTime)
        return Envelope.fixed { text in
            for (name, value) in [
                ("startTime", started), ("CWD", process.workingDirectory), ("hostname", process.hostName),
                ("serverTime", SurfaceResponder.rfc3339(services.clock())), ("lastConfigTime", started),
                ("GOGC", ""), ("GODEBUG", ""), ("storageRetention", process.retention),
            ] {
                text.raw("\"\(name)\":")
                text.string(value)
                text.raw(",")
            }
            text.raw("\"reloadConfigSuccess\":true,\"corruptionCount\":0,\"goroutineCount\":0,")
            text.raw("\"GOMAXPROCS\":\(process.processors)")
        }
    }

    private static func rfc3339(_ milliseconds: Int64) -> String {
        // Whole seconds are exact as a Double; thousandths are not, and Foundation cuts them off.
        let (second, fraction) = milliseconds.quotientAndRemainder(dividingBy: 1_000)
        let date = Date(timeIntervalSince1970: Double(second)).formatted(.iso8601)
        return "\(date.dropLast()).\(String(1_000 + fraction).dropFirst())Z"
    }

    /// By category, as Prometheus names them: whether the process has a feature.
    private var features: [(category: String, members: [(name: String, isOn: Bool)])] {
        let language = services.query?.language ?? ParserOptions()
        let functions = FunctionName.allCases.map { function in
            (function.rawValue, language.experimentalFunctions || !function.signature.isExperimental)
        }
        let operators =
            BinaryOperator.allCases.map { ($0.rawValue, true) }
            + AggregationOperator.allCases.map { operation in
                (operation.rawValue, language.experimentalFunctions || !operation.isExperimental)
            } + [("=~", true), ("!~", true), ("@", true)]
        let clauses = ["bool", "by", "group_left", "group_right", "ignoring", "offset", "on", "without"]
        let abilities = ["at_modifier", "negative_offset", "per_query_lookback_delta", "per_step_stats", "subqueries"]
        return [
            (
                "api",
                [
                    ("admin", configuration.adminAPI), ("label_values_match", true), ("lifecycle", false),
                    ("otlp_write_receiver", false), ("query_stats", true), ("query_warnings", true),
                    ("remote_write_receiver", services.ingest != nil), ("time_range_labels", true),
                    ("time_range_series", true),
                ]
            ),
            (
                "promql",
                ((clauses + abilities).map { ($0, true) }
                    + [("duration_expr", language.experimentalDurationExpressions)]).sorted { $0.0 < $1.0 }
            ),
            ("promql_functions", functions.sorted { $0.0 < $1.0 }),
            ("promql_operators", operators.sorted { $0.0 < $1.0 }),
        ]
    }
}
