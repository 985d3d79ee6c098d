import ByteCoding
import MetricModel
import SeededRandom
import SeriesEngine
import Testing

@Suite("Slot blocks")
struct BlockTests {
    private static let time: Int64 = 1_700_000_000_000

    private static func sealed() throws -> [EncodedSlotBlock] {
        var store = MemoryStore()
        let entry = MetricMetadata(metric: "cpu", type: "gauge", unit: "%", help: "busy")
        let tenant = try TenantID(validating: "other")
        var samples: [(SeriesDefinition, Int64, Double)] = []
        for second in 0..<150 {
            for mode in ["idle", "user"] {
                let series = try definition(["__name__": "cpu", "instance": "web-1", "mode": mode])
                samples.append((series, time + Int64(second) * 1000, Double(second % 7) / 4))
            }
        }
        samples.append((try definition(["__name__": "cpu", "instance": "web-1"], tenant: "other"), time, .nan))
        _ = store.append(
            batch(
                samples,
                metadata: [
                    TenantMetadata(tenant: .default, metadata: entry), TenantMetadata(tenant: tenant, metadata: entry),
                ]), now: time)
        store.rotate()
        let head = store.engine.beginSeal()
        return try head.rowsBySlot().map { try head.encodeSlot($0.slot, rows: $0.rows) }
    }

    @Test("a block says what it holds, and equal heads give equal bytes")
    func roundTrip() throws {
        let blocks = try Self.sealed()
        #expect(try blocks.map(\.bytes) == Self.sealed().map(\.bytes))
        #expect(blocks.count == 2)
        for block in blocks {
            let index = try SlotIndex(decoding: block.bytes.rawSpan)
            #expect(index.header == block.header)
            #expect(index.header.length == block.bytes.count)
            #expect(index.servers.map(\.summary.id) == ["web-1"])
            #expect(index.metadata.map(\.metadata.metric) == ["cpu"])
            #expect(index.seriesCount == index.header.seriesCount)
        }
        #expect(blocks.map(\.header.sampleCount).sorted() == [1, 300])
    }

    @Test("a block cut at any byte is an error")
    func truncatedAnywhere() throws {
        for block in try Self.sealed() {
            for length in 0..<block.bytes.count {
                #expect(throws: BlockError.self) { try Self.verify(Array(block.bytes.prefix(length))) }
            }
        }
    }

    @Test("a flipped bit anywhere is an error")
    func flippedAnywhere() throws {
        for block in try Self.sealed() {
            for bit in 0..<block.bytes.count * 8 {
                var bytes = block.bytes
                bytes[bit / 8] ^= 1 << UInt8(bit % 8)
                #expect(throws: BlockError.self, "bit \(bit)") { try Self.verify(bytes) }
            }
        }
    }

    @Test("an unknown version is refused by its number, one that does not fit the header's checksum as damage")
    func unknownVersion() throws {
        var bytes = try Self.sealed()[0].bytes
        bytes[4] = 9
        let damaged = #expect(throws: BlockError.self) { try Self.verify(bytes) }
        #expect(damaged?.code == .badChecksum)
        let end = SlotBlockHeader.size - 4
        var checksum: [UInt8] = []
        checksum.append(littleEndian: CRC32C.of(bytes.rawSpan.extracting(0..<end)))
        bytes.replaceSubrange(end..<end + 4, with: checksum)
        #expect(throws: BlockError(.unknownVersion, offset: 4, found: 9, context: "slot block")) {
            try Self.verify(bytes)
        }
    }

    @Test("an index with hostile numbers and a good checksum is an error, not a trap")
    func hostileIndex() throws {
        let block = try Self.sealed()[0]
        var random = SplitMix64(seed: 11)
        for _ in 0..<3000 {
            var bytes = block.bytes
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let place = Int.random(in: SlotBlockHeader.size..<block.header.dataOffset, using: &random)
                bytes[place] = UInt8.random(in: 0...255, using: &random)
            }
            let index = Array(bytes[SlotBlockHeader.size..<block.header.dataOffset])
            bytes.replace(at: 44, littleEndian: CRC32C.of(index.rawSpan))
            let header = Array(bytes[..<52])
            bytes.replace(at: 52, littleEndian: CRC32C.of(header.rawSpan))
            do throws(BlockError) {
                let found = try SlotIndex(decoding: bytes.rawSpan)
                let data = bytes.rawSpan.extracting(block.header.dataOffset..<bytes.count)
                let all = SeriesSelection(tenant: .default, matchers: [], start: .min, end: .max)
                for series in found.matching(all) {
                    var run = SampleRun()
                    try found.merge(series: series, data: data, into: &run, start: .min, end: .max)
                }
            } catch {
                #expect(!error.description.isEmpty)
            }
        }
    }

    @Test("the digest is that of the samples, whatever the order of arrival and the chunks")
    func digestIgnoresOrder() throws {
        var random = SplitMix64(seed: 4)
        let series = try definition(["__name__": "cpu", "instance": "a"])
        let samples = (0..<500).map { (series, Self.time + Int64($0) * 1000, Double($0 % 13)) }
        var digests: Set<XXH3.Hash128> = []
        for round in 0..<3 {
            var store = MemoryStore()
            for sample in round == 0 ? samples : samples.shuffled(using: &random) {
                _ = store.append(batch([sample]), now: Self.time)
            }
            store.rotate()
            let head = store.engine.beginSeal()
            let (slot, rows) = head.rowsBySlot()[0]
            let bytes = try head.encodeSlot(slot, rows: rows).bytes
            let index = try SlotIndex(decoding: bytes.rawSpan)
            digests.insert(try index.digest(data: bytes.rawSpan.extracting(index.header.dataOffset..<bytes.count)))
        }
        #expect(digests.count == 1)
    }

    @Test("a directory cut or flipped anywhere is an error")
    func directory() throws {
        let header = try Self.sealed()[0].header
        let directory = BlockDirectory(
            coversSegmentsBefore: 4, createdAt: Self.time,
            entries: [BlockDirectoryEntry(header, offset: BlockDirectory.headerSize)])
        let bytes = directory.encoded()
        let size = BlockDirectory.headerSize + header.length + bytes.count
        #expect(try BlockDirectory(decoding: bytes.rawSpan, fileSize: size) == directory)
        for length in 0..<bytes.count {
            let part = Array(bytes.prefix(length))
            #expect(throws: BlockError.self) { try BlockDirectory(decoding: part.rawSpan, fileSize: size) }
        }
        for bit in 0..<bytes.count * 8 {
            var damaged = bytes
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            // Three reserved bytes of the trailer say nothing.
            if (bytes.count - 7..<bytes.count - 4).contains(bit / 8) { continue }
            #expect(throws: BlockError.self, "bit \(bit)") {
                try BlockDirectory(decoding: damaged.rawSpan, fileSize: size)
            }
        }
    }

    @Test("golden bytes: docs/formats/block.md shows the same")
    func goldenBytes() throws {
        var store = MemoryStore()
        let cpu = SeriesDefinition(
            tenant: .default, labels: try Labels([Label("__name__", "cpu")]),
            placement: PlacementKey(hash: 0x0102_0304, labelIndex: 255))
        _ = store.append(batch([(cpu, Self.time, 1), (cpu, Self.time + 1000, 1)]), now: Self.time)
        store.rotate()
        let head = store.engine.beginSeal()
        let (slot, rows) = head.rowsBySlot()[0]
        let block = try head.encodeSlot(slot, rows: rows)
        #expect(hex(block.bytes) == BlockFixture.slotBlock)
        let directory = BlockDirectory(
            coversSegmentsBefore: 2, createdAt: Self.time, entries: [BlockDirectoryEntry(block.header, offset: 8)])
        #expect(hex(directory.encoded()) == BlockFixture.directory)
    }

    private static func verify(_ bytes: [UInt8]) throws {
        let index = try SlotIndex(decoding: bytes.rawSpan)
        try index.verify(data: bytes.rawSpan.extracting(index.header.dataOffset..<bytes.count))
    }
}
