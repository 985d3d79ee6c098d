import ByteCoding
import MetricModel
import SeededRandom
import Testing
import WireProtocol

@Suite("Flow control")
struct FlowControlTests {
    /// A page of about `bytes` bytes.
    static func page(_ bytes: Int) -> QueryPage {
        .strings(StringPage(values: [String(repeating: "x", count: bytes)]))
    }

    /// A page of `count` samples of 16 bytes: cheap to make and to read.
    static func samples(_ count: Int) -> QueryPage {
        let timestamps = (0..<count).map { Int64($0) << 33 }
        let values = [Double](repeating: 1, count: count)
        return .series(
            SeriesPage(series: [SeriesColumns(labels: Samples.up, timestamps: timestamps, values: values)]))
    }

    static let names = ConnectionTests.names

    @Test("pages stop when the credit is used up, and go on when the consumer has taken some")
    func creditStopsThePages() {
        var limits = ConnectionLimits()
        limits.creditBytes = 2 << 20
        var pair = ConnectionPair(clientLimits: limits)
        pair.shakeHands()
        let stream = pair.openQuery(Self.names)
        pair.toServer()
        var sent = 0
        while pair.server.send(Self.page(1_000_000), on: stream) == .sent {
            sent += 1
            pair.toClient()
        }
        #expect(sent == 2, "two pages fit in the credit, the third waits")
        let pages = pair.takeClientEffects()
        #expect(pages.count == 2)
        guard case .page(_, _, let bytes) = pages[0] else { return }
        pair.serverEffects = []
        pair.client.consumed(bytes, on: stream)
        pair.toServer()
        #expect(pair.serverEffects.isEmpty, "less than half of the window is not granted again yet")
        pair.client.consumed(bytes, on: stream)
        pair.toServer()
        #expect(pair.takeServerEffects() == [.pageSent(stream: stream)])
        pair.toClient()
        #expect(pair.takeClientEffects().count == 1)
    }

    @Test("a peer that sends more than was granted is at fault")
    func creditExceeded() {
        var pair = ConnectionPair()
        pair.shakeHands()
        let stream = pair.openQuery(Self.names)
        let frame = [UInt8].encoding {
            $0.appendFrame(FrameType.stringPage.rawValue, stream: stream.number) {
                Self.page(1_000_000).encode(into: &$0)
            }
        }
        var received = 0
        while pair.client.phase == .open, received < 100 {
            received += 1
            _ = pair.clientReceives(frame)
        }
        #expect(received == 5, "four pages of 1 MB fit in 4 MiB, the fifth does not")
    }

    @Test("whatever sizes, orders and delays come, no stream ever has more under way than was granted")
    func neverExceeded() {
        let query = Samples.queries[0]
        for seed in 1...12 {
            var random = SplitMix64(seed: UInt64(seed))
            var limits = ConnectionLimits()
            limits.creditBytes = 2 << 20
            limits.outputBytesMax = 1 << 20
            var pair = ConnectionPair(clientLimits: limits, serverLimits: limits)
            pair.shakeHands()
            let streams = (0..<5).map { _ in pair.openQuery(query) }
            pair.toServer()
            var underWay: [StreamID: Int] = [:]
            var unconsumed: [(StreamID, Int)] = []
            var waiting: Set<StreamID> = []
            var delivered = 0
            for _ in 0..<300 {
                let stream = streams[Int(random.next() % 5)]
                switch random.next() % 5 {
                case 0, 1:
                    if waiting.contains(stream) { continue }
                    let outcome = pair.server.send(Self.samples(Int(random.next() % 62_500)), on: stream)
                    if outcome == .waiting { waiting.insert(stream) }
                case 2: pair.toClient()
                case 3:
                    if !unconsumed.isEmpty {
                        let (stream, bytes) = unconsumed.removeFirst()
                        underWay[stream, default: 0] -= bytes
                        pair.client.consumed(bytes, on: stream)
                    }
                default: pair.toServer()
                }
                #expect(pair.server.output.count <= limits.outputBytesMax + WireLimits.pagePayloadBytesMax + 1000)
                for effect in pair.takeServerEffects() {
                    if case .pageSent(let stream) = effect { waiting.remove(stream) }
                }
                for effect in pair.takeClientEffects() {
                    guard case .page(let stream, _, let bytes) = effect else { continue }
                    delivered += 1
                    underWay[stream, default: 0] += bytes
                    unconsumed.append((stream, bytes))
                    #expect(underWay[stream, default: 0] <= limits.creditBytes)
                }
            }
            #expect(pair.client.phase == .open && pair.server.phase == .open)
            #expect(delivered > 10)
        }
    }

    @Test("while the socket takes no more, pages wait in their streams; they leave when it does")
    func unwritable() {
        var pair = ConnectionPair()
        pair.shakeHands()
        let streams = (0..<3).map { _ in pair.openQuery(Self.names) }
        pair.toServer()
        pair.serverEffects = []
        pair.server.writabilityChanged(false, into: &pair.serverEffects)
        for stream in streams { #expect(pair.server.send(Self.page(100), on: stream) == .waiting) }
        #expect(pair.server.output.isEmpty)
        pair.server.writabilityChanged(true, into: &pair.serverEffects)
        #expect(pair.takeServerEffects() == streams.map { .pageSent(stream: $0) }, "the longest waiting first")
        pair.toClient()
        #expect(pair.takeClientEffects().count == 3)
    }

    @Test("the end needs no credit")
    func endWithoutCredit() {
        var pair = ConnectionPair()
        pair.shakeHands()
        let stream = pair.openQuery(Self.names)
        pair.toServer()
        while pair.server.send(Self.page(1_000_000), on: stream) == .sent {}
        pair.server.finish(stream, with: .failed(Samples.error), into: &pair.serverEffects)
        pair.toClient()
        #expect(pair.takeClientEffects().last == .finished(stream: stream, completion: .failed(Samples.error)))
        #expect(pair.server.send(Self.page(1), on: stream) == .gone)
    }

    @Test("a page beyond a frame's limit is refused and leaves the stream as it was")
    func tooLargePage() {
        var pair = ConnectionPair()
        pair.shakeHands()
        let stream = pair.openQuery(Self.names)
        pair.toServer()
        #expect(pair.server.send(Self.page(WireLimits.pagePayloadBytesMax), on: stream) == .tooLarge)
        #expect(pair.server.output.isEmpty)
        #expect(pair.server.send(Self.page(10), on: stream) == .sent)
    }

    @Test("credit beyond 32 bits is refused; credit for a stream that is over means nothing")
    func hostileCredit() {
        func credit(_ stream: UInt32, _ bytes: UInt32) -> [UInt8] {
            .encoding { $0.appendFrame(FrameType.credit.rawValue, stream: stream) { $0.append(littleEndian: bytes) } }
        }
        var pair = ConnectionPair()
        pair.shakeHands()
        let stream = pair.openQuery(Self.names)
        pair.toServer()
        pair.server.finish(stream, with: .ended(Samples.end), into: &pair.serverEffects)
        _ = pair.serverReceives(credit(stream.number, .max))
        #expect(pair.server.phase == .open)
        _ = pair.serverReceives(credit(stream.number + 2, 1))
        #expect(pair.server.phase == .closed, "a stream that never was")

        var other = ConnectionPair()
        other.shakeHands()
        let open = other.openQuery(Self.names)
        other.toServer()
        _ = other.serverReceives(credit(open.number, .max))
        #expect(other.server.phase == .closed)
    }

    @Test("an unknown page that may be skipped gives its credit back by itself")
    func skippedPages() {
        var pair = ConnectionPair()
        pair.shakeHands()
        let stream = pair.openQuery(Self.names)
        pair.toServer()
        let frame = [UInt8].encoding {
            $0.appendFrame(0x7F, flags: FrameHeader.mayIgnore, stream: stream.number) {
                $0 += Array(repeating: 0, count: 1 << 20)
            }
        }
        for _ in 0..<20 {
            #expect(pair.clientReceives(frame).isEmpty)
            pair.toServer()
        }
        #expect(pair.client.phase == .open && pair.server.phase == .open)
    }
}
