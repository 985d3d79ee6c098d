package import WireProtocol

/// What a node does with requests of other nodes; an aggregator conforms.
package protocol ClusterRequestHandler: Sendable {
    /// Writes a batch.
    ///
    /// Called on an event loop: take the batch and return at once.
    /// - Parameters:
    ///   - batch: checked in form; its references may be unknown.
    ///   - respond: call it once, from any thread. A second call, or one after the deadline, means nothing.
    func write(_ batch: WriteBatch, respond: @escaping @Sendable (Result<WriteAcknowledgement, TypedError>) -> Void)

    /// Logs a batch of slots, as one of the members that keep them.
    ///
    /// Called on an event loop: take the call and return at once.
    /// - Parameters:
    ///   - call: checked in form.
    ///   - respond: as for `write`.
    func store(_ call: StoreCall, respond: @escaping @Sendable (Result<StoreAnswer, TypedError>) -> Void)

    /// Takes what another node's keeper of slots says. What follows from it is sent as packets of this node's own.
    ///
    /// Called on an event loop: take the packet and return at once.
    /// - Parameters:
    ///   - packet: checked in form.
    ///   - respond: once the packet is taken, or refused; as for `write`.
    func movement(_ packet: MovementPacket, respond: @escaping @Sendable (Result<Void, TypedError>) -> Void)

    /// Answers a query with pages into `sink` and the end as the result.
    ///
    /// The task is cancelled when the opener cancels, its deadline passes or the connection is lost.
    /// - Throws: a `TypedError` to answer with it; any other error is answered as `internal`.
    func query(_ request: QueryRequest, sink: any PageSink) async throws -> SelectEnd
}

/// Where the pages of one answer go.
package protocol PageSink: Sendable {
    /// Sends a page; returns when it is on its way, which is when the opener has granted credit for it and the socket takes it.
    ///
    /// One page at a time: wait for each before sending the next.
    /// - Throws: `TypedError` once the stream is over, or when the page exceeds a frame.
    func send(_ page: QueryPage) async throws
}
