import ByteCoding
import MetricModel

// Streams that the peer opens: one request frame in; pages as far as credit and room reach, and one end, out.

extension Connection {
    /// Sends a page on a stream of the peer's, or lets it wait for credit or room.
    ///
    /// - Precondition: the page is of the kind that was asked for, and none of the stream waits; send the next after
    ///   `ConnectionEffect.pageSent`.
    package mutating func send(_ page: QueryPage, on stream: StreamID) -> PageOutcome {
        guard let state = accepted[stream] else { return .gone }
        precondition(page.frameType == state.request.answerPage, "\(page.frameType) does not answer \(state.request)")
        precondition(state.waiting == nil, "a page of stream \(stream.number) waits already")
        if page.hasHistograms, peer?.features.contains(.histograms) == false { return .notForPeer }
        let start = output.count
        let length = output.appendFrame(page.frameType.rawValue, stream: stream.number) { page.encode(into: &$0) }
        guard length <= WireLimits.pagePayloadBytesMax else {
            output.removeLast(output.count - start)
            return .tooLarge
        }
        if writable, start < limits.outputBytesMax, length <= state.credit {
            accepted[stream]?.credit -= length
            countSent(length)
            return .sent
        }
        accepted[stream]?.waiting = Array(output[start...])
        output.removeLast(output.count - start)
        waitingPages.append(stream)
        return .waiting
    }

    /// Ends a stream of the peer's. Does nothing when it is over already.
    package mutating func finish(
        _ stream: StreamID, with completion: Completion, into effects: inout [ConnectionEffect]
    ) {
        guard let state = forgetAccepted(stream) else { return }
        let fits =
            switch completion {
            case .written, .stored, .received: state.request.answerEnd == completion.frameType
            case .ended: state.request.answerEnd == .selectEnd && state.waiting == nil
            case .failed: true
            }
        let checked =
            fits
            ? completion : .failed(TypedError(.internal, "the answer does not fit request \(state.request.rawValue)"))
        put(checked.frameType, stream: stream.number) { checked.encode(into: &$0) }
        closeIfDone(into: &effects)
    }

    /// A request: takes its stream, or refuses it with a typed error. A payload that does not decode is refused as well: the frame
    /// around it is sound, and the peer's other streams have no part in it.
    mutating func receiveRequest(
        _ type: FrameType, _ header: FrameHeader, _ payload: RawSpan, now: MonotonicInstant,
        into effects: inout [ConnectionEffect]
    ) throws(WireError) {
        guard try takeStreamNumber(header) else { return }
        let prelude = try RequestPrelude(decoding: payload)
        if accepted.count >= limits.streamsMax {
            return refuseOverload(header.stream, "connection_streams_max", limits.streamsMax)
        }
        if acceptedBytes + header.length > limits.requestBytesMax {
            return refuseOverload(header.stream, "connection_request_bytes_max", limits.requestBytesMax)
        }
        let stream = StreamID(number: header.stream)
        let body = payload.extracting(RequestPrelude.size..<payload.byteCount)
        do throws(WireError) {
            switch type {
            case .write: effects.append(.write(stream: stream, batch: try WriteBatch(decoding: body)))
            case .store: effects.append(.store(stream: stream, call: try StoreCall(decoding: body)))
            case .movement:
                let packet = try MovementPacket(decoding: body)
                // What a packet says counts as its sender's word: leases hang on it.
                guard let peer, packet.sender.hasSameBytes(as: peer.identity.node) else {
                    return refuse(header.stream, TypedError(.badRequest, "messages of node \(packet.sender)"))
                }
                effects.append(.movement(stream: stream, packet: packet))
            case let query: effects.append(.query(stream: stream, request: try QueryRequest(query, decoding: body)))
            }
        } catch {
            return refuse(header.stream, TypedError(.badRequest, "\(error)"))
        }
        acceptedBytes += header.length
        accepted[stream] = AcceptedStream(
            request: type, requestBytes: header.length, deadline: deadline(prelude.deadlineMilliseconds, from: now),
            credit: Int(prelude.credit))
        statistics.streamsAccepted += 1
    }

    /// Checks that the peer may open this stream, and notes its number.
    ///
    /// - Returns: false when we are leaving: the peer knows from our notice that the stream was not looked at.
    mutating func takeStreamNumber(_ header: FrameHeader) throws(WireError) -> Bool {
        guard !isOurs(header.stream), header.stream > lastAccepted else { throw unexpected(header) }
        if leaving { return false }
        lastAccepted = header.stream
        return true
    }

    /// Answers a request that was not taken.
    mutating func refuse(_ stream: UInt32, _ error: TypedError) {
        put(.error, stream: stream) { error.encode(into: &$0) }
    }

    private mutating func refuseOverload(_ stream: UInt32, _ limit: String, _ value: Int) {
        statistics.streamsRefused += 1
        refuse(stream, TypedError(.overloaded, "\(limit) (\(value)) is reached", retryAfterMilliseconds: 250))
    }

    /// More credit for a stream of the peer's; for one that is over it comes too late and means nothing.
    mutating func receiveCredit(
        _ header: FrameHeader, _ payload: RawSpan, into effects: inout [ConnectionEffect]
    ) throws(WireError) {
        var reader = WireReader(payload, message: "Credit")
        let grant = Int(try reader.uint32())
        try reader.expectEnd()
        let stream = StreamID(number: header.stream)
        guard let state = accepted[stream] else { return try expectPast(header) }
        guard state.credit + grant <= Int(UInt32.max) else {
            throw WireError(
                .limitExceeded, in: "Credit", found: UInt64(state.credit + grant), expected: UInt64(UInt32.max))
        }
        accepted[stream]?.credit = state.credit + grant
        if state.waiting != nil, releaseIfPossible(stream) { effects.append(.pageSent(stream: stream)) }
    }

    /// The opener gives up: the stream ends with `cancelled`, so that both sides agree on when it was over.
    mutating func receiveCancel(
        _ header: FrameHeader, _ payload: RawSpan, into effects: inout [ConnectionEffect]
    ) throws(WireError) {
        guard payload.byteCount == 0 else {
            throw WireError(.trailingBytes, in: "Cancel", found: UInt64(payload.byteCount))
        }
        let stream = StreamID(number: header.stream)
        guard accepted[stream] != nil else { return try expectPast(header) }
        stop(stream, TypedError(.cancelled, "cancelled by the opener"), into: &effects)
    }

    /// Ends a stream of the peer's from here, and tells both sides.
    mutating func stop(_ stream: StreamID, _ error: TypedError, into effects: inout [ConnectionEffect]) {
        effects.append(.stopped(stream: stream, error: error))
        finish(stream, with: .failed(error), into: &effects)
    }

    /// Throws unless the stream was the peer's and is over: then the frame crossed its end on the way.
    private func expectPast(_ header: FrameHeader) throws(WireError) {
        guard !isOurs(header.stream), header.stream <= lastAccepted || leaving else { throw unexpected(header) }
    }

    /// Sends pages that wait, the longest waiting first, as far as credit and room reach.
    mutating func releaseWaitingPages(into effects: inout [ConnectionEffect]) {
        for stream in waitingPages where releaseIfPossible(stream) { effects.append(.pageSent(stream: stream)) }
    }

    private mutating func releaseIfPossible(_ stream: StreamID) -> Bool {
        guard writable, output.count < limits.outputBytesMax, let state = accepted[stream], let frame = state.waiting
        else {
            return false
        }
        let length = frame.count - FrameHeader.size
        guard length <= state.credit else { return false }
        accepted[stream]?.waiting = nil
        accepted[stream]?.credit = state.credit - length
        waitingPages.removeAll { $0 == stream }
        output.append(contentsOf: frame)
        countSent(length)
        return true
    }

    private mutating func forgetAccepted(_ stream: StreamID) -> AcceptedStream? {
        guard let state = accepted.removeValue(forKey: stream) else { return nil }
        acceptedBytes -= state.requestBytes
        if state.waiting != nil { waitingPages.removeAll { $0 == stream } }
        return state
    }
}
