package import Logging
package import NIOCore
package import WireProtocol

/// One node's connection to another: connects, reconnects with a jittered back-off, and carries many requests at once.
///
/// Callable from anywhere; what it owns lives on one event loop (`ClientCore`). While there is no connection requests fail at once with
/// `unavailable`: a queue here would only hide from the caller that it should ask elsewhere or later.
package final class ClusterClient: Sendable {
    private let core: ClientCore
    private let own: OwnQueries?

    /// A client that does not connect before `start`.
    ///
    /// - Parameters:
    ///   - host: name or address of the other node.
    ///   - port: its cluster port.
    ///   - identity: told to it; it must be of the same cluster.
    ///   - features: of the protocol, offered to it.
    ///   - limits: what the connection may use.
    ///   - group: one of its event loops carries the connection.
    ///   - logger: is told when the connection comes and goes.
    ///   - own: answers queries where the other node is this process itself; nothing is sent then.
    package init(
        host: String, port: Int, identity: NodeIdentity, features: FeatureSet = .known,
        limits: ConnectionLimits = ConnectionLimits(), group: any EventLoopGroup, logger: Logger,
        own: (any ClusterRequestHandler)? = nil
    ) {
        self.own = own.map(OwnQueries.init)
        core = ClientCore(
            host: host, port: port, offer: ConnectionOffer(identity: identity, optionalFeatures: features),
            limits: limits, eventLoop: group.any(), logger: logger)
    }

    /// What has been done so far, over all connections.
    package var statistics: TransportStatistics { core.counters.snapshot }

    /// Whether requests can be sent now.
    package var isConnected: Bool { core.isReady }

    /// The features that both nodes have, as of the newest handshake; none before the first.
    package var features: FeatureSet { core.agreedFeatures }

    /// Begins to connect, and keeps at it until `stop`.
    package func start() {
        core.eventLoop.execute { self.core.connect() }
    }

    /// Waits until requests can be sent.
    ///
    /// - Throws: `TypedError.unavailable` after `timeout`, with the reason why the last attempt failed.
    package func waitUntilConnected(timeout: Duration) async throws {
        try await withCheckedThrowingContinuation { continuation in
            core.eventLoop.execute { self.core.waitUntilReady(timeout: timeout, continuation) }
        }
    }

    /// Sends a batch and waits for its acknowledgement.
    ///
    /// - Parameters:
    ///   - batch: within the limits of `WireLimits`.
    ///   - deadline: at least a millisecond, at most 49 days; rounded down.
    /// - Returns: what was not written and why, and the references of new series.
    /// - Throws: `TypedError`. After `deadlineExceeded`, `cancelled`, and `unavailable` of a connection lost on the way, whether the batch was
    ///   written is not known; writing it again does no harm.
    package func write(_ batch: WriteBatch, deadline: Duration) async throws -> WriteAcknowledgement {
        let milliseconds = deadline.wireMilliseconds
        let completion = try await send { machine, now throws(TypedError) in
            try machine.openWrite(batch, deadlineMilliseconds: milliseconds, now: now)
        }
        guard case .written(let acknowledgement) = completion else { throw Self.mismatch }
        return acknowledgement
    }

    /// Sends a batch of slots to a member that shall log it, and waits for what came of it.
    ///
    /// - Parameters:
    ///   - call: its batch within the limits of `WireLimits`.
    ///   - deadline: as for `write`.
    /// - Returns: what came of each slot, and of the rows.
    /// - Throws: as `write`; `versionMismatch` when the other node does not have `FeatureSet.replicas`.
    package func store(_ call: StoreCall, deadline: Duration) async throws -> StoreAnswer {
        let milliseconds = deadline.wireMilliseconds
        let completion = try await send { machine, now throws(TypedError) in
            try machine.openStore(call, deadlineMilliseconds: milliseconds, now: now)
        }
        guard case .stored(let answer) = completion else { throw Self.mismatch }
        return answer
    }

    /// Sends what this node's keeper of slots has to say, and waits until it has arrived.
    ///
    /// - Parameters:
    ///   - packet: see `MovementPacket.packets`.
    ///   - deadline: as for `write`.
    /// - Throws: as `store`. What gets lost is no harm: whatever matters is said again.
    package func movement(_ packet: MovementPacket, deadline: Duration) async throws {
        let milliseconds = deadline.wireMilliseconds
        let completion = try await send { machine, now throws(TypedError) in
            try machine.openMovement(packet, deadlineMilliseconds: milliseconds, now: now)
        }
        guard case .received = completion else { throw Self.mismatch }
    }

    /// The connection lets only the end pass that the request asks for.
    private static var mismatch: TypedError { TypedError(.internal, "the answer does not fit the request") }

    private func send(
        _ request: @escaping @Sendable (inout Connection, MonotonicInstant) throws(TypedError) -> StreamID
    ) async throws -> Completion {
        let call = AnswerCall()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                core.eventLoop.execute { self.core.send(call, continuation, request) }
            }
        } onCancel: {
            core.eventLoop.execute { self.core.cancel(call) }
        }
    }

    /// Asks a query; the answer begins to flow at once.
    ///
    /// - Parameters:
    ///   - request: what to ask.
    ///   - deadline: for the whole answer; at least a millisecond, at most 49 days; rounded down.
    /// - Returns: the answer, which reports errors as it is taken.
    package func query(_ request: QueryRequest, deadline: Duration) -> QueryStream {
        if let own { return own.ask(request, deadline: deadline) }
        let core = self.core
        let call = QueryCall()
        let storage = QueryStreamStorage(
            consumed: { bytes in core.eventLoop.execute { core.consumed(bytes, call) } },
            cancel: { core.eventLoop.execute { core.cancel(call) } })
        core.eventLoop.execute { core.query(request, deadline.wireMilliseconds, call, storage) }
        return QueryStream(storage: storage)
    }

    /// Stops in order: sends no more requests, waits for the answers of those that are out, and closes; what is left after `grace` fails.
    package func stop(grace: Duration = .seconds(5)) async {
        await withCheckedContinuation { continuation in
            core.eventLoop.execute { self.core.stop(grace: grace, continuation) }
        }
    }
}

extension Duration {
    /// Whole milliseconds as the opening frame carries them; never 0, which would mean no deadline.
    fileprivate var wireMilliseconds: UInt32 {
        let (seconds, attoseconds) = components
        let milliseconds = seconds.multipliedReportingOverflow(by: 1000)
        if milliseconds.overflow { return seconds < 0 ? 1 : .max }
        return max(1, UInt32(clamping: milliseconds.partialValue &+ attoseconds / 1_000_000_000_000_000))
    }
}
