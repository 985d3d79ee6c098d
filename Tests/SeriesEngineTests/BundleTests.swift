import ByteCoding
import MetricModel
import SeededRandom
import SeriesEngine
import Testing

@Suite("Bundles of samples")
struct BundleTests {
    private static let time: Int64 = 1_700_000_000_000

    private static func sample() throws -> SampleBundle {
        let payload = Double(bitPattern: 0x7FF8_0000_0000_1234)
        return SampleBundle(series: [
            SampleBundle.Series(
                definition: try definition(["__name__": "cpu", "instance": "web-1"]),
                timestamps: (0..<600).map { time + 1000 * $0 },
                values: (0..<600).map { $0 == 7 ? payload : $0 == 9 ? StaleMarker.value : Double($0) / 4 }),
            SampleBundle.Series(
                definition: try definition(["__name__": "disk"], tenant: "other"), timestamps: [.min, -5, .max],
                values: [-0.0, .infinity, 3]),
        ])
    }

    @Test("what is written is read, every bit of it")
    func roundTrip() throws {
        let bundle = try Self.sample()
        let bytes = bundle.encoded
        #expect(try SampleBundle(decoding: bytes.rawSpan) == bundle)
        let empty = SampleBundle().encoded
        #expect(try SampleBundle(decoding: empty.rawSpan) == SampleBundle())
    }

    @Test("parts that are added from new to old come out from old to new")
    func partsFromNewToOld() throws {
        let cpu = try definition(["__name__": "cpu"])
        var writer = BundleWriter()
        for start in stride(from: Int64(900), through: 0, by: -100) {
            let times = (0..<100).map { start + $0 }
            writer.addOlder(
                cpu, fingerprint: cpu.fingerprint, timestamps: times[...], values: times.map { Double($0) }[...])
        }
        let bytes = writer.finish()
        let read = try SampleBundle(decoding: bytes.rawSpan)
        #expect(read.series.map(\.timestamps) == [Array(0..<1000)])
    }

    @Test("a series that comes again with newer samples is there twice")
    func seriesTwice() throws {
        let cpu = try definition(["__name__": "cpu"])
        let bundle = SampleBundle(series: [
            .init(definition: cpu, timestamps: [1, 2], values: [1, 2]),
            .init(definition: cpu, timestamps: [2, 3], values: [9, 3]),
        ])
        let bytes = bundle.encoded
        #expect(try SampleBundle(decoding: bytes.rawSpan) == bundle)
    }

    @Test("a bundle cut anywhere is refused")
    func truncated() throws {
        let bytes = try Self.sample().encoded
        for length in 0..<bytes.count {
            let part = Array(bytes.prefix(length))
            #expect(throws: BlockError.self, "cut at \(length)") { _ = try SampleBundle(decoding: part.rawSpan) }
        }
    }

    @Test("a flipped bit anywhere is refused or gives well-formed samples; the checksum is around the bundle")
    func flipped() throws {
        let bytes = try Self.sample().encoded
        for bit in 0..<bytes.count * 8 {
            var damaged = bytes
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            guard let read = try? SampleBundle(decoding: damaged.rawSpan) else { continue }
            for series in read.series {
                #expect(series.timestamps.count == series.values.count)
                #expect(zip(series.timestamps, series.timestamps.dropFirst()).allSatisfy { $0 < $1 })
            }
        }
    }

    @Test("bytes that nobody wrote never trap", arguments: UInt64(1)...UInt64(20))
    func random(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let template = try Self.sample().encoded
        for _ in 0..<200 {
            var bytes = Array(template.prefix(Int.random(in: 1...template.count, using: &random)))
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            let read = try? SampleBundle(decoding: bytes.rawSpan)
            #expect((read?.sampleCount ?? 0) <= BundleWriter.samplesMax)
        }
    }

    @Test("few bytes that claim more samples than bundle_samples_max are refused")
    func tooManySamples() throws {
        let cpu = try definition(["__name__": "cpu"])
        let times = (0..<256).map { Self.time + 1000 * $0 }
        var writer = BundleWriter()
        for round in 0...Int64(BundleWriter.samplesMax / 256) {
            let older = times.map { $0 - round * 256_000 }
            writer.addOlder(
                cpu, fingerprint: cpu.fingerprint, timestamps: older[...], values: older.map { _ in 1 }[...])
        }
        let bytes = writer.finish()
        #expect(throws: BlockError.self) { _ = try SampleBundle(decoding: bytes.rawSpan) }
    }

    @Test("an unknown version is refused by its number")
    func unknownVersion() throws {
        var bytes = try Self.sample().encoded
        bytes[0] = 3
        #expect(throws: BlockError(.unknownVersion, offset: 0, found: 3, context: "bundle")) {
            _ = try SampleBundle(decoding: bytes.rawSpan)
        }
    }

    @Test("golden bytes: docs/formats/bundle.md shows the same")
    func goldenBytes() throws {
        let cpu = SeriesDefinition(
            tenant: .default, labels: try Labels([Label("__name__", "cpu")]),
            placement: PlacementKey(hash: 0x0102_0304, labelIndex: 255))
        let bundle = SampleBundle(series: [
            .init(definition: cpu, timestamps: [Self.time, Self.time + 1000], values: [1, 1])
        ])
        #expect(hex(bundle.encoded) == BundleFixture.bundle)
    }

    @Test("a mark of dropped slots is read as it was written, and refused when damaged")
    func dropMask() throws {
        var mask = DropMask()
        mask.add(DroppedSlots(slots: [3, 700], throughBlock: 5))
        mask.add(DroppedSlots(slots: [700], throughBlock: 9))
        #expect(try DropMask(decoding: mask.encoded) == mask)
        #expect(mask.hides(3, inFile: 5) && !mask.hides(3, inFile: 6) && mask.hides(700, inFile: 9))
        #expect(hex(mask.encoded) == BundleFixture.mask)
        for bit in 0..<mask.encoded.count * 8 {
            var bytes = mask.encoded
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(throws: BlockError.self) { _ = try DropMask(decoding: bytes) }
        }
        mask.forget(before: 6)
        #expect(!mask.hides(3, inFile: 5) && mask.hides(700, inFile: 9))
    }
}
