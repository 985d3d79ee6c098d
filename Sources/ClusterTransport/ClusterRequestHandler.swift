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
