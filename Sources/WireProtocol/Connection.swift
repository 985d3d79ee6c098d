/// One end of a connection between two nodes, as a value: bytes, commands and the time go in, effects and bytes come out.
///
/// It knows no socket and no clock. The shell feeds it what it reads (`receive`), what its callers want (`openWrite`, `openQuery`,
/// `send`, `finish`, …) and the time (`timer`), carries out the effects in their order, and sends what gathers in `output`
/// (`outputTaken`). States: awaiting the handshake (left by the peer's frame, or by its timeout), open (left by `leave` once all streams
/// are over, by a bad frame, silence or loss), closed (final). Next: `Connection+Receive.swift` for frames from the peer,
/// `Connection+Opening.swift` for streams of ours, `Connection+Answering.swift` for the peer's, `Connection+Timers.swift`.
package struct Connection: Sendable {
    /// Which end of the connection this is.
    package enum Role: Equatable, Sendable {
        /// The end that connected: says `Hello`, opens odd streams.
        case client
        /// The end that accepted: says `Welcome`, opens even streams.
        case server
    }

    /// Where the connection's life stands.
    package enum Phase: Equatable, Sendable {
        /// Nothing but the handshake may come.
        case handshake
        /// Streams may be opened and answered.
        case open
        /// Nothing goes in or out any more.
        case closed
    }

    /// Which end this is.
    package let role: Role
    /// Where its life stands.
    package internal(set) var phase: Phase = .handshake
    /// The other end, once the handshake is done.
    package internal(set) var peer: Peer?
    /// Bytes to send, in order; tell `outputTaken` when they are handed on.
    package internal(set) var output: [UInt8] = []
    /// What has been done so far.
    package internal(set) var statistics = ConnectionStatistics()

    let offer: ConnectionOffer
    let limits: ConnectionLimits

    /// Streams of ours. One that was cancelled or timed out stays until the peer ends it, so that both count alike.
    var opened: [StreamID: OpenedStream] = [:]
    /// Streams of the peer's.
    var accepted: [StreamID: AcceptedStream] = [:]
    /// Bytes of requests in `opened`.
    var openedBytes = 0
    /// Bytes of requests in `accepted`.
    var acceptedBytes = 0
    /// The number of the next stream of ours.
    var nextStream: UInt32
    /// The highest stream taken from the peer; 0 before the first.
    var lastAccepted: UInt32 = 0
    /// Streams with a page that waits, the longest waiting first.
    var waitingPages: [StreamID] = []
    /// Whether the socket takes more.
    var writable = true
    /// Whether we have said that we take no new streams.
    var leaving = false
    /// Whether the peer has said so.
    var peerLeaving = false
    /// No stream's deadline is earlier; it may be one of a stream that is over.
    var earliestDeadline: MonotonicInstant?
    var lastReceived: MonotonicInstant
    /// Whether a ping is out and nothing has come since.
    var pinged = false

    /// A connection that has just been established; a client's `Hello` is in `output` at once.
    package init(role: Role, offer: ConnectionOffer, limits: ConnectionLimits, now: MonotonicInstant) {
        self.role = role
        self.offer = offer
        self.limits = limits
        nextStream = role == .client ? 1 : 2
        lastReceived = now
        if role == .client {
            let hello = offer.hello(limits: limits)
            put(.hello, stream: 0) { hello.encode(into: &$0) }
        }
    }

    /// Whether `openWrite` and `openQuery` can work now.
    package var acceptsRequests: Bool { phase == .open && !leaving && !peerLeaving }

    /// Streams that are not over, the peer's and ours.
    package var streamCount: Int { opened.count + accepted.count }

    /// Says that everything in `output` has been handed to the socket.
    ///
    /// - Parameters:
    ///   - writable: whether the socket takes more; while it does not, pages wait in their streams.
    ///   - effects: what follows is appended.
    package mutating func outputTaken(writable: Bool, into effects: inout [ConnectionEffect]) {
        // The storage is kept for the next frames unless a rare large batch made it huge.
        output.removeAll(keepingCapacity: output.capacity <= limits.outputBytesMax)
        writabilityChanged(writable, into: &effects)
    }

    /// Says whether the socket takes more.
    package mutating func writabilityChanged(_ writable: Bool, into effects: inout [ConnectionEffect]) {
        self.writable = writable
        releaseWaitingPages(into: &effects)
    }

    /// Announces that no new streams are taken; the connection closes when those that exist are over.
    ///
    /// - Parameters:
    ///   - error: the reason, for the peer's log; `unavailable` for an orderly stop.
    ///   - effects: what follows is appended.
    package mutating func leave(_ error: TypedError, into effects: inout [ConnectionEffect]) {
        guard phase != .closed, !leaving else { return }
        leaving = true
        putGoAway(error)
        closeIfDone(into: &effects)
    }

    /// Ends the connection at once: streams of ours fail with `error`, the peer's stop. Nothing more is sent but the reason.
    package mutating func abort(_ error: TypedError, into effects: inout [ConnectionEffect]) {
        guard phase != .closed else { return }
        putGoAway(error)
        close(error, into: &effects)
    }

    /// Says that the socket is gone, by error or end of file.
    package mutating func lost(into effects: inout [ConnectionEffect]) {
        guard phase != .closed else { return }
        close(TypedError(.unavailable, "the connection was lost"), into: &effects)
    }

    /// Ends every stream, in the order of their numbers, and asks for the socket to be closed.
    mutating func close(_ error: TypedError, into effects: inout [ConnectionEffect]) {
        phase = .closed
        for (stream, state) in opened.sorted(by: { $0.key < $1.key }) where !state.abandoned {
            effects.append(.finished(stream: stream, completion: .failed(error)))
        }
        for stream in accepted.keys.sorted() { effects.append(.stopped(stream: stream, error: error)) }
        forgetStreams()
        effects.append(.close(error))
    }

    /// Closes in order once somebody leaves and all streams are over.
    mutating func closeIfDone(into effects: inout [ConnectionEffect]) {
        guard phase != .closed, leaving || peerLeaving, opened.isEmpty, accepted.isEmpty else { return }
        phase = .closed
        effects.append(.close(nil))
    }

    private mutating func forgetStreams() {
        opened = [:]
        accepted = [:]
        openedBytes = 0
        acceptedBytes = 0
        waitingPages = []
        earliestDeadline = nil
    }

    /// Appends a frame to `output`.
    ///
    /// - Returns: bytes of payload.
    @discardableResult
    mutating func put(_ type: FrameType, stream: UInt32, body: (inout [UInt8]) -> Void) -> Int {
        let length = output.appendFrame(type.rawValue, stream: stream, body: body)
        countSent(length)
        return length
    }

    mutating func countSent(_ length: Int) {
        statistics.framesSent += 1
        statistics.bytesSent += UInt64(FrameHeader.size + length)
    }

    private mutating func putGoAway(_ error: TypedError) {
        let notice = GoAway(error: error, lastStream: lastAccepted)
        put(.goAway, stream: 0) { notice.encode(into: &$0) }
    }
}

/// A stream that we opened.
struct OpenedStream: Sendable {
    /// The request's type; says which pages and which end fit.
    var request: FrameType
    /// Bytes of the request's payload.
    var requestBytes: Int
    var deadline: MonotonicInstant?
    /// Bytes of pages that the peer may still send.
    var credit: Int
    /// Bytes used up here that have not been granted again.
    var consumed = 0
    /// Whether nobody waits for the answer any more; only its end is awaited.
    var abandoned = false
}

/// A stream that the peer opened.
struct AcceptedStream: Sendable {
    var request: FrameType
    /// Bytes of the request's payload.
    var requestBytes: Int
    var deadline: MonotonicInstant?
    /// Bytes of pages that we may still send.
    var credit: Int
    /// A whole frame with a page that waits for credit or room.
    var waiting: [UInt8]?
}
