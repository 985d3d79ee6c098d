import HTTPSurface
import MetricModel
import NIOCore
import NIOPosix
import Synchronization
import Testing

@Suite struct Endpoints {
    @Test(
        "URLs are read into host, port and path",
        arguments: [
            ("http://a", "a", 80, ""), ("http://a:7480/", "a", 7480, ""),
            ("http://127.0.0.1:1/x/y/", "127.0.0.1", 1, "/x/y"),
            ("http://[::1]:9", "::1", 9, ""), ("http://[::1]", "::1", 80, ""),
        ])
    func good(url: String, host: String, port: Int, path: String) throws {
        let endpoint = try HTTPEndpoint(url: url)
        #expect(endpoint.host == host && endpoint.port == port && endpoint.path == path)
    }

    @Test(
        "what is no http URL is refused with the reason",
        arguments: [
            "https://a", "a:1", "", "http://", "http://:80", "http://a:0", "http://a:x", "http://u:p@a",
            "http://a/?q=1",
        ])
    func bad(url: String) {
        #expect(throws: HTTPClientError.self) { try HTTPEndpoint(url: url) }
    }
}

/// A server of raw bytes: each connection's bytes go to `answer`, whose result is sent; nil closes the connection.
private func withRawServer<Value: Sendable>(
    _ answer: @escaping @Sendable (_ connection: Int, _ text: String) -> String?,
    _ body: @Sendable (_ port: Int) async throws -> Value
) async throws -> Value {
    let connections = Counter()
    let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(
                    RawAnswer(connection: connections.next(), answer: answer))
            }
        }
        .bind(host: "127.0.0.1", port: 0).get()
    let port = try #require(server.localAddress?.port)
    do {
        let value = try await body(port)
        try await server.close()
        return value
    } catch {
        try await server.close()
        throw error
    }
}

private final class Counter: Sendable {
    private let count = Mutex(0)

    func next() -> Int {
        count.withLock {
            $0 += 1
            return $0
        }
    }
}

private final class RawAnswer: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let connection: Int
    private let answer: @Sendable (Int, String) -> String?

    init(connection: Int, answer: @escaping @Sendable (Int, String) -> String?) {
        self.connection = connection
        self.answer = answer
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if let text = answer(connection, String(buffer: unwrapInboundIn(data))) {
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
        } else {
            context.close(promise: nil)
        }
    }
}

@Suite struct PushClient {
    @Test("requests to the real server share a connection, and the reply comes back whole")
    func realServer() async throws {
        let ingest = RecordingIngest { request in .text(400, "got \(request.body.readableBytes)") }
        let replies = try await withServer(testServices(ingest: ingest)) { port in
            let client = try HTTPPushClient(url: "http://127.0.0.1:\(port)")
            var replies: [HTTPPushClient.Reply] = []
            for size in [0, 1, 100_000, 3_000_000] {
                let body = [UInt8](repeating: 120, count: size)
                replies.append(
                    try await client.post(path: "/api/v1/write", headers: [("x-scope-orgid", "red")], body: body))
            }
            replies.append(try await client.get(path: "/api/v1/query?query=up"))
            await client.close()
            return replies
        }
        #expect(replies.map(\.status) == [400, 400, 400, 400, 200])
        #expect(replies[3].text == "got 3000000\n")
        #expect(replies[3].header("Content-Type") == "text/plain; charset=utf-8")
        #expect(ingest.requests.map(\.tenant.name) == ["red", "red", "red", "red"])
    }

    @Test("a connection is used again until the server closes it, and then a new one is made")
    func reuse() async throws {
        let ok = "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n"
        let bodies = try await withRawServer { connection, _ in
            ok + "\(connection)"
        } _: { port in
            let client = try HTTPPushClient(url: "http://127.0.0.1:\(port)/path")
            var bodies: [String] = []
            for _ in 0..<3 { bodies.append(try await client.post(path: "/x", headers: [], body: []).text) }
            return bodies
        }
        #expect(bodies == ["1", "1", "1"])
        let closing = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1\r\n\r\n"
        let fresh = try await withRawServer { connection, _ in
            closing + "\(connection)"
        } _: { port in
            let client = try HTTPPushClient(url: "http://127.0.0.1:\(port)")
            return try await [client.get(path: "/").text, client.get(path: "/").text]
        }
        #expect(fresh == ["1", "2"])
    }

    @Test("the URL's own path is where posts go; gets go below it")
    func paths() async throws {
        let lines = try await withRawServer { _, text in
            let line = text.prefix { $0 != "\r\n" }
            return "HTTP/1.1 200 OK\r\ncontent-length: \(line.utf8.count)\r\n\r\n\(line)"
        } _: { port in
            let plain = try HTTPPushClient(url: "http://127.0.0.1:\(port)")
            let below = try HTTPPushClient(url: "http://127.0.0.1:\(port)/own/")
            return try await [
                plain.post(path: "/given", headers: [], body: []).text,
                below.post(path: "/given", headers: [], body: []).text, below.get(path: "/q?x=1").text,
            ]
        }
        #expect(lines == ["POST /given HTTP/1.1", "POST /own HTTP/1.1", "GET /own/q?x=1 HTTP/1.1"])
    }

    @Test("silence, an early end, a reply too large and no server at all are errors of their own")
    func failures() async throws {
        var limits = HTTPPushClient.Limits()
        limits.replyBytesMax = 10
        let bounded = limits
        try await withRawServer { _, text in
            if text.contains("silence") { return "" }
            if text.contains("end") { return nil }
            return "HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n01234567890"
        } _: { port in
            let peer = "127.0.0.1:\(port)"
            let client = try HTTPPushClient(url: "http://\(peer)", limits: bounded)
            await #expect(throws: HTTPClientError.timeout(from: peer, milliseconds: 50)) {
                try await client.get(path: "/silence", timeout: .milliseconds(50))
            }
            await #expect(throws: HTTPClientError.connectionClosed(by: peer)) { try await client.get(path: "/end") }
            await #expect(throws: HTTPClientError.replyTooLarge(from: peer, bytesMax: 10)) {
                try await client.get(path: "/")
            }
            await client.close()
            await #expect(throws: HTTPClientError.closed) { try await client.get(path: "/") }
        }
        let gone = try await withRawServer { _, _ in
            nil
        } _: {
            $0
        }
        let client = try HTTPPushClient(url: "http://127.0.0.1:\(gone)")
        await #expect(throws: HTTPClientError.notConnected(to: "127.0.0.1:\(gone)", reason: "connection refused")) {
            try await client.get(path: "/")
        }
    }

    @Test("more requests than connections are refused, and a canceled one gives its connection back")
    func bounded() async throws {
        var limits = HTTPPushClient.Limits()
        limits.connectionsMax = 1
        let one = limits
        let (asked, ask) = AsyncStream.makeStream(of: Void.self)
        try await withRawServer { _, text in
            if !text.contains("wait") { return "HTTP/1.1 204 No Content\r\n\r\n" }
            ask.yield()
            return ""
        } _: { port in
            let client = try HTTPPushClient(url: "http://127.0.0.1:\(port)", limits: one)
            let waiting = Task { try await client.get(path: "/wait") }
            for await _ in asked { break }
            await #expect(throws: HTTPClientError.busy(connectionsMax: 1)) { try await client.get(path: "/") }
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            #expect(try await client.get(path: "/").status == 204)
        }
    }
}
