import ByteCoding
import MetricModel
import SeededRandom
import Testing
import WireProtocol

@Suite("Frames")
struct FrameTests {
    static let start = MonotonicInstant(milliseconds: 1_000)

    /// A server that has shaken hands, and the frames of some requests.
    static func conversation() -> (server: Connection, bytes: [UInt8]) {
        var pair = ConnectionPair()
        pair.shakeHands()
        pair.openWrite(Samples.batch)
        for query in Samples.queries { pair.openQuery(query) }
        return (pair.server, pair.client.output)
    }

    @Test(
        "frames arrive alike as a whole, byte by byte, and in pieces of any size",
        arguments: [1, 2, 3, 7, 19, 20, 21, 64, 1_000_000])
    func pieces(_ size: Int) {
        var (server, bytes) = Self.conversation()
        var effects: [ConnectionEffect] = []
        var unread: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: size) {
            unread += bytes[start..<min(start + size, bytes.count)]
            unread.removeFirst(server.receive(unread.rawSpan, now: Self.start, into: &effects))
        }
        #expect(unread.isEmpty)
        #expect(effects.count == 1 + Samples.queries.count)
        #expect(effects.first == .write(stream: StreamID(number: 1), batch: Samples.batch))
        for (index, query) in Samples.queries.enumerated() {
            #expect(effects[index + 1] == .query(stream: StreamID(number: UInt32(2 * index + 3)), request: query))
        }
    }

    @Test("a frame that is cut anywhere waits for the rest and does nothing")
    func truncation() {
        let (server, bytes) = Self.conversation()
        let frame = FrameHeader.size + 8 + [UInt8].encoding(Samples.batch.encode).count
        for length in 0..<frame {
            var server = server
            var effects: [ConnectionEffect] = []
            let consumed = server.receive(bytes.rawSpan.extracting(0..<length), now: Self.start, into: &effects)
            #expect(consumed == 0 && effects.isEmpty, "\(length) of \(frame) bytes")
        }
    }

    @Test("a frame with any one bit flipped is never taken for another, and closes its connection or waits")
    func flippedBits() {
        let (server, bytes) = Self.conversation()
        let frame = FrameHeader.size + 8 + [UInt8].encoding(Samples.batch.encode).count
        for bit in 0..<frame * 8 {
            var damaged = bytes
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            var server = server
            var effects: [ConnectionEffect] = []
            _ = server.receive(damaged.rawSpan, now: Self.start, into: &effects)
            guard effects.isEmpty else {
                guard effects.count == 1, case .close(.some) = effects.first else {
                    Issue.record("bit \(bit) led to \(effects)")
                    continue
                }
                #expect(server.phase == .closed)
                #expect(server.statistics.badFrames == 1)
                continue
            }
            // Only a greater length may wait: its frame is not there yet.
            #expect((12..<16).contains(bit / 8), "bit \(bit) was taken")
        }
    }

    @Test("a length beyond the type's limit is refused from the header alone", arguments: FrameType.allCases)
    func hostileLength(_ type: FrameType) {
        let limit = FrameHeader.payloadBytesMax(type: type.rawValue)
        for length in [UInt32(limit + 1), UInt32.max] {
            var bytes = [UInt8].encoding { $0.appendFrame(type.rawValue, stream: 1) { _ in } }
            bytes.replace(at: 12, littleEndian: length)
            let error = #expect(throws: WireError.self) { try FrameHeader.read(bytes.rawSpan) }
            #expect(error?.code == .payloadTooLarge)
            #expect(error?.expected == UInt64(limit))
        }
    }

    @Test("magic and version are checked before the length is believed")
    func foreignBytes() {
        let request = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
        #expect(throws: WireError.self) { try FrameHeader.read(request.rawSpan) }
        var bytes = [UInt8].encoding {
            $0.appendFrame(FrameType.ping.rawValue, stream: 0) { $0 += [1, 2, 3, 4, 5, 6, 7, 8] }
        }
        bytes[4] = 2
        let error = #expect(throws: WireError.self) { try FrameHeader.read(bytes.rawSpan) }
        #expect(error?.code == .unsupportedVersion)
    }

    @Test("flags that must be known are refused, the others are passed over")
    func flags() {
        for bit in 0..<16 {
            var pair = ConnectionPair()
            pair.shakeHands()
            let flags = UInt16(1) << UInt16(bit)
            let ping = [UInt8].encoding {
                $0.appendFrame(FrameType.ping.rawValue, flags: flags, stream: 0) { $0 += Array(0..<8) }
            }
            let effects = pair.serverReceives(ping)
            #expect(pair.server.phase == (bit == 0 || bit > 7 ? .open : .closed), "flag bit \(bit)")
            #expect(effects.isEmpty == (bit == 0 || bit > 7))
        }
    }

    @Test("a type of a later version is skipped where its sender allows it, refused where not")
    func unknownTypes() {
        for type in UInt8.min...UInt8.max where FrameType(rawValue: type) == nil {
            for mayIgnore in [true, false] {
                var pair = ConnectionPair()
                pair.shakeHands()
                let kind = FrameClass(type: type)
                let stream: UInt32 = kind == .connection || kind == .reserved ? 0 : 1
                let frame = [UInt8].encoding {
                    $0.appendFrame(type, flags: mayIgnore ? FrameHeader.mayIgnore : 0, stream: stream) {
                        $0 += [1, 2, 3]
                    }
                }
                let effects = pair.serverReceives(frame)
                switch kind {
                case .request:
                    // Refused on its stream, whatever the flag: somebody waits for an answer.
                    #expect(effects.isEmpty && pair.server.phase == .open && !pair.server.output.isEmpty)
                case .connection, .streamControl, .reserved:
                    #expect(pair.server.phase == (mayIgnore ? .open : .closed), "type \(type)")
                case .page, .end:
                    #expect(pair.server.phase == .closed, "type \(type)")
                }
            }
        }
    }

    @Test("the fuzzer's entry takes anything")
    func fuzzEntry() {
        var random = SplitMix64(seed: 11)
        let (_, frames) = Self.conversation()
        for round in 0..<20_000 {
            var bytes = [UInt8(truncatingIfNeeded: random.next() % 40)]
            if round % 2 == 0 {
                bytes += (0..<Int(random.next() % 200)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            } else {
                var damaged = frames
                for _ in 0..<Int(random.next() % 4) {
                    damaged[Int(random.next() % UInt64(damaged.count))] = UInt8(truncatingIfNeeded: random.next())
                }
                bytes += damaged
            }
            WireFuzzing.run(bytes)
        }
    }
}
