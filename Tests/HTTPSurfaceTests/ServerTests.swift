import FoundationEssentials
import HTTPSurface
import MetricModel
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket
import ServiceLifecycle
import Synchronization
import Testing

/// A WebSocket of the tests: text goes out, text and the close code come in.
private struct LiveClient: Sendable {
    let channel: any Channel
    let texts: AsyncStream<String>

    func send(_ text: String) {
        // A client masks what it sends (RFC 6455, section 5.3).
        let frame = WebSocketFrame(fin: true, opcode: .text, maskKey: [1, 2, 3, 4], data: ByteBuffer(string: text))
        channel.writeAndFlush(frame, promise: nil)
    }

    /// Opens `path`; throws when the server does not upgrade.
    static func open(port: Int, path: String = "/api/v1/live", headers: [(String, String)] = []) async throws
        -> LiveClient
    {
        let (texts, inlet) = AsyncStream.makeStream(of: String.self)
        let upgrade: EventLoopFuture<(any Channel)?> = try await ClientBootstrap(
            group: MultiThreadedEventLoopGroup.singleton
        )
        .connect(host: "127.0.0.1", port: port) { channel in
            channel.eventLoop.makeCompletedFuture {
                let upgrader = NIOTypedWebSocketClientUpgrader<(any Channel)?>(
                    maxFrameSize: 1 << 24,
                    upgradePipelineHandler: { channel, _ in
                        channel.eventLoop.makeCompletedFuture {
                            try channel.pipeline.syncOperations.addHandler(TextCollector(inlet: inlet))
                            return channel
                        }
                    })
                var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: path)
                head.headers.add(name: "host", value: "127.0.0.1:\(port)")
                for (name, value) in headers { head.headers.add(name: name, value: value) }
                let configuration = NIOTypedHTTPClientUpgradeConfiguration<(any Channel)?>(
                    upgradeRequestHead: head, upgraders: [upgrader],
                    notUpgradingCompletionHandler: { channel in
                        channel.close(promise: nil)
                        return channel.eventLoop.makeSucceededFuture(nil)
                    })
                return try channel.pipeline.syncOperations.configureUpgradableHTTPClientPipeline(
                    configuration: .init(upgradeConfiguration: configuration))
            }
        }
        guard let channel = try await upgrade.get() else { throw NIOWebSocketUpgradeError.unsupportedWebSocketTarget }
        return LiveClient(channel: channel, texts: texts)
    }
}

private final class TextCollector: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame

    private let inlet: AsyncStream<String>.Continuation

    init(inlet: AsyncStream<String>.Continuation) {
        self.inlet = inlet
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        switch frame.opcode {
        case .text: inlet.yield(String(buffer: frame.data))
        case .connectionClose:
            var data = frame.data
            inlet.yield("close \(data.readInteger(as: UInt16.self) ?? 0)")
        default: break
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        inlet.finish()
    }
}

private let wallClock: @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970 * 1_000) }

@Suite struct LiveOverSockets {
    @Test(
        "a subscription gets its snapshot, then a frame at each step; two equal ones share the key",
        .timeLimit(.minutes(5)))
    func subscribes() async throws {
        try await withServer(testServices(clock: wallClock)) { port in
            let one = try await LiveClient.open(port: port, path: "/api/v1/live?tenant=red")
            let two = try await LiveClient.open(port: port, headers: [("X-Scope-OrgID", "red")])
            one.send(#"{"type":"subscribe","id":"a","query":"up","step":0.5,"history":2}"#)
            var ones = one.texts.makeAsyncIterator()
            let snapshot = try #require(await ones.next())
            #expect(snapshot.hasPrefix(#"{"type":"subscribed","id":"a","key":1,"step":0.500,"time":"#))
            #expect(
                snapshot.contains(#"[{"s":0,"metric":{"q":"up","t":"red"},"values":[["#)
                    && snapshot.contains(#""warnings":["partly"]"#))
            two.send(#"{"type":"subscribe","id":"b","query":"up","step":0.5}"#)
            var twos = two.texts.makeAsyncIterator()
            #expect(try #require(await twos.next()).hasPrefix(#"{"type":"subscribed","id":"b","key":1,"#))
            let frame = try #require(await twos.next())
            #expect(frame.hasPrefix(#"{"type":"data","key":1,"time":"#) && frame.contains(#""values":[[0,"1"]]"#))
            var same = false
            for _ in 0..<4 where !same { same = await ones.next() == frame }
            #expect(same)
            one.send(#"{"type":"subscribe","id":"x","query":"bad("}"#)
            one.send("nonsense")
            var errors: [String] = []
            while errors.count < 2, let text = await ones.next() {
                if text.hasPrefix(#"{"type":"error""#) { errors.append(text) }
            }
            #expect(
                errors.contains {
                    $0.contains(#""id":"x","errorType":"bad_data""#)
                        && $0.contains(#""position":{"offset":3,"length":1}"#)
                })
            #expect(errors.contains { $0.hasPrefix(#"{"type":"error","errorType":"bad_data","error":"#) })
        }
    }

    @Test(
        "a WebSocket elsewhere, of another site or for no tenant is not opened",
        arguments: [
            ("/api/v1/query", nil), ("/", nil), ("/api/v1/live?tenant=a/b", nil),
            ("/api/v1/live", "http://evil.example"),
        ] as [(String, String?)])
    func refused(path: String, origin: String?) async throws {
        try await withServer(testServices()) { port in
            await #expect(throws: (any Error).self) {
                try await LiveClient.open(port: port, path: path, headers: origin.map { [("origin", $0)] } ?? [])
            }
        }
    }

    @Test("beyond the live connections none is opened; a page of our own may open one")
    func bounded() async throws {
        try await withServer(testServices()) {
            $0.live.connectionsMax = 1
        } _: { port in
            let first = try await LiveClient.open(port: port, headers: [("origin", "http://127.0.0.1:\(port)")])
            await #expect(throws: (any Error).self) { try await LiveClient.open(port: port) }
            try await first.channel.close()
        }
    }

    @Test("binary messages close with 1003, messages too large with 1009", .timeLimit(.minutes(5)))
    func violations() async throws {
        try await withServer(testServices()) {
            $0.live.messageBytesMax = 1_000
        } _: { port in
            let binary = try await LiveClient.open(port: port)
            let frame = WebSocketFrame(
                fin: true, opcode: .binary, maskKey: [1, 2, 3, 4], data: ByteBuffer(string: "x"))
            binary.channel.writeAndFlush(frame, promise: nil)
            #expect(await binary.texts.first { _ in true } == "close 1003")
            let large = try await LiveClient.open(port: port)
            large.send(String(repeating: "x", count: 1_001))
            #expect(await large.texts.first { _ in true } == "close 1009")
        }
    }

    @Test("a connection for which too much waits is closed, and others are not", .timeLimit(.minutes(5)))
    func tooMuchWaits() async throws {
        try await withServer(testServices()) {
            $0.live.outboundBytesHardMax = 10_000
        } _: { port in
            let other = try await LiveClient.open(port: port)
            let greedy = try await LiveClient.open(port: port)
            greedy.send(#"{"type":"subscribe","id":"a","query":"up","history":3600}"#)
            #expect(await greedy.texts.first { _ in true } == nil)
            other.send(#"{"type":"subscribe","id":"a","query":"up"}"#)
            #expect(await other.texts.first { _ in true }?.hasPrefix(#"{"type":"subscribed""#) == true)
        }
    }

    @Test("a client that reads late gets every answer: reading goes on where it was held", .timeLimit(.minutes(5)))
    func readsLate() async throws {
        try await withServer(testServices()) { port in
            let late = try await LiveClient.open(port: port)
            try await late.channel.setOption(ChannelOptions.autoRead, value: false).get()
            for number in 1...60_000 {
                let data = ByteBuffer(repeating: 120, count: 125)
                let frame = WebSocketFrame(fin: true, opcode: .ping, maskKey: [1, 2, 3, 4], data: data)
                late.channel.write(frame, promise: nil)
                if number.isMultiple(of: 1_000) { late.channel.flush() }
            }
            late.send("nonsense")
            try await late.channel.setOption(ChannelOptions.autoRead, value: true).get()
            #expect(await late.texts.first { _ in true }?.hasPrefix(#"{"type":"error""#) == true)
        }
    }

    @Test(
        "a graceful stop ends subscriptions, closes with 1001, finishes requests at work and listens no more",
        .timeLimit(.minutes(5)))
    func gracefulStop() async throws {
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let (finished, finish) = AsyncStream.makeStream(of: Void.self)
        let ingest = RecordingIngest { _ in
            start.yield()
            for await _ in finished { break }
            return IngestReply()
        }
        var configuration = SurfaceConfiguration(port: 0)
        configuration.shutdownGrace = .seconds(30)
        let server = HTTPServerSurface(
            configuration: configuration, services: testServices(ingest: ingest, clock: wallClock), logger: silent)
        let group = ServiceGroup(services: [server], logger: silent)
        let running = Task { try await group.run() }
        let port = try #require(try await server.address().port)
        let idle = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port).get()
        let live = try await LiveClient.open(port: port)
        live.send(#"{"type":"subscribe","id":"a","query":"up"}"#)
        var texts = live.texts.makeAsyncIterator()
        _ = await texts.next()
        let client = try HTTPPushClient(url: "http://127.0.0.1:\(port)")
        let push = Task { try await client.post(path: "/api/metrics", headers: [], body: []).status }
        for await _ in started { break }
        await group.triggerGracefulShutdown()
        var last: [String] = []
        while let text = await texts.next() { last.append(text) }
        #expect(last.suffix(2) == [#"{"type":"end","id":"a","reason":"the server stops"}"#, "close 1001"])
        try await idle.closeFuture.get()
        finish.yield()
        #expect(try await push.value == 204)
        try await running.value
        await #expect(throws: HTTPClientError.self) {
            try await HTTPPushClient(url: "http://127.0.0.1:\(port)").get(path: "/")
        }
    }
}

@Suite struct ServerOverSockets {
    @Test("a busy port is an error that names it, from run and from address")
    func busy() async throws {
        try await withServer(testServices()) { port in
            var configuration = SurfaceConfiguration(port: port)
            configuration.host = "127.0.0.1"
            let second = HTTPServerSurface(configuration: configuration, services: testServices(), logger: silent)
            let expected = SurfaceError.cannotListen(host: "127.0.0.1", port: port, reason: "the address is in use")
            await #expect(throws: expected) { try await second.run() }
            await #expect(throws: expected) { try await second.address() }
        }
    }

    /// Sends raw bytes and gives back what comes until the server closes.
    private func raw(_ port: Int, _ text: String) async throws -> String {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                        wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: text))
            var answer = ""
            for try await part in inbound { answer += String(buffer: part) }
            return answer
        }
    }

    @Test("what is not HTTP, or has headers too large, is answered 400 and closed", .timeLimit(.minutes(5)))
    func notHTTP() async throws {
        try await withServer(testServices()) { port in
            let garbage = try await raw(port, "garbage\r\n\r\n")
            #expect(garbage.hasPrefix("HTTP/1.1 400"))
            let header = "x: " + String(repeating: "y", count: 40_000)
            let large = try await raw(port, "GET /-/healthy HTTP/1.1\r\nhost: a\r\n\(header)\r\n\r\n")
            #expect(large.hasPrefix("HTTP/1.1 400"))
            // The next client is served as if nothing had been.
            let next = try await HTTPPushClient(url: "http://127.0.0.1:\(port)").get(path: "/-/healthy")
            #expect(next.status == 200)
        }
    }

    @Test(
        "pipelined requests are answered in order, and Expect is met only for bodies that are wanted",
        .timeLimit(.minutes(5)))
    func pipelinedAndExpect() async throws {
        try await withServer(testServices()) {
            $0.bounds.limits.ingestBodyBytesMax = 10
        } _: { port in
            let get = "GET /-/healthy HTTP/1.1\r\nhost: a\r\n"
            let both = try await raw(port, get + "\r\n" + get + "connection: close\r\n\r\n")
            #expect(both.components(separatedBy: "HTTP/1.1 200").count == 3)
            let expect =
                "POST /api/metrics HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\nconnection: close\r\ncontent-length: "
            #expect(try await raw(port, expect + "2\r\n\r\n{}").hasPrefix("HTTP/1.1 100"))
            let refused = try await raw(port, expect + "41\r\n\r\n")
            #expect(refused.hasPrefix("HTTP/1.1 413"))
        }
    }

    @Test("a query is canceled when its client goes away", .timeLimit(.minutes(5)))
    func clientGoes() async throws {
        let (waits, wait) = AsyncStream.makeStream(of: Void.self)
        let (cancels, cancel) = AsyncStream.makeStream(of: Void.self)
        var services = testServices()
        services.query = EchoQuery(onWait: { wait.yield() }, onCancel: { cancel.yield() })
        try await withServer(services) { port in
            let client = try HTTPPushClient(url: "http://127.0.0.1:\(port)")
            let asking = Task { try await client.get(path: "/api/v1/query?query=forever") }
            for await _ in waits { break }
            asking.cancel()
            for await _ in cancels { break }
            await #expect(throws: CancellationError.self) { try await asking.value }
        }
    }
}
