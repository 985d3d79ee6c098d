import ByteCoding

/// A place in a chunk's bytes: `ByteReader` with this target's errors, and packed words at any bit.
struct ChunkCursor: ~Escapable {
    private let bytes: RawSpan
    private var reader: ByteReader

    @_lifetime(copy bytes)
    init(_ bytes: RawSpan) {
        self.bytes = bytes
        self.reader = ByteReader(bytes)
    }

    var offset: Int { reader.offset }
    var remaining: Int { reader.remaining }

    @_lifetime(self: copy self)
    mutating func byte() throws(ChunkError) -> UInt8 {
        do throws(ByteError) { return try reader.readUInt8() } catch {
            throw ChunkError(.truncated, offset: error.offset)
        }
    }

    @_lifetime(self: copy self)
    mutating func word() throws(ChunkError) -> UInt64 {
        do throws(ByteError) { return try reader.readUInt64() } catch {
            throw ChunkError(.truncated, offset: error.offset)
        }
    }

    @_lifetime(self: copy self)
    mutating func varint() throws(ChunkError) -> UInt64 {
        do throws(ByteError) { return try reader.readVarint() } catch {
            throw ChunkError(.truncated, offset: error.offset)
        }
    }

    @_lifetime(self: copy self)
    mutating func zigzag() throws(ChunkError) -> Int64 {
        do throws(ByteError) { return try reader.readZigzag() } catch {
            throw ChunkError(.truncated, offset: error.offset)
        }
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
        let start = reader.offset
        do throws(ByteError) { try reader.skip(size) } catch { throw ChunkError(.truncated, offset: error.offset) }
        // A word read at the last integer may reach 8 bytes further; only the last block of a chunk lacks them.
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
        guard reader.isAtEnd else { throw ChunkError(.trailingBytes, offset: offset, found: UInt64(remaining)) }
    }
}
