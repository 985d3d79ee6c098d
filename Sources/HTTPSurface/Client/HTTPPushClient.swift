package import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A small HTTP/1.1 client for our own programs: agent, loadgen, query.
///
/// Connections are kept and used again, one request at a time each; concurrent requests use several, up to a limit. It
/// never repeats a request: whoever knows that a repetition does no harm does so. No TLS, redirects or compression.
package final class HTTPPushClient: Sendable {
    /// Bounds on one client.
    package struct Limits: Sendable {
        /// Time to connect.
        package var connectTimeout: Duration = .seconds(5)
        /// Time from the request's first byte to the reply's last, unless the request says another.
        package var requestTimeout: Duration = .seconds(30)
        /// Largest body of a reply.
        package var replyBytesMax = 256 << 20
        /// Requests under way at a time.
        package var connectionsMax = 64

        /// The defaults.
        package init() {}
    }

    /// A whole reply.
    package struct Reply: Sendable, Equatable {
        /// HTTP status code.
        package var status: Int
        /// Header fields as they came.
        package var headers: [(name: String, value: String)]
        /// The body, within `replyBytesMax`.
        package var body: [UInt8]

        /// The body as text; what is not UTF-8 becomes U+FFFD.
        package var text: String { String(decoding: body, as: UTF8.self) }

        /// The first field of that name, case ignored.
        package func header(_ name: String) -> String? {
            headers.first { $0.name.lowercased() == name.lowercased() }?.value
        }

        /// Equal in status, fields and body.
        package static func == (left: Reply, right: Reply) -> Bool {
            left.status == right.status && left.body == right.body
                && left.headers.elementsEqual(right.headers) { $0.name == $1.name && $0.value == $1.value }
        }
    }

    private struct State {
        var idle: [any Channel] = []
        var inUse = 0
        var isClosed = false
    }

    /// Where it connects to.
    package let endpoint: HTTPEndpoint
    private let limits: Limits
    private let group: any EventLoopGroup
    private let state = Mutex(State())

    /// A client of one server; connects with the first request.
    ///
    /// `url` is `http://HOST[:PORT][/PATH]`; anything else throws `HTTPClientError.badURL`.
    package init(
        url: String, limits: Limits = Limits(), group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) throws(HTTPClientError) {
        endpoint = try HTTPEndpoint(url: url)
        self.limits = limits
        self.group = group
    }

    /// Posts `body` to the URL's own path, or to `path` when the URL has none.
    ///
    /// - Returns: the reply whatever its status.
    /// - Throws: `HTTPClientError` when there is no whole reply; the request may have been carried out all the same.
    package func post(
        path: String, headers: [(String, String)], body: [UInt8], timeout: Duration? = nil
    ) async throws -> Reply {
        let target = endpoint.path.isEmpty ? path : endpoint.path
        return try await exchange(.POST, target, headers, ByteBuffer(bytes: body), timeout)
    }

    /// Gets `path`, which may have a query string, below the URL's own path.
    package func get(path: String, headers: [(String, String)] = [], timeout: Duration? = nil) async throws -> Reply {
        try await exchange(.GET, endpoint.path + path, headers, nil, timeout)
    }

    /// Closes idle connections and refuses further requests; those under way go on.
    package func close() async {
        let idle = state.withLock { state in
            state.isClosed = true
            defer { state.idle = [] }
            return state.idle
        }
        for channel in idle { try? await channel.close() }
    }

    private func exchange(
        _ method: HTTPMethod, _ target: String, _ headers: [(String, String)], _ body: ByteBuffer?, _ timeout: Duration?
    ) async throws -> Reply {
        let channel = try await takeChannel()
        var head = HTTPRequestHead(version: .http1_1, method: method, uri: target)
        head.headers.add(name: "host", value: endpoint.authority)
        if let body { head.headers.add(name: "content-length", value: String(body.readableBytes)) }
        for (name, value) in headers { head.headers.add(name: name, value: value) }
        let promise = channel.eventLoop.makePromise(of: PushReply.self)
        let request = PushRequest(head: head, body: body, timeout: timeout ?? limits.requestTimeout, promise: promise)
        do {
            let reply = try await withTaskCancellationHandler {
                channel.writeAndFlush(request, promise: nil)
                return try await promise.futureResult.get()
            } onCancel: {
                channel.close(promise: nil)
            }
            giveBack(channel, reusable: reply.keepsConnection)
            return reply.reply
        } catch {
            giveBack(channel, reusable: false)
            try Task.checkCancellation()
            throw error
        }
    }

    private func takeChannel() async throws -> any Channel {
        let idle = try state.withLock { state throws(HTTPClientError) -> (any Channel)? in
            if state.isClosed { throw .closed }
            if state.inUse >= limits.connectionsMax { throw .busy(connectionsMax: limits.connectionsMax) }
            state.inUse += 1
            while let channel = state.idle.popLast() {
                if channel.isActive { return channel }
            }
            return nil
        }
        if let idle { return idle }
        do {
            return try await connect()
        } catch {
            state.withLock { $0.inUse -= 1 }
            throw HTTPClientError.notConnected(to: endpoint.authority, reason: HTTPPushClient.reason(error))
        }
    }

    private func giveBack(_ channel: any Channel, reusable: Bool) {
        let isKept = state.withLock { state in
            state.inUse -= 1
            let isKept = reusable && !state.isClosed && channel.isActive
            if isKept { state.idle.append(channel) }
            return isKept
        }
        if !isKept { channel.close(promise: nil) }
    }

    private func connect() async throws -> any Channel {
        let peer = endpoint.authority
        let replyBytesMax = limits.replyBytesMax
        return try await ClientBootstrap(group: group)
            .connectTimeout(TimeAmount(limits.connectTimeout))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    try channel.pipeline.syncOperations.addHandler(
                        PushExchangeHandler(peer: peer, replyBytesMax: replyBytesMax))
                }
            }
            .connect(host: endpoint.host, port: endpoint.port).get()
    }

    /// The system's words for why there is no connection, without NIO's wrapping.
    private static func reason(_ error: any Error) -> String {
        if let failure = error as? NIOConnectionError {
            if let first = failure.connectionErrors.first { return reason(first.error) }
            return "the host is not known"
        }
        if let failure = error as? IOError { return SystemReason.text(failure) }
        if error is ChannelError { return "no answer in time" }
        return "\(error)"
    }
}
