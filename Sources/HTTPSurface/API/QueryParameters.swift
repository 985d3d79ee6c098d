import IngestFormats
package import MetricModel

/// Reads the parameters of the query API, in Prometheus' forms, into requests of `QueryService`.
package struct QueryParameters: Sendable {
    /// Bounds that requests are held to.
    package struct Bounds: Sendable {
        /// Longest expression, result sizes and steps.
        package var limits = Limits()
        /// Longest time a query may take, and its time when it asks for none: milliseconds.
        package var timeoutMilliseconds: Int64 = 120_000

        /// The defaults.
        package init() {}
    }

    /// What the request asked for.
    package var parameters: RequestParameters
    /// Whose data it asks about.
    package var tenant: TenantID
    /// The time of the request, Unix milliseconds.
    package var now: Int64
    /// What it may ask for.
    package var bounds: Bounds

    /// Parameters of one request at one time.
    package init(_ parameters: RequestParameters, tenant: TenantID, now: Int64, bounds: Bounds) {
        self.parameters = parameters
        self.tenant = tenant
        self.now = now
        self.bounds = bounds
    }

    /// `query`, `time`, `timeout`, `limit`, `lookback_delta`, `stats`, `partial_response`, `explain`, `cache`, `nocache`.
    package func instant() throws(APIFailure) -> InstantQuery {
        InstantQuery(tenant: tenant, query: try query(), time: try time("time") ?? now, options: try options())
    }

    /// `query`, `start`, `end`, `step` and the options of an instant query.
    package func range() throws(APIFailure) -> RangeQuery {
        let query = try query()
        let start = try required("start", time("start"))
        let end = try required("end", time("end"))
        let step = try required("step", duration("step"))
        if end < start { throw bad("end", "end timestamp must not be before start time") }
        if step <= 0 {
            throw bad("step", "zero or negative query resolution step widths are not accepted. Try a positive integer")
        }
        if (end - start) / step > Int64(bounds.limits.queryStepsMax) {
            throw APIFailure(
                .badData,
                "exceeded maximum resolution of \(bounds.limits.queryStepsMax) points per timeseries "
                    + "(query_steps_max). Try decreasing the query resolution (?step=XX)")
        }
        return RangeQuery(
            tenant: tenant, query: query, start: start, end: end, step: step, options: try options())
    }

    /// `match[]`, `start`, `end`, `limit`; `needsSelector` for the series endpoint.
    package func labels(needsSelector: Bool = false) throws(APIFailure) -> LabelQuery {
        let selectors = try selectors()
        if needsSelector && selectors.isEmpty { throw APIFailure(.badData, "no match[] parameter provided") }
        let start = try time("start") ?? Int64.min / 4
        let end = try time("end") ?? Int64.max / 4
        if end < start { throw bad("end", "end timestamp must not be before start time") }
        return LabelQuery(
            tenant: tenant, selectors: selectors, start: start, end: end, resultsMax: try resultsMax(),
            timeoutMilliseconds: try timeout(), allowsPartial: try flag("partial_response", unlessGiven: true))
    }

    /// `match[]`, at least one, `start`, `end`; without them of all times.
    package func deletion(client: String) throws(APIFailure) -> DeletionRequest {
        let selectors = try selectors()
        if selectors.isEmpty { throw APIFailure(.badData, "no match[] parameter provided") }
        return DeletionRequest(
            tenant: tenant, selectors: selectors, start: try time("start") ?? Int64.min / 4,
            end: try time("end") ?? Int64.max / 4, client: client)
    }

    /// `query`, `start`, `end`, `timeout`.
    package func exemplars() throws(APIFailure) -> ExemplarQuery {
        let start = try time("start") ?? Int64.min / 4
        let end = try time("end") ?? Int64.max / 4
        if end < start { throw bad("end", "end timestamp must not be before start timestamp") }
        return ExemplarQuery(
            tenant: tenant, query: try query(), start: start, end: end, timeoutMilliseconds: try timeout())
    }

    /// `metric`, `limit`.
    package func metadata() throws(APIFailure) -> MetadataQuery {
        MetadataQuery(
            tenant: tenant, metric: parameters["metric"], metricsMax: try resultsMax(mayBeNegative: true),
            timeoutMilliseconds: try timeout())
    }

    /// `limit`, 10 unless given; `timeout`.
    package func storeStatistics() throws(APIFailure) -> StatisticsQuery {
        var limit = 10
        if let text = parameters["limit"] {
            guard let asked = Int(text), (1...TenantStatistics.limitMax).contains(asked) else {
                throw bad("limit", "limit must be a number from 1 to \(TenantStatistics.limitMax)")
            }
            limit = asked
        }
        return StatisticsQuery(
            tenant: tenant, limit: limit,
            timeoutMilliseconds: try timeout())
    }

    /// `search`, `limit`.
    package func servers() throws(APIFailure) -> ServersQuery {
        ServersQuery(
            tenant: tenant, search: parameters["search"] ?? "", serversMax: try resultsMax(),
            timeoutMilliseconds: try timeout())
    }

    /// `match[]`: the selectors as sent; none asks for nothing.
    package func selectors() throws(APIFailure) -> [String] {
        let selectors = parameters.all("match[]")
        for selector in selectors { try checkLength(selector, "match[]") }
        return selectors
    }

    /// `query`.
    package func query() throws(APIFailure) -> String {
        guard let query = parameters["query"] else {
            throw bad("query", "unknown position: parse error: no expression found in input")
        }
        try checkLength(query, "query")
        return query
    }

    private func checkLength(_ text: String, _ name: String) throws(APIFailure) {
        if text.utf8.count > bounds.limits.queryBytesMax {
            throw bad(name, "longer than \(bounds.limits.queryBytesMax) bytes (query_bytes_max)")
        }
    }

    private func options() throws(APIFailure) -> QueryOptions {
        QueryOptions(
            timeoutMilliseconds: try timeout(), seriesMax: try limit() ?? 0,
            lookbackMilliseconds: try lookback(),
            allowsPartial: try flag("partial_response", unlessGiven: true), statistics: statistics,
            explain: try explain(), usesCache: try usesCache())
    }

    /// `cache=off`, or as VictoriaMetrics has it `nocache=1`.
    private func usesCache() throws(APIFailure) -> Bool {
        let isOn: Bool
        switch parameters["cache"] {
        case nil, "on": isOn = true
        case "off": isOn = false
        case .some: throw bad("cache", "it must be on or off")
        }
        return try !flag("nocache", unlessGiven: false) && isOn
    }

    private func explain() throws(APIFailure) -> ExplainMode {
        guard let text = parameters["explain"], !text.isEmpty else { return .none }
        guard let mode = ExplainMode(rawValue: text) else { throw bad("explain", "it must be plan or analyze") }
        return mode
    }

    /// As in Prometheus any value asks for totals, and `all` for the steps too.
    private var statistics: StatisticsDetail {
        switch parameters["stats"] {
        case nil: .none
        case "all": .perStep
        case .some: .totals
        }
    }

    private func lookback() throws(APIFailure) -> Int64? {
        guard let asked = try duration("lookback_delta") else { return nil }
        if asked > QueryParameters.lookbackMax { throw bad("lookback_delta", "it must be at most 365d") }
        // As in Prometheus what is not positive stands for the server's own.
        return asked > 0 ? asked : nil
    }

    private func timeout() throws(APIFailure) -> Int64 {
        guard let asked = try duration("timeout") else { return bounds.timeoutMilliseconds }
        if asked <= 0 { throw bad("timeout", "it must be positive") }
        return min(asked, bounds.timeoutMilliseconds)
    }

    private func resultsMax(mayBeNegative: Bool = false) throws(APIFailure) -> Int {
        min(try limit(mayBeNegative: mayBeNegative) ?? Int.max, bounds.limits.metadataResultsMax)
    }

    /// `limit`; nil for none, which `0` says too, and in Prometheus' metadata endpoint any negative one.
    private func limit(mayBeNegative: Bool = false) throws(APIFailure) -> Int? {
        guard let text = parameters["limit"] else { return nil }
        guard let limit = Int(text) else { throw bad("limit", "limit must be a number, not \"\(text)\"") }
        guard limit >= 0 || mayBeNegative else { throw bad("limit", "limit must be non-negative") }
        return limit <= 0 ? nil : limit
    }

    private func flag(_ name: String, unlessGiven standard: Bool) throws(APIFailure) -> Bool {
        switch parameters[name] {
        case nil: standard
        case "true", "1": true
        case "false", "0": false
        case .some(let text): throw bad(name, "expected true or false, not \"\(text)\"")
        }
    }

    private func time(_ name: String) throws(APIFailure) -> Int64? {
        guard let text = parameters[name] else { return nil }
        if let time = QueryParameters.time(text) { return time }
        throw bad(name, "cannot parse \"\(text)\" to a valid timestamp")
    }

    private func duration(_ name: String) throws(APIFailure) -> Int64? {
        guard let text = parameters[name] else { return nil }
        if let duration = QueryParameters.duration(text) {
            // Times are whole milliseconds: this one would become none at all.
            if duration == 0, let seconds = Double(text), seconds > 0 {
                throw bad(name, "\(text) s is too short: the smallest is 1 ms (0.001)")
            }
            return duration
        }
        throw bad(name, "cannot parse \"\(text)\" to a valid duration")
    }

    private func required(_ name: String, _ value: Int64?) throws(APIFailure) -> Int64 {
        guard let value else { throw bad(name, "it is missing") }
        return value
    }

    private func bad(_ name: String, _ message: String) -> APIFailure {
        APIFailure(.badData, "invalid parameter \"\(name)\": \(message)")
    }

    /// Unix milliseconds of Unix seconds with a fraction, or of RFC 3339; nil for anything else, and beyond ±2^59 ms.
    package static func time(_ text: String) -> Int64? {
        bounded(seconds(text) ?? RFC3339.milliseconds(text.utf8))
    }

    /// Milliseconds of seconds with a fraction, or of a duration such as `1h30m`; nil for anything else, and beyond
    /// ±2^59 ms.
    package static func duration(_ text: String) -> Int64? {
        bounded(seconds(text) ?? DurationText.milliseconds(text))
    }

    /// Milliseconds that `lookback_delta` may have at most: 365 days.
    private static let lookbackMax: Int64 = 365 * 86_400_000

    /// So that the differences and sums of a few times and durations cannot overflow: milliseconds.
    private static let magnitudeMax: UInt64 = 1 << 59

    private static func bounded(_ milliseconds: Int64?) -> Int64? {
        milliseconds.flatMap { $0.magnitude <= magnitudeMax ? $0 : nil }
    }

    private static func seconds(_ text: String) -> Int64? {
        guard let seconds = Double(text), text.utf8.allSatisfy(isNumberByte) else { return nil }
        return Int64(exactly: (seconds * 1_000).rounded())
    }

    /// Decimal notation only: Swift also reads `nan`, `inf` and hexadecimal.
    private static func isNumberByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"),
            UInt8(ascii: "+"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
