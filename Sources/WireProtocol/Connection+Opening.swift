import ByteCoding
import MetricModel

// Streams that we open: one request frame out; pages as far as credit reaches, and one end, in.

extension Connection {
    /// Sends a batch; `ConnectionEffect.finished` tells how it came out.
    ///
    /// - Parameters:
    ///   - batch: within the limits of `WireLimits`.
    ///   - deadlineMilliseconds: from now; 0 for none. After it the stream fails with `deadlineExceeded`, and whether the batch was
    ///     written is not known.
    ///   - now: the time.
    /// - Returns: the stream on which the answer will come.
    /// - Throws: `unavailable` when no request may be sent now, `overloaded` when as much is unanswered as a limit allows,
    ///   `tooLarge` when the batch exceeds a limit of the protocol or of the peer, `versionMismatch` for histograms when the peer does
    ///   not have `FeatureSet.histograms`.
    package mutating func openWrite(
        _ batch: WriteBatch, deadlineMilliseconds: UInt32, now: MonotonicInstant
    ) throws(TypedError) -> StreamID {
        try check(batch)
        return try open(.write, deadlineMilliseconds: deadlineMilliseconds, credit: 0, now: now) {
            batch.encode(into: &$0)
        }
    }

    /// Sends a batch of slots; `ConnectionEffect.finished` tells how it came out.
    ///
    /// - Parameters:
    ///   - call: its batch within the limits of `WireLimits`.
    ///   - deadlineMilliseconds: as for `openWrite`.
    ///   - now: the time.
    /// - Returns: the stream on which the answer will come.
    /// - Throws: as `openWrite`; `versionMismatch` when the peer does not have `FeatureSet.replicas`.
    package mutating func openStore(
        _ call: StoreCall, deadlineMilliseconds: UInt32, now: MonotonicInstant
    ) throws(TypedError) -> StreamID {
        try requireReplicas()
        try check(call.batch)
        return try open(.store, deadlineMilliseconds: deadlineMilliseconds, credit: 0, now: now) {
            call.encode(into: &$0)
        }
    }

    /// Sends what our keeper of slots has to say to the peer's; `ConnectionEffect.finished` tells that it has arrived.
    ///
    /// - Parameters:
    ///   - packet: at most `WireLimits.requestPayloadBytesMax` as encoded; see `MovementPacket.packets`.
    ///   - deadlineMilliseconds: as for `openWrite`.
    ///   - now: the time.
    /// - Returns: the stream on which the answer will come.
    /// - Throws: as `openStore`.
    package mutating func openMovement(
        _ packet: MovementPacket, deadlineMilliseconds: UInt32, now: MonotonicInstant
    ) throws(TypedError) -> StreamID {
        try requireReplicas()
        return try open(.movement, deadlineMilliseconds: deadlineMilliseconds, credit: 0, now: now) {
            packet.encode(into: &$0)
        }
    }

    private func requireReplicas() throws(TypedError) {
        if let peer, !peer.features.contains(.replicas) {
            throw TypedError(.versionMismatch, "node \(peer.identity.node) keeps no slots together with others")
        }
    }

    private func check(_ batch: WriteBatch) throws(TypedError) {
        guard batch.rows.count <= WireLimits.batchRowsMax, batch.definitions.count <= WireLimits.batchDefinitionsMax,
            batch.metadata.count <= WireLimits.batchMetadataMax
        else {
            throw TypedError(
                .tooLarge, "a batch of \(batch.rows.count) rows and \(batch.definitions.count) definitions")
        }
        if !batch.rows.histograms.isEmpty, let peer, !peer.features.contains(.histograms) {
            throw TypedError(
                .versionMismatch, "node \(peer.identity.node) takes no native histograms until its program is upgraded")
        }
    }

    /// Asks a query; pages come as `ConnectionEffect.page`, the end as `finished`.
    ///
    /// - Parameters:
    ///   - request: what to ask.
    ///   - deadlineMilliseconds: from now; 0 for none.
    ///   - now: the time.
    /// - Returns: the stream on which the answer will come.
    /// - Throws: as `openWrite`.
    package mutating func openQuery(
        _ request: QueryRequest, deadlineMilliseconds: UInt32, now: MonotonicInstant
    ) throws(TypedError) -> StreamID {
        // With room for two pages one is under way while the other is used up, and no page waits for ever.
        let credit = min(max(limits.creditBytes, 2 * WireLimits.pagePayloadBytesMax), Int(UInt32.max))
        return try open(request.frameType, deadlineMilliseconds: deadlineMilliseconds, credit: credit, now: now) {
            request.encode(into: &$0)
        }
    }

    private mutating func open(
        _ type: FrameType, deadlineMilliseconds: UInt32, credit: Int, now: MonotonicInstant,
        body: (inout [UInt8]) -> Void
    ) throws(TypedError) -> StreamID {
        guard acceptsRequests, let peer, nextStream < UInt32.max - 2 else {
            throw TypedError(.unavailable, "the connection takes no requests", retryAfterMilliseconds: 250)
        }
        let bytesMax = min(peer.requestBytesMax, limits.requestBytesMax)
        guard opened.count < peer.streamsMax else { throw overloaded("connection_streams_max", peer.streamsMax) }
        guard openedBytes < bytesMax else { throw overloaded("connection_request_bytes_max", bytesMax) }
        let prelude = RequestPrelude(deadlineMilliseconds: deadlineMilliseconds, credit: UInt32(credit))
        let start = output.count
        let length = output.appendFrame(type.rawValue, stream: nextStream) { bytes in
            prelude.encode(into: &bytes)
            body(&bytes)
        }
        if length > min(FrameHeader.payloadBytesMax(type: type.rawValue), bytesMax) {
            output.removeLast(output.count - start)
            throw TypedError(.tooLarge, "a request of \(length) bytes")
        }
        if openedBytes + length > bytesMax {
            output.removeLast(output.count - start)
            throw overloaded("connection_request_bytes_max", bytesMax)
        }
        countSent(length)
        return register(
            OpenedStream(
                request: type, requestBytes: length, deadline: deadline(deadlineMilliseconds, from: now), credit: credit
            ))
    }

    private mutating func register(_ state: OpenedStream) -> StreamID {
        let stream = StreamID(number: nextStream)
        nextStream += 2
        openedBytes += state.requestBytes
        opened[stream] = state
        statistics.streamsOpened += 1
        return stream
    }

    private mutating func overloaded(_ limit: String, _ value: Int) -> TypedError {
        statistics.streamsRefused += 1
        return TypedError(.overloaded, "\(limit) (\(value)) is reached", retryAfterMilliseconds: 250)
    }

    /// Gives up a stream of ours: nothing more comes of it, not even `finished`.
    package mutating func cancel(_ stream: StreamID) {
        guard let state = opened[stream], !state.abandoned else { return }
        opened[stream]?.abandoned = true
        put(.cancel, stream: stream.number) { _ in }
    }

    /// Says that pages of `bytes` in all have been used up; the peer may send as many more.
    package mutating func consumed(_ bytes: Int, on stream: StreamID) {
        guard let state = opened[stream], !state.abandoned else { return }
        let grant = state.consumed + bytes
        // Granted again in large steps: half of the window is still out while the grant travels.
        guard grant >= limits.creditBytes / 2 || grant >= WireLimits.pagePayloadBytesMax else {
            opened[stream]?.consumed = grant
            return
        }
        opened[stream]?.consumed = 0
        opened[stream]?.credit += grant
        put(.credit, stream: stream.number) { $0.append(littleEndian: UInt32(clamping: grant)) }
    }

    /// A page: within credit, of the kind that was asked for.
    mutating func receivePage(
        _ type: FrameType, _ header: FrameHeader, _ payload: RawSpan, into effects: inout [ConnectionEffect]
    ) throws(WireError) {
        let (stream, state) = try takeCredit(header)
        guard type == state.request.answerPage else { throw unexpected(header) }
        if state.abandoned { return }
        let page = try QueryPage(type, decoding: payload)
        effects.append(.page(stream: stream, page: page, bytes: header.length))
    }

    /// A page of a type that is not known: nobody uses it up, so its credit is granted again at once.
    mutating func skipPage(_ header: FrameHeader) throws(WireError) {
        let (stream, _) = try takeCredit(header)
        consumed(header.length, on: stream)
    }

    private mutating func takeCredit(_ header: FrameHeader) throws(WireError) -> (StreamID, OpenedStream) {
        let stream = StreamID(number: header.stream)
        guard let state = opened[stream] else { throw unexpected(header) }
        guard header.length <= state.credit else {
            throw WireError(
                .creditExceeded, in: "Frame.length", offset: 12, found: UInt64(header.length),
                expected: UInt64(state.credit))
        }
        opened[stream]?.credit = state.credit - header.length
        return (stream, state)
    }

    /// The end of a stream of ours: an error, or what its request asks for.
    mutating func receiveEnd(
        _ type: FrameType, _ header: FrameHeader, _ payload: RawSpan, into effects: inout [ConnectionEffect]
    ) throws(WireError) {
        let stream = StreamID(number: header.stream)
        guard let state = opened[stream], type == .error || type == state.request.answerEnd else {
            throw unexpected(header)
        }
        let completion = try Completion(type, decoding: payload)
        forgetOpened(stream)
        if !state.abandoned { effects.append(.finished(stream: stream, completion: completion)) }
        closeIfDone(into: &effects)
    }

    @discardableResult
    mutating func forgetOpened(_ stream: StreamID) -> OpenedStream? {
        guard let state = opened.removeValue(forKey: stream) else { return nil }
        openedBytes -= state.requestBytes
        return state
    }
}
