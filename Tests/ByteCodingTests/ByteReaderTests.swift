import ByteCoding
import Testing

@Suite("Byte reader and writer")
struct ByteReaderTests {
    @Test(
        "a varint reads back at the edges of every width",
        arguments: (0..<64).flatMap { shift in
            [UInt64(1) << shift, (UInt64(1) << shift) &- 1, (UInt64(1) << shift) | 1]
        }
            + [0, .max])
    func varintRoundTrip(value: UInt64) throws {
        var bytes: [UInt8] = []
        bytes.append(varint: value)
        var reader = ByteReader(bytes.rawSpan)
        let value1 = try reader.readVarint()
        #expect(value1 == value)
        #expect(reader.remaining == 0)
        for length in 0..<bytes.count {
            let part = Array(bytes[..<length])
            var cut = ByteReader(part.rawSpan)
            #expect(throws: ByteError.self) { try cut.readVarint() }
            #expect(cut.offset == 0)
        }
    }

    @Test("a zigzag reads back", arguments: [0, -1, 1, 63, -64, 64, .max, .min] as [Int64])
    func zigzagRoundTrip(value: Int64) throws {
        var bytes: [UInt8] = []
        bytes.append(zigzag: value)
        var reader = ByteReader(bytes.rawSpan)
        let value2 = try reader.readZigzag()
        #expect(value2 == value)
    }

    @Test("a varint that would need more than 64 bits is refused")
    func overlongVarint() {
        for tail in [[UInt8(2)], [0x80, 0x01]] {
            let bytes = [UInt8](repeating: 0xFF, count: 9) + tail
            var reader = ByteReader(bytes.rawSpan)
            #expect(throws: ByteError(.varintTooLong, offset: 0, needed: 0)) { try reader.readVarint() }
        }
    }

    @Test("columns read back with every bit, and not past the end")
    func columns() throws {
        let values = [
            1.5, -0.0, .infinity, Double(bitPattern: 0x7FF0_0000_0000_0002), Double(bitPattern: 0xFFF8_DEAD_BEEF_0001),
        ]
        var bytes: [UInt8] = []
        bytes.append(column: [UInt32.max, 0, 7])
        bytes.append(column: [Int64.min, .max])
        bytes.append(column: values)
        var reader = ByteReader(bytes.rawSpan)
        let value3 = try reader.readUInt32Array(count: 3)
        #expect(value3 == [UInt32.max, 0, 7])
        let value4 = try reader.readInt64Array(count: 2)
        #expect(value4 == [Int64.min, .max])
        let value5 = try reader.readDoubleArray(count: 5).map(\.bitPattern)
        #expect(value5 == values.map(\.bitPattern))
        #expect(throws: ByteError.self) { try reader.readUInt32Array(count: 1) }
        #expect(throws: ByteError.self) { try reader.readInt64Array(count: .max) }
        #expect(throws: ByteError.self) { try reader.readDoubleArray(count: -1) }
    }

    @Test("a hostile count is refused before anything is allocated")
    func hostileCount() {
        var bytes: [UInt8] = []
        bytes.append(varint: UInt64.max)
        bytes.append(contentsOf: [1, 2, 3])
        var reader = ByteReader(bytes.rawSpan)
        #expect(throws: ByteError.self) { try reader.readCount(unit: 8) }
        #expect(throws: ByteError.self) { try reader.readPrefixedBytes() }
        #expect(throws: ByteError.self) { try reader.readString() }
    }

    @Test("invalid UTF-8 is refused and nothing is consumed")
    func invalidUTF8() {
        let bytes: [UInt8] = [2, 0xC3, 0x28]
        var reader = ByteReader(bytes.rawSpan)
        #expect(throws: ByteError(.invalidUTF8, offset: 0, needed: 0)) { try reader.readString() }
        #expect(reader.offset == 0)
    }

    @Test("fixed-width integers are little-endian on the wire")
    func littleEndian() throws {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: UInt32(0x0102_0304))
        #expect(bytes == [4, 3, 2, 1])
        bytes.replace(at: 0, littleEndian: 0xAABB_CCDD)
        #expect(bytes == [0xDD, 0xCC, 0xBB, 0xAA])
    }
}

@Suite("Checksums and hashes")
struct ChecksumTests {
    @Test("CRC-32C has the published check values (RFC 3720, B.4)")
    func vectors() {
        #expect(CRC32C.of(Array("123456789".utf8).rawSpan) == 0xE306_9283)
        #expect(CRC32C.of([UInt8](repeating: 0, count: 32).rawSpan) == 0x8A91_36AA)
        #expect(CRC32C.of([UInt8](repeating: 0xFF, count: 32).rawSpan) == 0x62A8_AB43)
    }

    @Test("instruction and table agree at every length and split")
    func tableAgrees() {
        let bytes = (0..<97).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 7) }
        for length in 0...bytes.count {
            let part = Array(bytes[..<length])
            let whole = CRC32C.of(part.rawSpan)
            #expect(whole == CRC32C.byTable(part.rawSpan))
            let split = length / 3
            let head = CRC32C.of(Array(part[..<split]).rawSpan)
            #expect(CRC32C.of(Array(part[split...]).rawSpan, continuing: head) == whole)
        }
    }

    @Test("XXH3 has the published value for the empty input, and the seed changes it")
    func xxh3() {
        let empty: [UInt8] = []
        #expect(XXH3.hash64(empty.rawSpan) == 0x2D06_8005_38D3_94C2)
        #expect(XXH3.hash128(empty.rawSpan) == XXH3.Hash128(high: 0x99AA_06D3_0147_98D8, low: 0x6001_C324_468D_497F))
        #expect(XXH3.hash64(empty.rawSpan, seed: 1) != XXH3.hash64(empty.rawSpan))
    }

    @Test("the hash of four words is that of their bytes, little-endian")
    func xxh3OfWords() {
        for step in 0..<64 as Range<UInt64> {
            let words = (0..<4 as Range<UInt64>).map { ($0 + 1) &* 0x9E37_79B9_7F4A_7C15 << step }
            var bytes: [UInt8] = []
            for word in words { bytes.append(littleEndian: word) }
            #expect(XXH3.hash128(words: words[0], words[1], words[2], words[3]) == XXH3.hash128(bytes.rawSpan))
        }
    }
}

@Suite("Protobuf wire form")
struct ProtobufTests {
    @Test("fields read back in order, and unknown ones can be skipped")
    func roundTrip() throws {
        var bytes: [UInt8] = []
        ProtobufWriter.int64(1, -5, into: &bytes)
        ProtobufWriter.double(2, 2.5, into: &bytes)
        ProtobufWriter.string(3, "grün", into: &bytes)
        ProtobufWriter.message(4, into: &bytes) { ProtobufWriter.varint(1, 300, into: &$0) }
        var reader = ProtobufReader(bytes.rawSpan)
        var field = try reader.nextField()
        #expect(field?.number == 1)
        let value6 = try reader.readInt64()
        #expect(value6 == -5)
        field = try reader.nextField()
        let value7 = try reader.readDouble()
        #expect(value7 == 2.5)
        field = try reader.nextField()
        let value8 = try reader.readString()
        #expect(value8 == "grün")
        field = try reader.nextField()
        #expect(field?.type == .bytes)
        try reader.skip(.bytes)
        let value9 = try reader.nextField()
        #expect(value9 == nil)
    }

    @Test(
        "field number 0 and group wire types are refused", arguments: [0x00, 0x03, 0x0B, 0x0C, 0x0E, 0x0F] as [UInt8])
    func badTags(tag: UInt8) {
        let bytes = [tag, 1]
        var reader = ProtobufReader(bytes.rawSpan)
        #expect(throws: ByteError.self) { _ = try reader.nextField() }
    }
}
