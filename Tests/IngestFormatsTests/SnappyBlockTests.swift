import IngestFormats
import SeededRandom
import Testing

@Suite("Snappy blocks")
struct SnappyBlockTests {
    @Test("what is packed unpacks to itself", arguments: [0, 1, 59, 60, 61, 64, 255, 256, 65_535, 65_536, 200_000])
    func roundTrip(_ length: Int) throws {
        var random = SplitMix64(seed: UInt64(length))
        let bytes = (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next() & 0x1F) }
        #expect(try SnappyBlock.decompress(SnappyBlock.compress(bytes), bytesMax: length) == bytes)
    }

    @Test("the declared length stands in the first bytes", arguments: [0, 1, 127, 128, 16_384, 3_000_000])
    func head(_ length: Int) throws {
        let block = SnappyBlock.compress([UInt8](repeating: 7, count: length))
        #expect(try SnappyBlock.declaredLength(of: Array(block.prefix(SnappyBlock.headBytesMax))) == length)
        #expect(throws: SnappyBlock.Failure.corrupt) { try SnappyBlock.declaredLength(of: []) }
    }

    @Test("a declared length over the limit is refused, whatever follows")
    func declared() {
        // 4 GiB - 1, and not a byte behind it.
        #expect(throws: SnappyBlock.Failure.tooLarge(declared: 0xFFFF_FFFF)) {
            try SnappyBlock.decompress([0xFF, 0xFF, 0xFF, 0xFF, 0x0F], bytesMax: 1 << 20)
        }
        #expect(throws: SnappyBlock.Failure.corrupt) {
            try SnappyBlock.decompress([0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F], bytesMax: .max)
        }
    }

    @Test("a damaged block is corrupt or other bytes of the declared length")
    func damaged() {
        let bytes = (0..<500).map { UInt8($0 % 7) }
        let block = SnappyBlock.compress(bytes)
        for length in 0..<block.count {
            #expect(throws: SnappyBlock.Failure.corrupt) {
                try SnappyBlock.decompress(Array(block[..<length]), bytesMax: 1 << 20)
            }
        }
        for bit in 0..<block.count * 8 {
            var flipped = block
            flipped[bit / 8] ^= 1 << UInt8(bit % 8)
            let result = try? SnappyBlock.decompress(flipped, bytesMax: 1 << 20)
            #expect((result?.count ?? 0) <= 1 << 20)
        }
    }
}
