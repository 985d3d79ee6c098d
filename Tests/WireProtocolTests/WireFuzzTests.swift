import ByteCoding
import Foundation
import MetricModel
import SeededRandom
import Testing
import WireProtocol

/// Mutated input for everything that reads a peer's bytes: `make fuzz` runs it for as long as asked, `make test` a fixed number of cases.
///
/// A case depends on the seed and the cases before it alone, so a run with the same seed meets the same failure.
@Suite("Fuzz: wire protocol")
struct WireFuzzTests {
    private static let casesMin = 20_000
    private static let seconds = Double(ProcessInfo.processInfo.environment["MURMUR_FUZZ_SECONDS"] ?? "") ?? 0

    /// Bodies of frames in the fuzzer's own short form (type, flags, stream, u16 length, payload): checksums are mended for it.
    private static let shortFrames: [[UInt8]] = {
        let prelude: [UInt8] = [0, 0, 0, 0, 0, 0, 32, 0]
        var frames: [(UInt8, UInt8, [UInt8])] = [
            (FrameType.write.rawValue, 1, prelude + .encoding(Samples.batch.encode)),
            (FrameType.write.rawValue, 1, prelude + .encoding(Samples.histogramBatch.encode)),
            (FrameType.seriesPage.rawValue, 3, .encoding(Samples.histogramPage.encode)),
            (FrameType.store.rawValue, 5, prelude + .encoding(Samples.storeCall.encode)),
            (FrameType.movement.rawValue, 7, prelude + .encoding(Samples.packet.encode)),
            (FrameType.stored.rawValue, 1, .encoding(Samples.storeAnswer.encode)),
            (FrameType.received.rawValue, 1, []),
            (FrameType.writeAcknowledgement.rawValue, 1, .encoding(Samples.acknowledgement.encode)),
            (FrameType.error.rawValue, 3, .encoding(Samples.error.encode)),
            (FrameType.selectEnd.rawValue, 3, .encoding(Samples.end.encode)),
            (FrameType.ping.rawValue, 0, [1, 2, 3, 4, 5, 6, 7, 8]), (FrameType.credit.rawValue, 3, [0, 0, 1, 0]),
            (FrameType.cancel.rawValue, 3, []), (FrameType.goAway.rawValue, 0, [10, 2, 8, 5, 16, 3]),
        ]
        for (query, type) in zip(Samples.queries, FrameType.requests) {
            frames.append((type.rawValue, UInt8(3 + 2 * frames.count), prelude + .encoding(query.encode)))
        }
        for (page, type) in zip(Samples.pages, FrameType.pages) {
            frames.append((type.rawValue, 3, .encoding(page.encode)))
        }
        return frames.map { type, stream, payload in
            [type, 0, stream, UInt8(truncatingIfNeeded: payload.count), UInt8(payload.count >> 8)] + payload
        }
    }()

    @Test("a connection takes any frames, sound or not", arguments: [0x5EED_0001, 0x5EED_0002] as [UInt64])
    func connections(_ seed: UInt64) {
        let (_, frames) = FrameTests.conversation()
        Self.run(seed: seed) { random in
            let sound = random.next() % 4 != 0
            var bytes: [UInt8] = sound ? [] : frames
            if sound {
                for _ in 0...random.next() % 6 {
                    bytes += Self.shortFrames[Int(random.next() % UInt64(Self.shortFrames.count))]
                }
            }
            Self.mutate(&bytes, &random)
            WireFuzzing.run([UInt8(random.next() % 4) + (sound ? 4 : 0)] + bytes)
        }
    }

    @Test("what a decoder takes it writes again, and reads the same", arguments: [0x5EED_0003] as [UInt64])
    func messages(_ seed: UInt64) {
        var count = 0
        Self.run(seed: seed) { random in
            count += 1
            let message = MessageCase.all[Int(random.next() % UInt64(MessageCase.all.count))]
            var bytes = message.bytes
            Self.mutate(&bytes, &random)
            guard let once = try? message.again(bytes) else { return }
            #expect((try? message.again(once)) == once, "\(message.name), seed \(seed), case \(count): \(bytes.hex)")
        }
    }

    private static func run(seed: UInt64, _ body: (inout SplitMix64) -> Void) {
        var random = SplitMix64(seed: seed)
        let end = ContinuousClock.now.advanced(by: .seconds(seconds / 3))
        var cases = 0
        while cases < casesMin || (cases % 1000 != 0 || ContinuousClock.now < end) {
            body(&random)
            cases += 1
        }
    }

    private static func mutate(_ bytes: inout [UInt8], _ random: inout SplitMix64) {
        for _ in 0..<random.next() % 5 where !bytes.isEmpty {
            let at = Int(random.next() % UInt64(bytes.count))
            switch random.next() % 6 {
            case 0: bytes[at] ^= 1 << UInt8(random.next() % 8)
            case 1: bytes[at] = UInt8(truncatingIfNeeded: random.next())
            case 2: bytes[at] = [0, 1, 0x7F, 0x80, 0xFF][Int(random.next() % 5)]
            case 3: bytes.removeSubrange(at..<min(bytes.count, at + Int(random.next() % 9)))
            case 4: bytes.insert(contentsOf: (0..<random.next() % 9).map { _ in 0xFF }, at: at)
            default: bytes += bytes[at..<min(bytes.count, at + 32)]
            }
        }
    }
}
