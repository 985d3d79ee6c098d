import Foundation
import HTTPSurface
import HTTPTypes
import Testing

private func encoded(_ query: String) -> String {
    query.utf8.map { byte in
        let hex = String(byte, radix: 16)
        return "%" + (hex.count < 2 ? "0" : "") + hex
    }.joined()
}

@Suite struct LanguageAPI {
    @Test("format_query answers the query in Prometheus' layout")
    func format() async throws {
        let get = try await ask(responder(), .get, "/api/v1/format_query?query=" + encoded("sum by(b,a)(rate(m[5m]))"))
        #expect(get.body == #"{"status":"success","data":"sum by (b, a) (rate(m[5m]))"}"#)
        let long = String(repeating: "m", count: 120)
        let post = try await ask(responder(), .post, "/api/v1/format_query", headers: form, body: "query=abs(\(long))")
        #expect(post.body == #"{"status":"success","data":"abs(\n  \#(long)\n)"}"#)
        let bad = try await ask(responder(), .get, "/api/v1/format_query?query=sum(")
        #expect(bad.status == 400 && bad.body.hasPrefix(#"{"status":"error","errorType":"bad_data""#))
    }

    /// Queries with their trees in Prometheus' own words.
    static let trees = [
        ("1", #"{"type":"numberLiteral","val":"1"}"#),
        ("-Inf", #"{"type":"numberLiteral","val":"-Inf"}"#),
        (#"("x")"#, #"{"expr":{"type":"stringLiteral","val":"x"},"type":"parenExpr"}"#),
        (
            #"m{a="b"} @ 1.5 offset 1m"#,
            #"{"matchers":[{"name":"a","type":"=","value":"b"},{"name":"__name__","type":"=","value":"m"}],"name":"m","#
                + #""offset":60000,"startOrEnd":null,"timestamp":1500,"type":"vectorSelector"}"#
        ),
        (
            #"rate({a=~"b"}[5m] @ end())"#,
            #"{"args":[{"matchers":[{"name":"a","type":"=~","value":"b"}],"name":"","offset":0,"range":300000,"#
                + #""startOrEnd":"end","timestamp":null,"type":"matrixSelector"}],"func":{"argTypes":["matrix"],"#
                + #""name":"rate","returnType":"vector","variadic":0},"type":"call"}"#
        ),
        (
            "time()",
            #"{"args":[],"func":{"argTypes":[],"name":"time","returnType":"scalar","variadic":0},"type":"call"}"#
        ),
        (
            "-topk without (x) (2, vector(1))",
            #"{"expr":{"expr":{"args":[{"type":"numberLiteral","val":"1"}],"func":{"argTypes":["scalar"],"name":"vector","#
                + #""returnType":"vector","variadic":0},"type":"call"},"grouping":["x"],"op":"topk","#
                + #""param":{"type":"numberLiteral","val":"2"},"type":"aggregation","without":true},"op":"-","#
                + #""type":"unaryExpr"}"#
        ),
        (
            "1 > bool 2",
            #"{"bool":true,"lhs":{"type":"numberLiteral","val":"1"},"matching":null,"op":">","#
                + #""rhs":{"type":"numberLiteral","val":"2"},"type":"binaryExpr"}"#
        ),
        (
            "vector(1) / on (a) group_left (b) vector(2)",
            #"{"bool":false,"lhs":{"args":[{"type":"numberLiteral","val":"1"}],"func":{"argTypes":["scalar"],"name":"vector","#
                + #""returnType":"vector","variadic":0},"type":"call"},"#
                + #""matching":{"card":"many-to-one","include":["b"],"labels":["a"],"on":true},"op":"/","#
                + #""rhs":{"args":[{"type":"numberLiteral","val":"2"}],"func":{"argTypes":["scalar"],"name":"vector","#
                + #""returnType":"vector","variadic":0},"type":"call"},"type":"binaryExpr"}"#
        ),
        (
            "vector(1)[1h:5m] offset -1s",
            #"{"expr":{"args":[{"type":"numberLiteral","val":"1"}],"func":{"argTypes":["scalar"],"name":"vector","#
                + #""returnType":"vector","variadic":0},"type":"call"},"offset":-1000,"range":3600000,"startOrEnd":null,"#
                + #""step":300000,"timestamp":null,"type":"subquery"}"#
        ),
    ]

    @Test("parse_query answers the tree with Prometheus' members", arguments: trees)
    func tree(query: String, tree: String) async throws {
        let seen = try await ask(responder(), .get, "/api/v1/parse_query?query=" + encoded(query))
        #expect(seen.body == #"{"status":"success","data":"# + tree + "}")
    }

    @Test("exemplars are told by series, in Prometheus' form")
    func exemplars() async throws {
        let seen = try await ask(responder(), .get, "/api/v1/query_exemplars?query=up&start=1.5&end=2")
        let one = #"{"labels":{"trace_id":"up"},"value":"+Inf","timestamp":1.500}"#
        let expected = #"[{"seriesLabels":{"a":"b"},"exemplars":[\#(one),\#(one)]}]"#
        #expect(seen.body == #"{"status":"success","data":\#(expected)}"#)
        #expect(try await ask(responder(), .get, "/api/v1/query_exemplars?query=up&start=2&end=1").status == 400)
        #expect(try await ask(responder(), .get, "/api/v1/query_exemplars").status == 400)
    }

    @Test("stats tell times and samples, and with all those of each step")
    func statistics() async throws {
        let path = "/api/v1/query?query=up&time=5"
        let timings =
            #"{"evalTotalTime":2.001500,"resultSortTime":0,"queryPreparationTime":0.001500,"innerEvalTime":2.000000,"#
            + #""execQueueTime":0,"execTotalTime":2.001500}"#
        let samples = #""totalQueryableSamples":3,"peakSamples":2}"#
        #expect(!(try await ask(responder(), .get, path).body.contains("stats")))
        let some = try await ask(responder(), .get, path + "&stats=true")
        #expect(some.body.contains(#"],"stats":{"timings":\#(timings),"samples":{\#(samples)}}"#))
        let all = try await ask(responder(), .get, path + "&stats=all")
        #expect(all.body.contains(#""samples":{"totalQueryableSamplesPerStep":[[5,3]],\#(samples)}"#))
    }
}

@Suite struct StatusAPI {
    private func server() -> SurfaceResponder {
        var services = testServices()
        services.process = ProcessFacts(
            settings: [("data-dir", "./data"), ("checkpoint", #"a "quoted" one"#)], startTime: 1_763_000_000_000,
            hostName: "here", workingDirectory: "/srv", processors: 2, retention: "31d")
        return responder(services)
    }

    @Test("settings are told by name, and as the file that would set them")
    func settings() async throws {
        let flags = try await ask(server(), .get, "/api/v1/status/flags")
        let expected = #"{"data-dir":"./data","checkpoint":"a \"quoted\" one"}"#
        #expect(flags.body == #"{"status":"success","data":\#(expected)}"#)
        let config = try await ask(server(), .get, "/api/v1/status/config")
        #expect(config.body.contains(#"{"yaml":"data-dir: \"./data\"\ncheckpoint: \"a \\\"quoted\\\" one\"\n"}"#))
    }

    @Test("the runtime's page has Prometheus' members")
    func runtime() async throws {
        let seen = try await ask(server(), .get, "/api/v1/status/runtimeinfo")
        for member in [
            #""startTime":"2025-11-13T02:13:20.000Z""#, #""hostname":"here""#, #""CWD":"/srv""#,
            #""GOMAXPROCS":2"#, #""storageRetention":"31d""#, #""reloadConfigSuccess":true"#,
            #""serverTime":"2025-11-13T02:18:20.123Z""#,
        ] {
            #expect(seen.body.contains(member), "\(member)")
        }
    }

    @Test("features say what the process has: experimental functions only where they are on")
    func features() async throws {
        let seen = try await ask(server(), .get, "/api/v1/features")
        #expect(seen.body.contains(#""promql_functions":{"abs":true,"#) && seen.body.contains(#""limitk":false"#))
        #expect(seen.body.contains(#""remote_write_receiver":true"#) && seen.body.hasSuffix("}}}"))
    }

    @Test(
        "the store's page has Prometheus' members, lists of ten unless asked, and a tenant's own numbers"
    )
    func store() async throws {
        let seen = try await ask(server(), .get, "/api/v1/status/tsdb", headers: [.scopeOrgID: "red"])
        let head =
            #""numSeries":10,"numLabelPairs":0,"chunkCount":0,"minTime":\#(Int64.max),"maxTime":\#(Int64.min)"#
        let lists =
            #""seriesCountByMetricName":[{"name":"red","value":2}],"labelValueCountByLabelName":[],"#
            + #""memoryInBytesByLabelName":[],"seriesCountByLabelValuePair":[]"#
        #expect(seen.body == #"{"status":"success","data":{"headStats":{\#(head)},\#(lists)}}"#)
        #expect(
            try await ask(server(), .get, "/api/v1/status/tsdb?limit=7").body.contains(#""numSeries":7"#))
        for limit in ["0", "1001", "x"] {
            #expect(try await ask(server(), .get, "/api/v1/status/tsdb?limit=\(limit)").status == 400)
        }
    }

    @Test(
        "lists of what does not exist are empty, in Prometheus' shapes", arguments: EmptyList.allCases)
    func lists(_ list: EmptyList) async throws {
        let shapes: [EmptyList: String] = [
            .rules: #"{"groups":[]}"#, .alerts: #"{"alerts":[]}"#,
            .alertmanagers: #"{"activeAlertmanagers":[],"droppedAlertmanagers":[]}"#,
        ]
        let seen = try await ask(server(), .get, "/api/v1/" + list.rawValue)
        #expect(seen.body == #"{"status":"success","data":\#(shapes[list] ?? "")}"#)
    }
}

@Suite struct Compression {
    @Test(
        "the client's best coding is taken, and none where it takes none",
        arguments: [
            (nil, nil), ("", nil), ("gzip", .gzip), ("deflate", .deflate), ("gzip, deflate, br", .gzip),
            ("gzip;q=0.5, deflate", .deflate), ("gzip;q=0", nil), ("*", .gzip), ("*;q=0", nil), ("br", nil),
            ("X-GZIP", .gzip), ("identity;q=1, gzip;q=0.5", nil), ("gzip; q=x", nil), ("identity, gzip", .gzip),
        ] as [(String?, ContentCoding?)])
    func chosen(accepted: String?, coding: ContentCoding?) {
        #expect(ContentCoding.chosen(by: accepted) == coding)
    }

    @Test("a long answer is compressed on its way, a short one is not, and caches are told")
    func answers() async throws {
        let plain = try await ask(responder(), .get, "/api/v1/labels")
        let packed = try await ask(responder(), .get, "/api/v1/labels", headers: [.acceptEncoding: "gzip"])
        #expect(packed.headers[.contentEncoding] == "gzip" && packed.headers[.vary] == "Accept-Encoding")
        #expect(packed.bytes.prefix(2) == [0x1F, 0x8B] && packed.bytes.count < plain.bytes.count / 3)
        #expect(packed.pieces >= plain.pieces)
        let deflated = try await ask(responder(), .get, "/api/v1/labels", headers: [.acceptEncoding: "deflate"])
        #expect(deflated.headers[.contentEncoding] == "deflate" && deflated.bytes.first == 0x78)
        let short = try await ask(
            responder(), .get, "/api/v1/query?query=up", headers: [.acceptEncoding: "gzip"])
        #expect(short.headers[.contentEncoding] == nil && short.headers[.vary] == "Accept-Encoding")
    }
}

@Suite struct DocumentedAPI {
    @Test("docs/api.md lists every path with its methods, and no other")
    func complete() throws {
        let page = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "docs/api.md")
        let text = try String(contentsOf: page, encoding: .utf8)
        let rows = text.split(separator: "\n").filter { $0.hasPrefix("| GET") || $0.hasPrefix("| POST") }
        let listed = rows.map { row in
            let cells = row.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            return "\(cells[0]) \(cells[1].replacing("`", with: ""))"
        }
        let served = Route.endpoints.map { "\($0.methods.joined(separator: ", ")) \($0.path)" }
        #expect(listed.sorted() == served.sorted())
    }
}
