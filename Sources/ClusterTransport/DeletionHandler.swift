import MetricModel
package import WireProtocol

/// Answers what other nodes ask about deletions, from the moment that the port is open, and hands everything else on.
package struct DeletionHandler: ClusterRequestHandler {
    private let keeper: DeletionKeeper
    private let next: any ClusterRequestHandler

    /// - Parameters:
    ///   - keeper: keeps them.
    ///   - next: answers the rest.
    package init(_ keeper: DeletionKeeper, next: any ClusterRequestHandler) {
        self.keeper = keeper
        self.next = next
    }

    /// Hands the batch on; see `ClusterRequestHandler`.
    package func write(
        _ batch: WriteBatch, respond: @escaping @Sendable (Result<WriteAcknowledgement, TypedError>) -> Void
    ) {
        next.write(batch, respond: respond)
    }

    /// Hands the batch on; see `ClusterRequestHandler`.
    package func store(_ call: StoreCall, respond: @escaping @Sendable (Result<StoreAnswer, TypedError>) -> Void) {
        next.store(call, respond: respond)
    }

    /// Hands the packet on; see `ClusterRequestHandler`.
    package func movement(
        _ packet: MovementPacket, respond: @escaping @Sendable (Result<Void, TypedError>) -> Void
    ) {
        next.movement(packet, respond: respond)
    }

    /// Keeps and tells deletions, or hands the query on; see `ClusterRequestHandler`.
    package func query(_ request: QueryRequest, sink: any PageSink) async throws -> SelectEnd {
        guard case .deletions(let request) = request else { return try await next.query(request, sink: sink) }
        let known: DeletionSet
        do {
            known = try await keeper.keep(request.deletions)
        } catch {
            throw TypedError(.internal, "the deletions cannot be kept: \(error)")
        }
        let told = known.digest == request.digest ? [] : known.all
        for page in QueryPage.pages(of: told, digest: known.digest) { try await sink.send(page) }
        return SelectEnd(seriesCount: told.count)
    }
}
