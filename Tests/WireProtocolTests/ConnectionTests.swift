import ByteCoding
import MetricModel
import Testing
import WireProtocol

@Suite("Connection")
struct ConnectionTests {
    static let servers = QueryRequest.servers(ServersRequest(tenant: .default))
    static let names = QueryRequest.labelNames(LabelNamesRequest(scope: Samples.scope))

    static func error(_ code: TypedError.Code, _ body: () throws -> Void) {
        let error = #expect(throws: TypedError.self) { try body() }
        #expect(error?.code == code)
    }

    @Test("a write is answered on its stream, and the stream is over on both sides")
    func write() {
        var pair = ConnectionPair()
        pair.shakeHands()
        let stream = pair.openWrite(Samples.batch)
        pair.toServer()
        #expect(pair.takeServerEffects() == [.write(stream: stream, batch: Samples.batch)])
        pair.server.finish(stream, with: .written(Samples.acknowledgement), into: &pair.serverEffects)
        pair.toClient()
        #expect(pair.takeClientEffects() == [.finished(stream: stream, completion: .written(Samples.acknowledgement))])
        #expect(pair.client.streamCount == 0 && pair.server.streamCount == 0)
        pair.server.finish(stream, with: .failed(Samples.error), into: &pair.serverEffects)
        #expect(pair.server.output.isEmpty, "a second answer means nothing")
    }

    @Test("streams are odd from the client, and answers may come in any order")
    func manyStreams() {
        var pair = ConnectionPair()
        pair.shakeHands()
        let streams = (0..<100).map { _ in pair.openWrite(Samples.batch) }
        #expect(streams.map(\.number) == (0..<100).map { 2 * $0 + 1 })
        pair.toServer()
        for stream in streams.reversed() {
            pair.server.finish(
                stream, with: .written(WriteAcknowledgement(generation: UInt64(stream.number))),
                into: &pair.serverEffects)
        }
        pair.toClient()
        let expected = streams.reversed().map { stream -> ConnectionEffect in
            .finished(stream: stream, completion: .written(WriteAcknowledgement(generation: UInt64(stream.number))))
        }
        #expect(pair.takeClientEffects() == expected)
    }

    @Test("the server may open streams as well: even ones")
    func serverOpens() throws {
        var pair = ConnectionPair()
        pair.shakeHands()
        let stream = try pair.server.openQuery(Self.servers, deadlineMilliseconds: 0, now: pair.now)
        #expect(stream.number == 2)
        pair.toClient()
        #expect(pair.takeClientEffects() == [.query(stream: stream, request: Self.servers)])
        pair.client.finish(stream, with: .ended(Samples.end), into: &pair.clientEffects)
        pair.toServer()
        #expect(pair.takeServerEffects() == [.finished(stream: stream, completion: .ended(Samples.end))])
    }

    @Test("a request that does not decode is refused on its stream; the connection and its other streams go on")
    func badRequest() {
        var pair = ConnectionPair()
        pair.shakeHands()
        let good = pair.openWrite(Samples.batch)
        let frame = [UInt8].encoding {
            $0.appendFrame(FrameType.select.rawValue, stream: good.number + 2) { $0 += [0, 0, 0, 0, 0, 0, 0, 0, 0xFF] }
        }
        pair.toServer()
        #expect(pair.serverReceives(frame).isEmpty)
        #expect(pair.server.phase == .open)
        pair.server.finish(good, with: .written(Samples.acknowledgement), into: &pair.serverEffects)
        #expect(pair.server.streamCount == 0)
    }

    @Test(
        "stream numbers that repeat, fall back or are the other side's close the connection", arguments: [1, 2, 5, 7])
    func streamNumbers(_ number: UInt32) {
        var pair = ConnectionPair()
        pair.shakeHands()
        for _ in 0..<4 { pair.openWrite(WriteBatch()) }
        pair.toServer()
        let frame = [UInt8].encoding {
            $0.appendFrame(FrameType.write.rawValue, stream: number) { bytes in
                bytes += [0, 0, 0, 0, 0, 0, 0, 0]
                WriteBatch().encode(into: &bytes)
            }
        }
        pair.serverEffects = []
        let effects = pair.serverReceives(frame)
        #expect(pair.server.phase == .closed)
        // The four open streams stop, in order, before the connection closes.
        #expect(effects.count == 5)
    }

    @Test("a page or end of another kind than was asked for closes the connection")
    func wrongAnswer() {
        for (type, page) in zip(FrameType.pages, Samples.pages) where type != .serversPage {
            var pair = ConnectionPair()
            pair.shakeHands()
            let stream = pair.openQuery(Self.servers)
            let frame = [UInt8].encoding {
                $0.appendFrame(type.rawValue, stream: stream.number) { page.encode(into: &$0) }
            }
            let effects = pair.clientReceives(frame)
            #expect(pair.client.phase == .closed)
            #expect(effects.count == 2, "the query fails, the connection closes")
        }
        var pair = ConnectionPair()
        pair.shakeHands()
        let stream = pair.openQuery(Self.servers)
        let frame = [UInt8].encoding {
            $0.appendFrame(FrameType.writeAcknowledgement.rawValue, stream: stream.number) {
                Samples.acknowledgement.encode(into: &$0)
            }
        }
        _ = pair.clientReceives(frame)
        #expect(pair.client.phase == .closed)
    }

    @Test("a lost connection fails what is open on both sides, in order, once")
    func lost() {
        var pair = ConnectionPair()
        pair.shakeHands()
        let first = pair.openWrite(WriteBatch())
        let second = pair.openQuery(Self.servers)
        pair.toServer()
        pair.serverEffects = []
        pair.client.lost(into: &pair.clientEffects)
        pair.client.lost(into: &pair.clientEffects)
        pair.server.lost(into: &pair.serverEffects)
        let error = TypedError(.unavailable, "the connection was lost")
        #expect(
            pair.takeClientEffects() == [
                .finished(stream: first, completion: .failed(error)),
                .finished(stream: second, completion: .failed(error)), .close(error),
            ])
        #expect(
            pair.takeServerEffects() == [
                .stopped(stream: first, error: error), .stopped(stream: second, error: error), .close(error),
            ])
    }

    @Test("more streams than the peer allows are refused here; a peer that sends them anyway is refused there")
    func streamsMax() throws {
        var limits = ConnectionLimits()
        limits.streamsMax = 2
        var pair = ConnectionPair(serverLimits: limits)
        pair.shakeHands()
        pair.openWrite(WriteBatch())
        pair.openWrite(WriteBatch())
        Self.error(.overloaded) {
            _ = try pair.client.openWrite(WriteBatch(), deadlineMilliseconds: 0, now: pair.now)
        }
        pair.toServer()
        let frame = [UInt8].encoding {
            $0.appendFrame(FrameType.write.rawValue, stream: 5) { bytes in
                bytes += [0, 0, 0, 0, 0, 0, 0, 0]
                WriteBatch().encode(into: &bytes)
            }
        }
        #expect(pair.serverReceives(frame).isEmpty)
        #expect(pair.server.streamCount == 2 && pair.server.statistics.streamsRefused == 1)
        pair.server.finish(StreamID(number: 1), with: .failed(Samples.error), into: &pair.serverEffects)
        #expect(pair.server.phase == .open)
    }

    @Test("unanswered requests are bounded in bytes, and room comes back with the answer")
    func requestBytesMax() throws {
        var limits = ConnectionLimits()
        limits.requestBytesMax = 40_000
        var pair = ConnectionPair(serverLimits: limits)
        pair.shakeHands()
        let batch = Samples.steadyBatch(rows: 1000)
        let first = pair.openWrite(batch)
        let second = pair.openWrite(batch)
        let queued = pair.client.output.count
        Self.error(.overloaded) { _ = try pair.client.openWrite(batch, deadlineMilliseconds: 0, now: pair.now) }
        Self.error(.tooLarge) {
            _ = try pair.client.openWrite(Samples.steadyBatch(rows: 5000), deadlineMilliseconds: 0, now: pair.now)
        }
        #expect(pair.client.output.count == queued, "what was refused leaves no bytes")
        pair.toServer()
        for stream in [first, second] {
            pair.server.finish(stream, with: .written(WriteAcknowledgement(generation: 1)), into: &pair.serverEffects)
        }
        pair.toClient()
        pair.openWrite(batch)
        pair.toServer()
        #expect(pair.server.streamCount == 1)
    }

    @Test("a batch beyond the protocol's limits is refused before it is encoded")
    func batchLimits() {
        var pair = ConnectionPair()
        pair.shakeHands()
        let count = WireLimits.batchRowsMax + 1
        let rows = SampleColumns(
            series: Array(repeating: 0, count: count), timestamps: Array(repeating: 0, count: count),
            values: Array(repeating: 0, count: count))
        Self.error(.tooLarge) {
            _ = try pair.client.openWrite(WriteBatch(rows: rows), deadlineMilliseconds: 0, now: pair.now)
        }
    }

    @Test("an answer that does not fit its request is sent as an internal error, not as bytes the peer refuses")
    func mismatchedAnswer() {
        var pair = ConnectionPair()
        pair.shakeHands()
        let stream = pair.openWrite(WriteBatch())
        pair.toServer()
        pair.server.finish(stream, with: .ended(Samples.end), into: &pair.serverEffects)
        pair.toClient()
        guard case .finished(stream, .failed(let error)) = pair.clientEffects.last else {
            Issue.record("\(pair.clientEffects)")
            return
        }
        #expect(error.code == .internal)
    }

    @Test("after go-away open streams finish, new ones are refused, and both sides close in order")
    func goAway() {
        var pair = ConnectionPair()
        pair.shakeHands()
        let open = pair.openQuery(Self.servers)
        pair.toServer()
        let crossing = pair.openWrite(WriteBatch())
        let reason = TypedError(.unavailable, "stopping")
        pair.server.leave(reason, into: &pair.serverEffects)
        pair.serverEffects = []
        pair.toServer()
        #expect(pair.takeServerEffects().isEmpty, "a request that crossed the notice is not looked at")
        pair.toClient()
        #expect(
            pair.takeClientEffects() == [
                .peerLeaving(reason), .finished(stream: crossing, completion: .failed(reason)),
            ])
        Self.error(.unavailable) { _ = try pair.client.openQuery(Self.servers, deadlineMilliseconds: 0, now: pair.now) }
        pair.server.finish(open, with: .ended(Samples.end), into: &pair.serverEffects)
        #expect(pair.takeServerEffects() == [.close(nil)])
        pair.toClient()
        #expect(pair.takeClientEffects() == [.finished(stream: open, completion: .ended(Samples.end)), .close(nil)])
    }

    @Test("a connection without streams closes as soon as either side leaves")
    func idleGoAway() {
        var pair = ConnectionPair()
        pair.shakeHands()
        pair.client.leave(TypedError(.unavailable, "stopping"), into: &pair.clientEffects)
        #expect(pair.takeClientEffects() == [.close(nil)])
        pair.toServer()
        #expect(pair.takeServerEffects().last == .close(nil))
    }
}
