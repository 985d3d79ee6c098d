import ByteCoding
import MetricModel
import Testing
import WireProtocol

@Suite("Deadlines, cancellation, keep-alive")
struct TimerTests {
    static let names = ConnectionTests.names
    static let late = TypedError(.deadlineExceeded, "the deadline passed")

    @Test("a deadline ends the stream on both sides, each by its own clock, and no answer comes later")
    func deadline() {
        var pair = ConnectionPair()
        pair.shakeHands()
        let stream = pair.openWrite(WriteBatch(), deadline: 500)
        #expect(pair.client.nextTimer == MonotonicInstant(milliseconds: 1_500))
        pair.toServer()
        pair.serverEffects = []
        let expiry = MonotonicInstant(milliseconds: 1_500)
        pair.client.timer(now: MonotonicInstant(milliseconds: 1_499), into: &pair.clientEffects)
        #expect(pair.clientEffects.isEmpty)
        pair.client.timer(now: expiry, into: &pair.clientEffects)
        #expect(pair.takeClientEffects() == [.finished(stream: stream, completion: .failed(Self.late))])
        #expect(pair.client.streamCount == 1, "it counts until the peer has ended it, too")
        pair.server.timer(now: expiry, into: &pair.serverEffects)
        #expect(pair.takeServerEffects() == [.stopped(stream: stream, error: Self.late)])
        pair.server.finish(stream, with: .written(WriteAcknowledgement(generation: 1)), into: &pair.serverEffects)
        pair.toServer()
        #expect(pair.serverEffects.isEmpty, "the cancellation crossed the end and means nothing")
        pair.toClient()
        #expect(pair.takeClientEffects().isEmpty)
        #expect(pair.client.streamCount == 0 && pair.server.streamCount == 0)
        #expect(pair.client.statistics.deadlinesExceeded == 1 && pair.server.statistics.deadlinesExceeded == 1)
    }

    @Test("only streams whose time has come end; the timer then stands at the next one")
    func severalDeadlines() {
        var pair = ConnectionPair()
        pair.shakeHands()
        let streams = [300, 100, 200, 0].map { pair.openWrite(WriteBatch(), deadline: $0) }
        pair.client.timer(now: MonotonicInstant(milliseconds: 1_200), into: &pair.clientEffects)
        let ended = pair.takeClientEffects().compactMap { effect -> StreamID? in
            if case .finished(let stream, _) = effect { stream } else { nil }
        }
        #expect(ended == [streams[1], streams[2]])
        #expect(pair.client.nextTimer == MonotonicInstant(milliseconds: 1_300))
    }

    @Test("a cancelled stream stops the producer and is over once the peer has ended it")
    func cancellation() {
        var pair = ConnectionPair()
        pair.shakeHands()
        let stream = pair.openQuery(Self.names)
        pair.toServer()
        while pair.server.send(FlowControlTests.page(1_000_000), on: stream) == .sent {}
        pair.serverEffects = []
        pair.client.cancel(stream)
        pair.client.cancel(stream)
        pair.toClient()
        #expect(pair.takeClientEffects().isEmpty, "pages that were under way are dropped")
        pair.toServer()
        guard case .stopped(stream, let error) = pair.serverEffects.first else {
            Issue.record("\(pair.serverEffects)")
            return
        }
        #expect(error.code == .cancelled)
        #expect(pair.server.send(FlowControlTests.page(10), on: stream) == .gone)
        pair.toClient()
        #expect(pair.takeClientEffects().isEmpty)
        #expect(pair.client.streamCount == 0 && pair.server.streamCount == 0)
        #expect(pair.client.phase == .open && pair.server.phase == .open)
    }

    @Test("cancelling a stream that never was closes the connection")
    func strangeCancel() {
        var pair = ConnectionPair()
        pair.shakeHands()
        let frame = [UInt8].encoding { $0.appendFrame(FrameType.cancel.rawValue, stream: 9) { _ in } }
        _ = pair.serverReceives(frame)
        #expect(pair.server.phase == .closed)
    }

    @Test("silence brings a ping, its answer is a sign of life, and a silent peer is given up")
    func keepAlive() {
        var pair = ConnectionPair()
        pair.shakeHands()
        #expect(pair.client.nextTimer == MonotonicInstant(milliseconds: 11_000))
        pair.now = MonotonicInstant(milliseconds: 11_000)
        pair.client.timer(now: pair.now, into: &pair.clientEffects)
        #expect(pair.client.output.count == FrameHeader.size + 8)
        #expect(pair.client.nextTimer == MonotonicInstant(milliseconds: 31_000))
        pair.client.timer(now: pair.now, into: &pair.clientEffects)
        #expect(pair.client.output.count == FrameHeader.size + 8, "one ping is enough")
        pair.toServer()
        pair.toClient()
        #expect(pair.client.nextTimer == MonotonicInstant(milliseconds: 21_000))
        let stream = pair.openWrite(WriteBatch())
        pair.client.timer(now: MonotonicInstant(milliseconds: 21_000), into: &pair.clientEffects)
        pair.client.timer(now: MonotonicInstant(milliseconds: 41_000), into: &pair.clientEffects)
        #expect(pair.client.phase == .closed)
        guard case .finished(stream, .failed(let error)) = pair.clientEffects.first else { return }
        #expect(error.code == .unavailable)
    }

    @Test("a pong comes back with the ping's bytes")
    func pong() {
        var pair = ConnectionPair()
        pair.shakeHands()
        let token: [UInt8] = [9, 8, 7, 6, 5, 4, 3, 2]
        let ping = [UInt8].encoding { $0.appendFrame(FrameType.ping.rawValue, stream: 0) { $0 += token } }
        let pong = [UInt8].encoding { $0.appendFrame(FrameType.pong.rawValue, stream: 0) { $0 += token } }
        _ = pair.serverReceives(ping)
        #expect(pair.server.output == pong)
        let short = [UInt8].encoding { $0.appendFrame(FrameType.ping.rawValue, stream: 0) { $0 += [1] } }
        _ = pair.serverReceives(short)
        #expect(pair.server.phase == .closed)
    }
}
