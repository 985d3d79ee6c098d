import ByteCoding
import ChunkCoding
import SeededRandom
import Testing

@Suite struct HostileChunkTests {
    /// Decodes what may be anything: it must end in columns of equal length or in an error that leaves both as they were.
    @discardableResult
    private func survives(_ bytes: [UInt8]) -> Bool {
        var times: [Int64] = [1]
        var values: [Double] = [2]
        do {
            try ChunkDecoder.decode(bytes.rawSpan, timestamps: &times, values: &values)
            let header = try ChunkHeader(decoding: bytes.rawSpan)
            #expect(times.count == header.count + 1 && values.count == header.count + 1)
            #expect(zip(times.dropFirst(), times.dropFirst(2)).allSatisfy { $0 < $1 })
            #expect(times[1] == header.firstTime && times.last == header.lastTime)
            return true
        } catch {
            #expect(times == [1] && values == [2])
            return false
        }
    }

    private static let samples: [(Shape, Clock, Int)] = [
        (.walkOfTwoDecimals, .jittered, 100), (.counterWithResets, .pausing, 130), (.computedGauge, .regular, 70),
        (.staleInDecimals, .pausingJittered, 90), (.zeroOrOne, .anySteps, 66), (.constant, .regular, 9),
        (.nanPayloads, .pausing, 50),
        (.anyBits, .jittered, 65), (.slowSteps, .regular, 140), (.counter, .regular, 1),
    ]

    @Test("a chunk cut at any length is an error")
    func truncated() {
        for (shape, clock, count) in Self.samples {
            let bytes = encoded(clock.timestamps(count, seed: 3), shape.values(count, seed: 4))
            #expect(survives(bytes))
            for length in 0..<bytes.count { #expect(!survives(Array(bytes[..<length])), "\(shape) cut at \(length)") }
        }
    }

    @Test("a byte after the last sample is an error")
    func trailing() {
        for (shape, clock, count) in Self.samples {
            #expect(!survives(encoded(clock.timestamps(count, seed: 3), shape.values(count, seed: 4)) + [0]))
        }
    }

    @Test("no flipped bit traps, and what decodes still ascends from the header's first time to its last")
    func bitFlips() {
        for (shape, clock, count) in Self.samples {
            let bytes = encoded(clock.timestamps(count, seed: 3), shape.values(count, seed: 4))
            for bit in 0..<bytes.count * 8 {
                var damaged = bytes
                damaged[bit / 8] ^= 1 << UInt8(bit % 8)
                survives(damaged)
            }
        }
    }

    @Test("random bytes, alone and behind a sound start, never trap")
    func randomBytes() {
        var random = SplitMix64(seed: 11)
        for round in 0..<40_000 {
            let (shape, clock, count) = Self.samples[round % Self.samples.count]
            let sound = round % 2 == 0 ? [] : encoded(clock.timestamps(count, seed: 3), shape.values(count, seed: 4))
            var bytes = Array(sound.prefix(Int.random(in: 0...20, using: &random)))
            if bytes.isEmpty {
                bytes = [1, UInt8.random(in: 0..<3, using: &random) | UInt8.random(in: 0..<3, using: &random) << 4]
            }
            for _ in 0..<Int.random(in: 0..<60, using: &random) {
                bytes.append(UInt8.random(in: 0...255, using: &random))
            }
            survives(bytes)
        }
    }

    @Test("another version, codec or count is named in the error")
    func refusals() {
        var bytes = encoded([1, 2, 3], [1, 2, 4])
        func error(_ bytes: [UInt8]) -> ChunkError? {
            do throws(ChunkError) {
                _ = try ChunkHeader(decoding: bytes.rawSpan)
                return nil
            } catch { return error }
        }
        #expect(error(bytes) == nil)
        bytes[0] = 2
        #expect(error(bytes)?.code == .unknownVersion)
        #expect(error(bytes)?.description == "chunk version 2 is not known (this program reads 1)")
        bytes[0] = 1
        bytes[1] = 0x40
        #expect(error(bytes)?.code == .unknownCodec)
        #expect(error([1, 0, 0, 0, 0])?.code == .badCount)
        #expect(error([1, 0, 0x80, 0x80, 0x04, 0, 0])?.code == .badCount)
        #expect(error([1, 0, 2, 0, 0])?.code == .badTimes)
        #expect(error([1, 0, 1, 0, 5])?.code == .badTimes)
        #expect(error([])?.code == .truncated)
    }
}
