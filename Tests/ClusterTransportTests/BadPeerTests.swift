import ByteCoding
import ClusterTransport
import NIOCore
import NIOPosix
import Testing
import WireProtocol

/// A socket that speaks whatever a test wants, and tells what comes back.
private final class RawPeer: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    let received: EventLoopPromise<[UInt8]>
    private let bytes: NIOLoopBoundBox<[UInt8]?>

    init(eventLoop: any EventLoop) {
        received = eventLoop.makePromise()
        bytes = .makeEmptyBox(eventLoop: eventLoop)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        bytes.value = (bytes.value ?? []) + Array(unwrapInboundIn(data).readableBytesView)
    }

    func channelInactive(context: ChannelHandlerContext) { received.succeed(bytes.value ?? []) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    /// Sends `bytes` and returns what the server sent until it closed the connection.
    static func exchange(_ bytes: [UInt8], port: Int) async throws -> [UInt8] {
        let eventLoop = Cluster.group.next()
        let peer = RawPeer(eventLoop: eventLoop)
        let channel = try await ClientBootstrap(group: eventLoop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(peer) }
            }
            .connect(host: "127.0.0.1", port: port).get()
        try await channel.writeAndFlush(ByteBuffer(bytes: bytes))
        return try await peer.received.futureResult.get()
    }
}

/// A server of another protocol, which speaks first.
private final class HTTPGreeter: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func channelActive(context: ChannelHandlerContext) {
        let greeting = ByteBuffer(string: "HTTP/1.1 400 Bad Request\r\n\r\n")
        context.writeAndFlush(wrapOutboundOut(greeting), promise: nil)
    }
}

@Suite("Bad peers")
struct BadPeerTests {
    static let hello: [UInt8] = {
        let now = MonotonicInstant(milliseconds: 0)
        let offer = ConnectionOffer(identity: Cluster.identity)
        return Connection(role: .client, offer: offer, limits: ConnectionLimits(), now: now).output
    }()

    static func frame(_ type: UInt8, stream: UInt32 = 0, _ payload: [UInt8] = []) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendFrame(type, stream: stream) { $0 += payload }
        return bytes
    }

    static let inputs: [(name: String, bytes: [UInt8])] = {
        var damaged = frame(FrameType.ping.rawValue, [1, 2, 3, 4, 5, 6, 7, 8])
        damaged[25] ^= 4
        var huge = frame(FrameType.write.rawValue, stream: 1)
        huge.replace(at: 12, littleEndian: .max)
        return [
            ("HTTP", Array("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)),
            ("a request before the handshake", frame(FrameType.write.rawValue, stream: 1, [0, 0, 0, 0, 0, 0, 0, 0])),
            ("a damaged frame", hello + damaged), ("a hostile length", hello + huge),
            ("an unknown type", hello + frame(0x0F)), ("an acknowledgement", hello + frame(0x90, stream: 1)),
            ("credit for no stream", hello + frame(FrameType.credit.rawValue, stream: 3, [1, 0, 0, 0])),
        ]
    }()

    @Test("a bad frame closes its connection, with the reason, and no other", arguments: inputs)
    func badFrame(_ input: (name: String, bytes: [UInt8])) async throws {
        let cluster = try await Cluster()
        let client = try await cluster.client()
        let held = Task {
            try await client.write(
                ClusterTransportTests.batch(generation: TestNode.heldGeneration), deadline: .seconds(300))
        }
        #expect(try await eventually { cluster.node.snapshot.writes == 1 })
        let answer = try await RawPeer.exchange(input.bytes, port: cluster.port)
        // The last frame is the go-away, unless the system dropped it for what we had not read.
        if !answer.isEmpty { #expect(answer.contains(FrameType.goAway.rawValue)) }
        #expect(try await eventually { cluster.server.statistics.connections.badFrames == 1 })
        cluster.node.answerHeld()
        #expect(try await held.value.generation == TestNode.heldGeneration)
        #expect(client.statistics.connectionsMade == 1)
        await cluster.stop(client)
    }

    @Test("a server that answers nonsense is left, and tried again later")
    func badServer() async throws {
        let listener = try await ServerBootstrap(group: Cluster.group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(HTTPGreeter())
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(listener.localAddress?.port)
        let client = Cluster.client(port: port)
        #expect(try await eventually { client.statistics.connections.badFrames >= 2 })
        #expect(!client.isConnected)
        await client.stop(grace: .zero)
        try await listener.close()
    }
}
