import ByteCoding

// Frames from the peer: one after the other is checked, decoded and acted on; the first bad one closes the connection.

extension Connection {
    /// Takes what has come in and was not consumed before.
    ///
    /// - Parameters:
    ///   - bytes: begins with the first byte of a frame.
    ///   - now: the time.
    ///   - effects: what follows from the frames that are there as a whole is appended.
    /// - Returns: bytes consumed; the rest is the beginning of a frame, to be given again with what comes next. All of them once the
    ///   connection is closed.
    package mutating func receive(
        _ bytes: RawSpan, now: MonotonicInstant, into effects: inout [ConnectionEffect]
    ) -> Int {
        var offset = 0
        // Bytes that trickle in do not put off the handshake's timeout.
        if bytes.byteCount > 0, phase == .open {
            lastReceived = now
            pinged = false
        }
        do throws(WireError) {
            while phase != .closed {
                let rest = bytes.extracting(offset..<bytes.byteCount)
                guard let header = try FrameHeader.read(rest) else { return offset }
                try handle(header, try header.payload(in: rest), now: now, into: &effects)
                offset += header.frameSize
                statistics.framesReceived += 1
                statistics.bytesReceived += UInt64(header.frameSize)
            }
        } catch {
            statistics.badFrames += 1
            let code: TypedError.Code = error.code == .unsupportedVersion ? .versionMismatch : .badRequest
            abort(TypedError(code, "bad frame: \(error)"), into: &effects)
        }
        return bytes.byteCount
    }

    private mutating func handle(
        _ header: FrameHeader, _ payload: RawSpan, now: MonotonicInstant, into effects: inout [ConnectionEffect]
    ) throws(WireError) {
        guard let type = FrameType(rawValue: header.type) else { return try handleUnknown(header, into: &effects) }
        try expectStream(header)
        if phase == .handshake { return try handleHandshake(type, payload, now: now, into: &effects) }
        switch type {
        case .hello, .welcome: throw unexpected(header)
        case .ping:
            let token = payload.copied()
            guard token.count == 8 else {
                throw WireError(.malformed, in: "Ping", found: UInt64(token.count), expected: 8)
            }
            put(.pong, stream: 0) { $0.append(contentsOf: token) }
        case .pong:
            guard payload.byteCount == 8 else {
                throw WireError(.malformed, in: "Pong", found: UInt64(payload.byteCount), expected: 8)
            }
        case .goAway: peerLeaves(try GoAway(decoding: payload), into: &effects)
        case .credit: try receiveCredit(header, payload, into: &effects)
        case .cancel: try receiveCancel(header, payload, into: &effects)
        case .write, .store, .movement, .select, .labelNames, .labelValues, .series, .metadata, .servers, .fragment,
            .statistics, .exemplars, .keepExemplars, .deletions, .changes:
            try receiveRequest(type, header, payload, now: now, into: &effects)
        case .seriesPage, .stringPage, .labelsPage, .metadataPage, .serversPage, .fragmentPage, .statisticsPage,
            .exemplarsPage, .deletionsPage, .changesPage:
            try receivePage(type, header, payload, into: &effects)
        case .writeAcknowledgement, .selectEnd, .error, .stored, .received:
            try receiveEnd(type, header, payload, into: &effects)
        }
    }

    /// A type of a later version: requests are refused, the rest is skipped where the sender allows it and the class says how.
    private mutating func handleUnknown(_ header: FrameHeader, into effects: inout [ConnectionEffect]) throws(WireError)
    {
        guard phase == .open else { throw unexpected(header) }
        try expectStream(header)
        let mayIgnore = header.flags & FrameHeader.mayIgnore != 0
        switch FrameClass(type: header.type) {
        case .request:
            guard try takeStreamNumber(header) else { return }
            refuse(header.stream, TypedError(.badRequest, "request type \(header.type) is not known here"))
        case .page where mayIgnore:
            try skipPage(header)
        case .connection where mayIgnore, .streamControl where mayIgnore, .reserved where mayIgnore:
            return
        case .connection, .streamControl, .page, .end, .reserved:
            // An end is never skipped: its stream would not end here.
            throw WireError(.unknownFrameType, in: "Frame", offset: 5, found: UInt64(header.type))
        }
    }

    private mutating func handleHandshake(
        _ type: FrameType, _ payload: RawSpan, now: MonotonicInstant, into effects: inout [ConnectionEffect]
    ) throws(WireError) {
        switch (role, type) {
        case (.server, .hello):
            let hello = try Hello(decoding: payload)
            agree(now: now, into: &effects) { offer throws(TypedError) in try offer.accept(hello) }
            guard let peer else { return }
            let welcome = Welcome(
                version: peer.version, features: peer.features, identity: offer.identity, streamsMax: limits.streamsMax,
                requestBytesMax: limits.requestBytesMax)
            put(.welcome, stream: 0) { welcome.encode(into: &$0) }
        case (.client, .welcome):
            let welcome = try Welcome(decoding: payload)
            agree(now: now, into: &effects) { offer throws(TypedError) in try offer.confirm(welcome) }
        case (.client, .goAway):
            // The server has refused us and closes; its reason is the one to report.
            close(try GoAway(decoding: payload).error, into: &effects)
        case (_, _):
            throw WireError(.unexpectedFrame, in: "Handshake", offset: 5, found: UInt64(type.rawValue))
        }
    }

    private mutating func agree(
        now: MonotonicInstant, into effects: inout [ConnectionEffect],
        _ decide: (ConnectionOffer) throws(TypedError) -> Peer
    ) {
        do throws(TypedError) {
            let peer = try decide(offer)
            self.peer = peer
            phase = .open
            lastReceived = now
            effects.append(.ready(peer))
        } catch {
            abort(error, into: &effects)
        }
    }

    /// The peer answers streams up to `lastStream`; what we opened after them was not looked at and may be tried elsewhere.
    private mutating func peerLeaves(_ notice: GoAway, into effects: inout [ConnectionEffect]) {
        peerLeaving = true
        effects.append(.peerLeaving(notice.error))
        for stream in opened.keys.sorted() where stream.number > notice.lastStream {
            let state = forgetOpened(stream)
            if state?.abandoned == false {
                effects.append(
                    .finished(stream: stream, completion: .failed(TypedError(.unavailable, notice.error.message))))
            }
        }
        closeIfDone(into: &effects)
    }

    /// Throws unless the header's stream fits its class.
    private func expectStream(_ header: FrameHeader) throws(WireError) {
        let fits =
            switch FrameClass(type: header.type) {
            case .connection: header.stream == 0
            case .streamControl, .request, .page, .end: header.stream != 0
            case .reserved: true
            }
        guard fits else {
            throw WireError(.unexpectedFrame, in: "Frame.stream", offset: 8, found: UInt64(header.stream))
        }
    }

    /// The fault of a frame that this state of the connection or stream does not allow.
    func unexpected(_ header: FrameHeader) -> WireError {
        WireError(.unexpectedFrame, in: "Frame type \(header.type)", offset: 8, found: UInt64(header.stream))
    }

    /// Whether the stream's number is one of those that we give.
    func isOurs(_ stream: UInt32) -> Bool { (stream & 1 == 1) == (role == .client) }
}
