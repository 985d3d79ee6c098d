package import Logging
package import NIOCore
import NIOPosix
import Synchronization
package import WireProtocol

/// The cluster port: takes connections of other nodes and answers their requests through a `ClusterRequestHandler`.
///
/// Each connection is one `ConnectionHandler` around one `Connection`; a bad frame closes its connection and nothing else.
package final class ClusterServer: Sendable {
    /// `cluster_connections_max`: connections beyond it are closed at once.
    package static let connectionsMax = 1024
    /// Output that the socket has not taken, in bytes: above the high mark pages wait and reads stop, below the low one they go on.
    static let writeBufferWaterMark = ChannelOptions.Types.WriteBufferWaterMark(low: 512 << 10, high: 2 << 20)

    private struct State {
        var listener: (any Channel)?
        var connections: [ObjectIdentifier: NIOLoopBound<ConnectionHandler>] = [:]
        var stopping = false
        /// Resumed when the last connection is gone.
        var drained: CheckedContinuation<Void, Never>?
    }

    private let offer: Mutex<ConnectionOffer>
    private let limits: ConnectionLimits
    private let handler: any ClusterRequestHandler
    private let group: any EventLoopGroup
    private let logger: Logger
    private let guests: [any ClusterPortGuest]
    private let counters = TransportCounters()
    private let state = Mutex(State())

    /// A server that does not listen yet.
    ///
    /// - Parameters:
    ///   - identity: told to nodes that connect; those of other clusters are refused.
    ///   - features: of the protocol, offered to nodes that connect.
    ///   - limits: what one connection may use.
    ///   - handler: answers requests, on behalf of all connections.
    ///   - guests: other protocols on this port.
    ///   - group: whose event loops the connections live on.
    ///   - logger: is told when nodes come and go.
    package init(
        identity: NodeIdentity, features: FeatureSet = .known, limits: ConnectionLimits = ConnectionLimits(),
        handler: any ClusterRequestHandler, guests: [any ClusterPortGuest] = [], group: any EventLoopGroup,
        logger: Logger
    ) {
        self.guests = guests
        offer = Mutex(ConnectionOffer(identity: identity, optionalFeatures: features))
        self.limits = limits
        self.handler = handler
        self.group = group
        self.logger = logger
    }

    /// This node is part of that cluster; from now on nodes of others with the same name are refused.
    package func join(clusterID: String) { offer.withLock { $0.identity.clusterID = clusterID } }

    /// What has been done so far, over all connections.
    package var statistics: TransportStatistics { counters.snapshot }

    /// Begins to listen.
    ///
    /// - Parameters:
    ///   - host: the address to bind.
    ///   - port: 0 for one that is free.
    /// - Returns: the address that nodes can connect to.
    /// - Throws: the system's error when the address cannot be bound.
    package func start(host: String = "127.0.0.1", port: Int) async throws -> SocketAddress {
        let listener = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.writeBufferWaterMark, value: Self.writeBufferWaterMark)
            .childChannelOption(.recvAllocator, value: ConnectionBuffers.allocator)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.receive(channel) }
            }
            .bind(host: host, port: port).get()
        state.withLock { $0.listener = listener }
        guard let address = listener.localAddress else { throw ChannelError.unknownLocalAddress }
        logger.info("cluster port open", metadata: ["address": "\(address)"])
        return address
    }

    /// Stops in order: takes no connections and no new streams, lets open ones finish, and closes what is left after `grace`.
    package func stop(grace: Duration) async {
        let (listener, connections) = state.withLock { state in
            state.stopping = true
            return (state.listener, Array(state.connections.values))
        }
        try? await listener?.close()
        let reason = TypedError(.unavailable, "the node is stopping")
        tell(connections) { $0.leave(reason, into: &$1) }
        let abort = Task {
            try await Task.sleep(for: grace)
            let left = state.withLock { Array($0.connections.values) }
            tell(left) { $0.abort(reason, into: &$1) }
        }
        await withCheckedContinuation { continuation in
            let done = state.withLock { state in
                if state.connections.isEmpty { return true }
                state.drained = continuation
                return false
            }
            if done { continuation.resume() }
        }
        abort.cancel()
    }

    private func tell(
        _ connections: [NIOLoopBound<ConnectionHandler>],
        _ command: @escaping @Sendable (inout Connection, inout [ConnectionEffect]) -> Void
    ) {
        for connection in connections { connection.eventLoop.execute { connection.value.command(command) } }
    }

    private func receive(_ channel: any Channel) throws {
        if guests.isEmpty { return try attach(channel) }
        let opening = OpeningSwitch(guests: guests) { try self.attach($0) }
        try channel.pipeline.syncOperations.addHandler(opening)
    }

    private func attach(_ channel: any Channel) throws {
        let machine = Connection(
            role: .server, offer: offer.withLock { $0 }, limits: limits, now: ConnectionHandler.now)
        let delegate = ServerConnection(requestHandler: handler, eventLoop: channel.eventLoop, logger: logger)
        let connection = ConnectionHandler(machine: machine, delegate: delegate, counters: counters)
        let id = ObjectIdentifier(connection)
        let bound = NIOLoopBound(connection, eventLoop: channel.eventLoop)
        let taken = state.withLock { state in
            guard !state.stopping, state.connections.count < Self.connectionsMax else { return false }
            state.connections[id] = bound
            return true
        }
        guard taken else {
            counters.update { $0.connectionsFailed += 1 }
            throw TypedError(.overloaded, "cluster_connections_max (\(Self.connectionsMax)) is reached")
        }
        counters.update { $0.connectionsMade += 1 }
        channel.closeFuture.whenComplete { _ in self.detach(id) }
        try channel.pipeline.syncOperations.addHandler(connection)
    }

    private func detach(_ id: ObjectIdentifier) {
        let drained = state.withLock { state in
            state.connections[id] = nil
            guard state.connections.isEmpty else { return nil as CheckedContinuation<Void, Never>? }
            defer { state.drained = nil }
            return state.drained
        }
        drained?.resume()
    }
}

/// How sockets are read: batches of 10,000 rows are 120 KB and more, so reads may grow beyond the usual 64 KiB.
enum ConnectionBuffers {
    static var allocator: AdaptiveRecvByteBufferAllocator {
        AdaptiveRecvByteBufferAllocator(minimum: 4 << 10, initial: 64 << 10, maximum: 512 << 10)
    }
}
