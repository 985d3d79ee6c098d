import HTTPSurface
import MetricModel
import Testing

@Suite struct Routes {
    @Test(
        "each path has its route and its methods",
        arguments: [
            ("POST", "/api/v1/write", Route.ingest(.remoteWrite)), ("POST", "/api/v1/push", .ingest(.remoteWrite)),
            ("POST", "/api/metrics", .ingest(.json)), ("GET", "/api/v1/query", .instantQuery),
            ("POST", "/api/v1/query", .instantQuery), ("POST", "/api/v1/query_range", .rangeQuery),
            ("GET", "/api/v1/label/job/values", .labelValues(name: "job")), ("GET", "/api/v1/live", .live),
            ("GET", "/-/ready", .ready), ("HEAD", "/-/healthy", .healthy), ("GET", "/", .file(path: "/")),
            ("GET", "/app.js", .file(path: "/app.js")), ("GET", "/api/v1/nothing", .unknown), ("GET", "/api", .unknown),
            ("GET", "/-/what", .unknown), ("GET", "/api/v1/label//values", .unknown),
            ("GET", "/api/v1/label/a/b/values", .unknown), ("GET", "/metrics", .metrics),
            ("GET", "/api/v1/write", .methodNotAllowed(allowed: ["POST"])),
            ("DELETE", "/api/v1/query", .methodNotAllowed(allowed: ["GET", "POST"])),
            ("POST", "/", .methodNotAllowed(allowed: ["GET", "HEAD"])),
            ("POST", "/api/v1/label/job/values", .methodNotAllowed(allowed: ["GET"])),
        ])
    func find(method: String, path: String, expected: Route) {
        #expect(Route.find(method: method, path: path) == expected)
    }
}

@Suite struct Parameters {
    @Test(
        "urlencoded text is decoded",
        arguments: [
            ("a=1", ["1"]), ("a=1&a=2", ["1", "2"]), ("a", [""]), ("a=", [""]), ("&&a=x&", ["x"]), ("a=b=c", ["b=c"]),
            ("a=up%7Bjob%3D%22x%22%7D", ["up{job=\"x\"}"]), ("a=1+2%2B3", ["1 2+3"]), ("a=%C3%A9", ["é"]), ("b=1", []),
            ("%61=1", ["1"]),
        ])
    func decoded(text: String, expected: [String]) throws {
        var parameters = RequestParameters()
        try parameters.add(urlEncoded: text.utf8)
        #expect(parameters.all("a") == expected)
    }

    @Test(
        "broken escapes, bytes that are not UTF-8 and too many parameters are bad data",
        arguments: ["a=%", "a=%4", "a=%zz", "a=%FF", "%=1"])
    func broken(text: String) {
        var parameters = RequestParameters()
        #expect(throws: APIFailure.self) { try parameters.add(urlEncoded: text.utf8) }
    }

    @Test("a thousand parameters are enough")
    func tooMany() {
        var parameters = RequestParameters()
        let text = String(repeating: "a=1&", count: RequestParameters.countMax + 1)
        #expect(throws: APIFailure.self) { try parameters.add(urlEncoded: text.utf8) }
    }

    @Test(
        "times are Unix seconds or RFC 3339",
        arguments: [
            ("1763000300", 1_763_000_300_000), ("1763000300.123", 1_763_000_300_123), ("0", 0), ("-1.5", -1_500),
            ("1e3", 1_000_000),
            ("1763000300.1239", 1_763_000_300_124), ("2025-11-13T02:18:20Z", 1_763_000_300_000),
            ("2025-11-13T03:18:20.5+01:00", 1_763_000_300_500), ("now", nil), ("", nil), ("nan", nil), ("inf", nil),
            ("0x10", nil),
            ("1e300", nil), ("2025-13-01T00:00:00Z", nil), ("9007199254740992", nil), ("-9007199254740992", nil),
        ] as [(String, Int64?)])
    func times(text: String, expected: Int64?) {
        #expect(QueryParameters.time(text) == expected)
    }

    @Test(
        "durations are seconds or Prometheus' durations",
        arguments: [
            ("15", 15_000), ("0.5", 500), ("15s", 15_000), ("1h30m", 5_400_000), ("200ms", 200), ("1d", 86_400_000),
            ("1x", nil),
            ("s", nil), ("1m1m", nil), ("", nil), ("9000000000000000", nil), ("-9000000000000000", nil),
        ] as [(String, Int64?)])
    func durations(text: String, expected: Int64?) {
        #expect(QueryParameters.duration(text) == expected)
    }

    private func reader(_ text: String) throws -> QueryParameters {
        var parameters = RequestParameters()
        try parameters.add(urlEncoded: text.utf8)
        return QueryParameters(parameters, tenant: .default, now: 5_000, bounds: .init())
    }

    @Test(
        "escaped label names are decoded; what is not well escaped stands for itself",
        arguments: [
            ("U__lab_20_el_2e_x", "lab el.x"), ("U__a__b", "a_b"), ("U___1F600_", "\u{1F600}"), ("U__x", "x"),
            ("job", "job"), ("U__a_2", "U__a_2"), ("U__a_zz_", "U__a_zz_"), ("U__a_d800_", "U__a_d800_"),
            ("U__a_0000020_", "U__a_0000020_"), ("U__a_", "U__a_"), ("u__a__b", "u__a__b"),
        ])
    func escapedName(text: String, name: String) {
        #expect(EscapedName.decode(text) == name)
    }

    @Test("an instant query takes its defaults from the server")
    func instant() throws {
        let query = try reader("query=up").instant()
        #expect(query.time == 5_000 && query.query == "up" && query.options.timeoutMilliseconds == 120_000)
        #expect(query.options.allowsPartial && query.options.seriesMax == 0)
        let asked = try reader("query=up&time=1&timeout=3s&limit=9&partial_response=false&lookback_delta=1m").instant()
        #expect(asked.time == 1_000 && asked.options.timeoutMilliseconds == 3_000 && asked.options.seriesMax == 9)
        #expect(!asked.options.allowsPartial && asked.options.lookbackMilliseconds == 60_000)
        for none in ["0", "-1"] {
            #expect(try reader("query=up&lookback_delta=\(none)").instant().options.lookbackMilliseconds == nil)
        }
        #expect(try reader("limit=-1").metadata().metricsMax == reader("").metadata().metricsMax)
        #expect(try reader("query=up&timeout=9h").instant().options.timeoutMilliseconds == 120_000)
    }

    @Test(
        "a range query that cannot be is bad data",
        arguments: [
            "", "query=up", "query=up&start=0&end=1", "query=up&start=2&end=1&step=1", "query=up&start=0&end=1&step=0",
            "query=up&start=0&end=1&step=-1", "query=up&start=0&end=11001&step=1", "query=up&start=x&end=1&step=1",
            "query=&start=0&end=1&step=1", "query=up&start=0&end=1&step=1&limit=x",
            "query=up&start=0&end=1&step=1&timeout=0",
            "query=up&start=0&end=1&step=1&partial_response=maybe",
            "query=up&start=-9007199254740992&end=9007199254740992&step=1",
            "query=up&start=-576460752303423&end=576460752303423&step=0.001",
            "query=up&start=0&end=1&step=1&lookback_delta=9000000000000000",
            "query=up&start=0&end=1&step=1&limit=-1",
            "query=up&start=0&end=1&step=1&lookback_delta=366d", "query=up&start=0&end=1&step=1&cache=maybe",
            "query=up&start=0&end=1&step=1&nocache=maybe",
        ])
    func badRanges(text: String) throws {
        let reader = try reader(text)
        #expect(throws: APIFailure.self) { try reader.range() }
    }

    @Test("a duration that rounds to no time at all is told apart from none", arguments: ["step", "timeout"])
    func tooShort(name: String) throws {
        let others = name == "step" ? "" : "&step=1"
        let reader = try reader("query=up&start=0&end=1&\(name)=0.0001\(others)")
        let failure = #expect(throws: APIFailure.self) { try reader.range() }
        let expected = "invalid parameter \"\(name)\": 0.0001 s is too short: the smallest is 1 ms (0.001)"
        #expect(failure?.message == expected)
    }

    @Test(
        "kept results are used unless the request says otherwise",
        arguments: [
            ("", true), ("&cache=on", true), ("&cache=off", false), ("&nocache=1", false), ("&nocache=0", true),
            ("&nocache=1&cache=on", false),
        ])
    func keptResults(text: String, expected: Bool) throws {
        #expect(try reader("query=up&start=0&end=1&step=1\(text)").range().options.usesCache == expected)
    }

    @Test("a range may have as many steps as the limit, as in Prometheus")
    func rangeLimit() throws {
        let query = try reader("query=up&start=0&end=11000&step=1").range()
        #expect(query.end == 11_000_000 && query.step == 1_000)
    }

    @Test("series needs a selector; labels do not")
    func selectors() throws {
        #expect(throws: APIFailure.self) { try reader("").labels(needsSelector: true) }
        let query = try reader("match[]=up&match[]=down&limit=5&start=1&end=2").labels(needsSelector: true)
        #expect(
            query.selectors == ["up", "down"] && query.resultsMax == 5 && query.start == 1_000 && query.end == 2_000)
        #expect(try reader("").labels().resultsMax == 1_000_000)
    }
}

@Suite struct Tenants {
    private func tenant(_ header: String?, _ query: String = "") throws -> String {
        var parameters = RequestParameters()
        try parameters.add(urlEncoded: query.utf8)
        return try TenantChoice.tenant(header: header, parameters: parameters).name
    }

    @Test("header and parameter name the tenant; none is the default")
    func choice() throws {
        #expect(try tenant(nil) == TenantID.default.name)
        #expect(try tenant("a") == "a")
        #expect(try tenant(nil, "tenant=b") == "b")
        #expect(try tenant("a", "tenant=a&tenant=a") == "a")
        #expect(try tenant(nil, "tenant=&tenant=b") == "b")
        for (header, query) in [("a/b", ""), ("", ""), ("", "tenant=b"), ("a, b", "")] {
            #expect(throws: APIFailure.self) { try tenant(header, query) }
        }
    }

    @Test(
        "a tenant named in two places with two names is refused, and both are told",
        arguments: [("a", "tenant=b"), (nil, "tenant=a&tenant=b"), ("a", "tenant=a&tenant=b"), ("b", "tenant=a")]
            as [(String?, String)])
    func disagreement(header: String?, query: String) {
        let failure = #expect(throws: APIFailure.self) { try tenant(header, query) }
        #expect(failure?.kind == .badData)
        #expect(failure?.message.contains(#""a""#) == true && failure?.message.contains(#""b""#) == true)
    }
}
