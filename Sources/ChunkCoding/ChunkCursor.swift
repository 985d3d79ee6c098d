import ByteCoding

/// A place in a chunk's bytes: numbers and packed words, read with a check of the chunk's end each.
///
/// Its own loops and not `ByteReader`'s: a chunk of a dashboard has sixty samples, so that the reads before its first sample count.
struct ChunkCursor: ~Escapable {
    private let bytes: RawSpan
    /// Where the chunk ends in `bytes`; what lies behind has no meaning, and is touched by words that reach over the end.
    private let end: Int
    private(set) var offset: Int

    /// - Parameter bytes: exactly what is to be read.
    @_lifetime(copy bytes)
    init(_ bytes: RawSpan) {
        self.init(bytes, at: 0..<bytes.byteCount)
    }

    /// - Parameters:
    ///   - bytes: more than is to be read: bytes behind the range make reading its last words cheaper.
    ///   - range: where the reader begins and ends.
    @inline(__always)
    @_lifetime(copy bytes)
    init(_ bytes: RawSpan, at range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= bytes.byteCount, "chunk outside its bytes")
        self.bytes = bytes
        end = range.upperBound
        offset = range.lowerBound
    }

    @inline(__always)
    var remaining: Int { end &- offset }

    @inline(__always)
    @_lifetime(self: copy self)
    mutating func byte() throws(ChunkError) -> UInt8 {
        guard offset < end else { throw ChunkError(.truncated, offset: offset) }
        let byte = bytes.byte(at: offset)
        offset &+= 1
        return byte
    }

    @_lifetime(self: copy self)
    mutating func word() throws(ChunkError) -> UInt64 {
        guard remaining >= 8 else { throw ChunkError(.truncated, offset: offset) }
        let word = bytes.littleEndianWord(at: offset)
        offset &+= 8
        return word
    }

    @inline(__always)
    @_lifetime(self: copy self)
    mutating func varint() throws(ChunkError) -> UInt64 {
        guard offset < end else { throw ChunkError(.truncated, offset: offset) }
        let first = bytes.byte(at: offset)
        guard first >= 0x80 else {
            offset &+= 1
            return UInt64(first)
        }
        return try longVarint()
    }

    /// A varint of several bytes: up to eight out of one word.
    @_lifetime(self: copy self)
    private mutating func longVarint() throws(ChunkError) -> UInt64 {
        if offset &+ 8 <= bytes.byteCount {
            let word = bytes.littleEndianWord(at: offset)
            // The last byte is the first without its highest bit.
            let stops = ~word & 0x8080_8080_8080_8080
            let length = stops.trailingZeroBitCount >> 3 &+ 1
            if stops != 0 && length <= remaining {
                offset &+= length
                // Seven bits of each byte up to the last, moved together: pairs, fours, all eight.
                var value = word & (stops ^ (stops &- 1)) & 0x7F7F_7F7F_7F7F_7F7F
                value = (value & 0x7F00_7F00_7F00_7F00) &>> 1 | (value & 0x007F_007F_007F_007F)
                value = (value & 0x3FFF_0000_3FFF_0000) &>> 2 | (value & 0x0000_3FFF_0000_3FFF)
                return (value & 0x0FFF_FFFF_0000_0000) &>> 4 | (value & 0x0000_0000_0FFF_FFFF)
            }
        }
        var reader = ByteReader(bytes.extracting(offset..<end))
        do throws(ByteError) {
            let value = try reader.readVarint()
            offset &+= reader.offset
            return value
        } catch {
            throw ChunkError(.truncated, offset: offset)
        }
    }

    @inline(__always)
    @_lifetime(self: copy self)
    mutating func zigzag() throws(ChunkError) -> Int64 {
        let raw = try varint()
        return Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1)
    }

    /// Consumes `count` integers of `width` bits each into the start of `block`.
    ///
    /// - Parameters:
    ///   - count: 0 ... 64.
    ///   - width: as `BitWidth` allows.
    ///   - block: its first `count` integers are replaced.
    /// - Throws: `ChunkError` where fewer bytes remain.
    @_lifetime(self: copy self)
    mutating func packed(count: Int, width: Int, into block: inout IntegerBlock) throws(ChunkError) {
        let size = (count &* width &+ 7) >> 3
        guard size <= remaining else { throw ChunkError(.truncated, offset: offset) }
        let start = offset
        offset &+= size
        // A word read at the last integer may reach 8 bytes further; a span that ends with the chunk lacks them at its last block.
        if start &+ size &+ 8 <= bytes.byteCount {
            unpack(bytes.extracting(start..<start &+ size &+ 8), count: count, width: width, into: &block)
        } else {
            var padded = [UInt8]()
            padded.reserveCapacity(size &+ 8)
            padded.append(span: bytes.extracting(start..<start &+ size))
            padded.append(littleEndian: 0 as UInt64)
            unpack(padded.rawSpan, count: count, width: width, into: &block)
        }
    }

    /// Throws unless every byte has been consumed.
    func expectEnd() throws(ChunkError) {
        guard offset == end else { throw ChunkError(.trailingBytes, offset: offset, found: UInt64(remaining)) }
    }
}
