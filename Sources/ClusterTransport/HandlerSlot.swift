import Synchronization
package import WireProtocol

/// Answers requests through a handler that is there for a part of the process' life: an aggregator's port is open before its engine is.
package final class HandlerSlot: ClusterRequestHandler {
    private enum State {
        case empty(reason: String)
        case filled(any ClusterRequestHandler)
    }

    private let state: Mutex<State>

    /// - Parameter reason: what requests are answered until there is a handler.
    package init(reason: String) {
        state = Mutex(.empty(reason: reason))
    }

    /// Hands requests to `handler` from now on.
    package func fill(_ handler: any ClusterRequestHandler) {
        state.withLock { $0 = .filled(handler) }
    }

    /// Hands the batch on, or says why not; see `ClusterRequestHandler`.
    package func write(
        _ batch: WriteBatch, respond: @escaping @Sendable (Result<WriteAcknowledgement, TypedError>) -> Void
    ) {
        do throws(TypedError) {
            try handler().write(batch, respond: respond)
        } catch {
            respond(.failure(error))
        }
    }

    /// Hands the batch on, or says why not; see `ClusterRequestHandler`.
    package func store(_ call: StoreCall, respond: @escaping @Sendable (Result<StoreAnswer, TypedError>) -> Void) {
        do throws(TypedError) {
            try handler().store(call, respond: respond)
        } catch {
            respond(.failure(error))
        }
    }

    /// Hands the packet on, or says why not; see `ClusterRequestHandler`.
    package func movement(
        _ packet: MovementPacket, respond: @escaping @Sendable (Result<Void, TypedError>) -> Void
    ) {
        do throws(TypedError) {
            try handler().movement(packet, respond: respond)
        } catch {
            respond(.failure(error))
        }
    }

    /// Hands the query on, or says why not; see `ClusterRequestHandler`.
    package func query(_ request: QueryRequest, sink: any PageSink) async throws -> SelectEnd {
        try await handler().query(request, sink: sink)
    }

    private func handler() throws(TypedError) -> any ClusterRequestHandler {
        switch state.withLock({ $0 }) {
        case .filled(let handler): return handler
        case .empty(let reason): throw TypedError(.unavailable, reason, retryAfterMilliseconds: 1_000)
        }
    }
}
