/// A stream's number in its connection: odd where the client opened it, even where the server did.
package struct StreamID: Hashable, Comparable, Sendable, BitwiseCopyable {
    /// The number in the frame header; never 0.
    package var number: UInt32

    /// The stream of that number.
    package init(number: UInt32) {
        self.number = number
    }

    /// Whether `left` was opened earlier, where one side opened both.
    package static func < (left: StreamID, right: StreamID) -> Bool { left.number < right.number }
}

/// How a stream that we opened came out.
package enum Completion: Equatable, Sendable {
    /// The answer to a write.
    case written(WriteAcknowledgement)
    /// The answer to a store.
    case stored(StoreAnswer)
    /// A movement packet has arrived.
    case received
    /// The end of a query's answer: every page has been delivered.
    case ended(SelectEnd)
    /// An error from the peer, or our own: deadline, lost connection.
    case failed(TypedError)
}

/// What a `Connection` wants done, in order. Bytes to send are not among them: they gather in `Connection.output`.
package enum ConnectionEffect: Equatable, Sendable {
    /// The handshake is done: streams may be opened.
    case ready(Peer)
    /// The peer asks for a batch to be written; answer with `Connection.finish`.
    case write(stream: StreamID, batch: WriteBatch)
    /// The peer asks for a batch of slots to be logged; answer with `Connection.finish`.
    case store(stream: StreamID, call: StoreCall)
    /// The peer's keeper of slots speaks to ours; answer with `Connection.finish`.
    case movement(stream: StreamID, packet: MovementPacket)
    /// The peer asks; answer with `Connection.send` and `finish`.
    case query(stream: StreamID, request: QueryRequest)
    /// A stream of the peer's is over, by cancellation, deadline or loss: stop producing. Nothing sent on it any more goes out.
    case stopped(stream: StreamID, error: TypedError)
    /// The page that waited for credit or room has gone out: produce the next one.
    case pageSent(stream: StreamID)
    /// A part of the answer on a stream of ours; call `Connection.consumed` with `bytes` once it is used up.
    case page(stream: StreamID, page: QueryPage, bytes: Int)
    /// A stream of ours is over; nothing more comes of it.
    case finished(stream: StreamID, completion: Completion)
    /// The peer takes no new streams; open ones go on.
    case peerLeaving(TypedError)
    /// Send what is in `output`, then close the socket. Nil when both had finished.
    case close(TypedError?)
}

/// What became of a page given to `Connection.send`.
package enum PageOutcome: Equatable, Sendable {
    /// It is in `output`.
    case sent
    /// It waits for credit or for room; `ConnectionEffect.pageSent` or `.stopped` follows.
    case waiting
    /// The stream is over; the page was dropped.
    case gone
    /// The page exceeds `WireLimits.pagePayloadBytesMax`; it was dropped and the stream is as before.
    case tooLarge
    /// The page has native histograms and the peer does not have `FeatureSet.histograms`; it was dropped and the stream is as before.
    case notForPeer
}

/// What a connection has done so far.
package struct ConnectionStatistics: Hashable, Sendable {
    /// Frames accepted from the peer.
    package var framesReceived: UInt64 = 0
    /// Frames put out.
    package var framesSent: UInt64 = 0
    /// Bytes of frames accepted.
    package var bytesReceived: UInt64 = 0
    /// Bytes of frames put out.
    package var bytesSent: UInt64 = 0
    /// Streams opened by us.
    package var streamsOpened: UInt64 = 0
    /// Streams taken from the peer.
    package var streamsAccepted: UInt64 = 0
    /// Requests refused, either way, because a limit was reached.
    package var streamsRefused: UInt64 = 0
    /// Streams, either way, whose deadline passed.
    package var deadlinesExceeded: UInt64 = 0
    /// Frames of the peer that closed the connection.
    package var badFrames: UInt64 = 0

    /// Nothing yet.
    package init() {}
}
