import HTTPSurface
import HTTPTypes
import Hummingbird
import MetricModel
import NIOCore
import Synchronization
import Testing

/// A response as the tests look at it.
struct Seen: Sendable {
    var status: Int
    var headers: HTTPFields
    var body: String
    /// The body as it was sent.
    var bytes: [UInt8]
    /// Pieces that the body came in.
    var pieces: Int
}

/// Collects a response's body.
struct BodyCollector: ResponseBodyWriter {
    final class Pieces: Sendable {
        let buffers = Mutex<[ByteBuffer]>([])
    }

    let pieces: Pieces

    mutating func write(_ buffer: ByteBuffer) async throws { pieces.buffers.withLock { $0.append(buffer) } }

    consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
}

/// Sends a request straight to a responder: no socket, no server.
func ask(
    _ responder: SurfaceResponder, _ method: HTTPRequest.Method, _ path: String, headers: HTTPFields = [:],
    body: String = "", bytes: [UInt8]? = nil
) async throws -> Seen {
    let head = HTTPRequest(method: method, scheme: "http", authority: "here:1", path: path, headerFields: headers)
    let request = Request(head: head, body: RequestBody(buffer: ByteBuffer(bytes: bytes ?? Array(body.utf8))))
    let response = try await responder.respond(to: request, context: .init())
    let pieces = BodyCollector.Pieces()
    try await response.body.write(BodyCollector(pieces: pieces))
    let buffers = pieces.buffers.withLock { $0 }
    return Seen(
        status: response.status.code, headers: response.headers, body: buffers.map { String(buffer: $0) }.joined(),
        bytes: buffers.flatMap { Array($0.readableBytesView) }, pieces: buffers.count)
}

func responder(
    _ services: SurfaceServices = testServices(), _ change: (inout SurfaceConfiguration) -> Void = { _ in }
) -> SurfaceResponder {
    var configuration = SurfaceConfiguration()
    change(&configuration)
    return SurfaceResponder(configuration: configuration, services: services, logger: silent)
}

let form: HTTPFields = [.contentType: "application/x-www-form-urlencoded; charset=utf-8"]

@Suite struct QueryAPI {
    @Test("GET and form POST ask the same question")
    func instant() async throws {
        let expected =
            #"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"q":"up + 1","t":"default"},"value":[5,"1"]}]},"infos":["by the way"]}"#
        let get = try await ask(responder(), .get, "/api/v1/query?query=up+%2B+1&time=5")
        #expect(get.status == 200 && get.body == expected)
        #expect(get.headers[.contentType] == "application/json" && get.headers[.xContentTypeOptions] == "nosniff")
        let post = try await ask(responder(), .post, "/api/v1/query", headers: form, body: "query=up+%2B+1&time=5")
        #expect(post.status == 200 && post.body == expected)
        let mixed = try await ask(responder(), .post, "/api/v1/query?time=5", headers: form, body: "query=up+%2B+1")
        #expect(mixed.body == expected)
    }

    @Test("a range carries its warnings, and a long one comes in pieces")
    func range() async throws {
        let short = try await ask(responder(), .get, "/api/v1/query_range?query=x&start=1&end=2&step=1s")
        #expect(short.body.contains(#""values":[[1,"1"],[2,"1"]]"#) && short.body.hasSuffix(#""warnings":["partly"]}"#))
        let names = try await ask(responder(), .get, "/api/v1/labels")
        #expect(names.pieces > 10 && names.headers[.contentLength] == nil)
        #expect(
            names.body.hasPrefix(#"{"status":"success","data":["label_0","label_1""#) && names.body.hasSuffix(#""]}"#))
    }

    @Test(
        "failures have Prometheus' status codes and types",
        arguments: [
            ("/api/v1/query", 400, "bad_data"), ("/api/v1/query?query=bad(", 400, "bad_data"),
            ("/api/v1/query?query=up&time=x", 400, "bad_data"), ("/api/v1/query?query=%", 400, "bad_data"),
            ("/api/v1/query?query=forever&timeout=1ms", 503, "timeout"), ("/api/v1/query?query=crash", 500, "internal"),
            ("/api/v1/query_range?query=up&start=1&end=2", 400, "bad_data"), ("/api/v1/series", 400, "bad_data"),
            ("/api/v1/nothing", 404, "not_found"), ("/api/v1/query?query=up&tenant=a/b", 400, "bad_data"),
        ])
    func failures(path: String, status: Int, type: String) async throws {
        let seen = try await ask(responder(), .get, path)
        #expect(seen.status == status)
        #expect(seen.body.hasPrefix(#"{"status":"error","errorType":"\#(type)","error":"#))
    }

    @Test("an error in the query says where")
    func position() async throws {
        let seen = try await ask(responder(), .get, "/api/v1/query?query=bad(")
        #expect(seen.body.contains(#""position":{"offset":3,"length":1}"#))
    }

    @Test("the tenant comes from the header or the parameter, in query and form, and both must agree")
    func tenants() async throws {
        let byHeader = try await ask(responder(), .get, "/api/v1/query?query=up", headers: [.scopeOrgID: "red"])
        #expect(byHeader.body.contains(#""t":"red""#))
        let byForm = try await ask(responder(), .post, "/api/v1/query", headers: form, body: "query=up&tenant=blue")
        #expect(byForm.body.contains(#""t":"blue""#))
        let both = try await ask(responder(), .get, "/api/v1/query?query=up&tenant=blue", headers: [.scopeOrgID: "red"])
        #expect(both.status == 400)
        let apart = try await ask(
            responder(), .post, "/api/v1/query?tenant=red", headers: form, body: "query=up&tenant=blue")
        #expect(apart.status == 400 && apart.body.contains("red") && apart.body.contains("blue"), "\(apart.body)")
        let equal = try await ask(
            responder(), .post, "/api/v1/query?tenant=red", headers: form, body: "query=up&tenant=red")
        #expect(equal.body.contains(#""t":"red""#))
        let live: HTTPFields = [.upgrade: "websocket", .connection: "Upgrade", .scopeOrgID: "red"]
        #expect(try await ask(responder(), .get, "/api/v1/live?tenant=blue", headers: live).status == 400)
        #expect(try await ask(responder(), .post, "/api/metrics?tenant=red&tenant=blue", body: "{}").status == 400)
    }

    @Test("of a parameter in URL and form, the form's is taken")
    func formFirst() async throws {
        let seen = try await ask(responder(), .post, "/api/v1/query?query=one&time=5", headers: form, body: "query=two")
        #expect(seen.body.contains(#""q":"two""#) && seen.body.contains("[5,"))
    }

    @Test("label names in paths are decoded, selectors repeated, metadata asked by metric")
    func others() async throws {
        #expect(
            try await ask(responder(), .get, "/api/v1/label/a%2Eb/values").body
                == #"{"status":"success","data":["a.b"]}"#)
        #expect(
            try await ask(responder(), .get, "/api/v1/series?match[]=up&match%5B%5D=x").body
                == #"{"status":"success","data":[{"m":"up"}]}"#)
        #expect(
            try await ask(responder(), .get, "/api/v1/metadata?metric=up").body.contains(#"{"up":[{"type":"gauge""#))
    }

    @Test(
        "what Grafana's data source asks for is there",
        arguments: [
            "status/buildinfo", "rules", "alerts", "query_exemplars?query=up", "labels?limit=1", "metadata?limit=1",
        ])
    func grafana(path: String) async throws {
        let seen = try await ask(responder(), .get, "/api/v1/" + path)
        #expect(seen.status == 200 && seen.body.hasPrefix(#"{"status":"success","data":"#))
    }

    @Test("methods that a path does not take are told which it takes")
    func methods() async throws {
        let seen = try await ask(responder(), .delete, "/api/v1/query")
        #expect(seen.status == 405 && seen.headers[.allow] == "GET, POST")
        #expect(try await ask(responder(), .get, "/api/v1/write").status == 405)
        let head = try await ask(responder(), .head, "/-/healthy")
        #expect(head.status == 200 && head.body.isEmpty && head.headers[.contentLength] == "24")
    }

    @Test("the live path as plain HTTP asks for an upgrade; an upgrade elsewhere is refused")
    func upgrades() async throws {
        let plain = try await ask(responder(), .get, "/api/v1/live")
        #expect(plain.status == 426 && plain.headers[.upgrade] == "websocket")
        let upgrade: HTTPFields = [.upgrade: "websocket", .connection: "Upgrade"]
        #expect(try await ask(responder(), .get, "/api/v1/query?query=up", headers: upgrade).status == 404)
        var foreign = upgrade
        foreign[.origin] = "http://evil.example"
        #expect(try await ask(responder(), .get, "/api/v1/live", headers: foreign).status == 403)
        #expect(try await ask(responder(), .get, "/api/v1/live?tenant=a/b", headers: upgrade).status == 400)
    }
}

@Suite struct Pushes {
    @Test("a push reaches the service as it came")
    func arrives() async throws {
        let ingest = RecordingIngest()
        let seen = try await ask(
            responder(testServices(ingest: ingest)), .post, "/api/v1/write?tenant=red",
            headers: [
                .contentType: "application/x-protobuf", .contentEncoding: "snappy", .idempotencyKey: "k1",
                .remoteWriteVersion: "0.1.0",
            ], body: "bytes")
        #expect(seen.status == 204 && seen.body.isEmpty && seen.headers[.contentLength] == nil)
        let request = try #require(ingest.requests.first)
        #expect(request.tenant.name == "red" && request.form == .remoteWrite && String(buffer: request.body) == "bytes")
        #expect(request.contentType == "application/x-protobuf" && request.contentEncoding == "snappy")
        #expect(request.idempotencyKey == "k1" && request.remoteWriteVersion == "0.1.0" && request.arrival == testTime)
    }

    @Test("the service's reply is the answer")
    func replies() async throws {
        let ingest = RecordingIngest { _ in .text(429, "slow down", retryAfterSeconds: 7) }
        let seen = try await ask(responder(testServices(ingest: ingest)), .post, "/api/metrics", body: "{}")
        #expect(seen.status == 429 && seen.body == "slow down\n" && seen.headers[.retryAfter] == "7")
    }

    @Test("a body over the limit is refused by name, announced or not")
    func tooLarge() async throws {
        let ingest = RecordingIngest()
        let small = responder(testServices(ingest: ingest)) { $0.bounds.limits.ingestBodyBytesMax = 4 }
        for headers: HTTPFields in [[:], [.contentLength: "5"]] {
            let seen = try await ask(small, .post, "/api/metrics", headers: headers, body: "12345")
            #expect(seen.status == 413 && seen.body.contains("ingest_body_bytes_max"))
        }
        #expect(try await ask(small, .post, "/api/metrics", body: "1234").status == 204)
        #expect(ingest.requests.count == 1)
    }

    @Test("a compressed body counts with what it declares to unpack to, until it is answered")
    func unpackedBytes() async throws {
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let (finished, finish) = AsyncStream.makeStream(of: Void.self)
        let ingest = RecordingIngest { request in
            guard request.idempotencyKey == "long" else { return IngestReply() }
            start.yield()
            for await _ in finished { break }
            return IngestReply()
        }
        let server = responder(testServices(ingest: ingest)) { configuration in
            configuration.ingestInFlightBytesMax = 100
            configuration.bounds.limits.ingestDecodedBytesMax = 110
        }
        /// A body of one byte that declares so many; the service here never opens it.
        func push(_ declared: UInt8, key: String? = nil, to path: String = "/api/v1/write") async throws -> Seen {
            var headers: HTTPFields = [.contentLength: "1"]
            headers[.idempotencyKey] = key
            return try await ask(server, .post, path, headers: headers, body: String(UnicodeScalar(declared)))
        }
        func held() async throws -> String? {
            let lines = try await ask(server, .get, "/metrics").body.split(separator: "\n")
            return lines.first { $0.hasPrefix("murmur_http_ingest_in_flight_bytes ") }.map(String.init)
        }
        try await withThrowingTaskGroup(of: Int.self) { group in
            group.addTask { try await push(90, key: "long").status }
            for await _ in started { break }
            #expect(try await held() == "murmur_http_ingest_in_flight_bytes 91")
            let second = try await push(20)
            #expect(second.status == 503 && second.headers[.retryAfter] == "1")
            #expect(second.body.contains("ingest_in_flight_bytes_max"))
            // What is small, not compressed, or refused unopened for the length it declares has room.
            #expect(try await push(5).status == 204)
            #expect(try await push(20, to: "/api/metrics").status == 204)
            #expect(try await push(120).status == 204)
            finish.yield()
            #expect(try await group.next() == 204)
        }
        #expect(try await push(105).status == 204, "a single push always fits")
        #expect(try await held() == "murmur_http_ingest_in_flight_bytes 0")
    }

    @Test("a tenant that is none, and a key too long, are refused before the service sees them")
    func refused() async throws {
        let ingest = RecordingIngest()
        let server = responder(testServices(ingest: ingest))
        #expect(try await ask(server, .post, "/api/metrics", headers: [.scopeOrgID: "a b"]).status == 400)
        let key = String(repeating: "k", count: 257)
        #expect(try await ask(server, .post, "/api/metrics", headers: [.idempotencyKey: key]).status == 400)
        #expect(ingest.requests.isEmpty)
    }

    @Test("beyond the requests at work it answers 503 with Retry-After, and health still answers")
    func overload() async throws {
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let (finished, finish) = AsyncStream.makeStream(of: Void.self)
        let ingest = RecordingIngest { _ in
            start.yield()
            for await _ in finished { break }
            return IngestReply()
        }
        let server = responder(testServices(ingest: ingest)) { $0.requestsMax = 1 }
        try await withThrowingTaskGroup(of: Int.self) { group in
            group.addTask { try await ask(server, .post, "/api/metrics", body: "{}").status }
            for await _ in started { break }
            let second = try await ask(server, .post, "/api/metrics", body: "{}")
            #expect(
                second.status == 503 && second.headers[.retryAfter] == "1" && second.body.contains("http_requests_max"))
            #expect(try await ask(server, .get, "/-/healthy").status == 200)
            finish.yield()
            #expect(try await group.next() == 204)
        }
        finish.yield()
        #expect(try await ask(server, .post, "/api/metrics", body: "{}").status == 204)
    }
}

@Suite struct LongAnswers {
    @Test("an answer in pieces is at work until its last piece is written, or nobody holds it")
    func atWork() async throws {
        let server = responder { $0.requestsMax = 1 }
        let head = HTTPRequest(method: .get, scheme: "http", authority: "here:1", path: "/api/v1/labels")
        let request = Request(head: head, body: RequestBody(buffer: ByteBuffer()))
        var held: Response? = try await server.respond(to: request, context: .init())
        #expect(try await ask(server, .get, "/api/v1/query?query=up").status == 503)
        try await held?.body.write(BodyCollector(pieces: .init()))
        #expect(try await ask(server, .get, "/api/v1/query?query=up").status == 200)
        held = try await server.respond(to: request, context: .init())
        #expect(held?.status == .ok)
        #expect(try await ask(server, .get, "/api/v1/query?query=up").status == 503)
        held = nil
        #expect(try await ask(server, .get, "/api/v1/query?query=up").status == 200)
        // What fails is not at work either.
        #expect(try await ask(server, .get, "/api/v1/query?query=%").status == 400)
        #expect(try await ask(server, .get, "/api/v1/query?query=bad(").status == 400)
        #expect(try await ask(server, .get, "/api/v1/query?query=up").status == 200)
    }
}

@Suite struct Health {
    @Test("ready only once every part is, and not while stopping; until then API and pushes answer 503")
    func readiness() async throws {
        let readiness = Readiness(waitingFor: ["storage": "replaying the log"])
        let server = responder(testServices(readiness: readiness))
        let waiting = try await ask(server, .get, "/-/ready")
        #expect(waiting.status == 503 && waiting.body.contains("storage: replaying the log"))
        #expect(try await ask(server, .get, "/-/healthy").status == 200)
        for (method, path) in [(HTTPRequest.Method.get, "/api/v1/query?query=up"), (.post, "/api/metrics")] {
            let seen = try await ask(server, method, path)
            #expect(seen.status == 503 && seen.headers[.retryAfter] == "1" && seen.body.contains("replaying"))
        }
        readiness.set("storage", notReadyBecause: nil)
        #expect(try await ask(server, .get, "/-/ready").status == 200)
        #expect(try await ask(server, .get, "/api/v1/query?query=up").status == 200)
        readiness.stop()
        #expect(try await ask(server, .get, "/-/ready").status == 503)
        #expect(try await ask(server, .get, "/api/v1/query?query=up").status == 200)
    }

    @Test("requests are counted by route and code")
    func counted() async throws {
        let server = responder()
        for _ in 0..<3 { _ = try await ask(server, .get, "/api/v1/query?query=up") }
        _ = try await ask(server, .get, "/api/v1/query")
        let text = try await ask(server, .get, "/metrics")
        #expect(text.headers[.contentType] == "text/plain; version=0.0.4; charset=utf-8")
        #expect(text.body.contains("murmur_http_requests_total{route=\"query\",code=\"200\"} 3\n"))
        #expect(text.body.contains("murmur_http_requests_total{route=\"query\",code=\"400\"} 1\n"))
        #expect(text.body.contains("murmur_http_request_duration_seconds_count{route=\"query\"} 4\n"))
    }
}
