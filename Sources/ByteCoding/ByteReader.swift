/// Reads little-endian integers, varints and byte runs from borrowed bytes, checking every bound.
///
/// What arrives is a `RawSpan` that somebody else owns; what leaves are values and sub-spans of the same memory. Writing is in
/// `ByteWriting.swift`. A failed read throws and leaves `offset` where it was.
package struct ByteReader: ~Escapable {
    // What decoders of other targets call for every number is `@inlinable`: a call costs more than the read.
    @usableFromInline let bytes: RawSpan
    @usableFromInline var position: Int

    /// - Parameter bytes: what to read; must stay alive as long as the reader.
    @inlinable
    @_lifetime(copy bytes)
    package init(_ bytes: RawSpan) {
        self.bytes = bytes
        self.position = 0
    }

    /// Bytes consumed so far.
    @inlinable
    package var offset: Int { position }

    /// Bytes not yet consumed.
    @inlinable
    package var remaining: Int { bytes.byteCount - position }

    /// Whether everything has been consumed.
    @inlinable
    package var isAtEnd: Bool { position == bytes.byteCount }

    /// Consumes one byte.
    @inlinable
    @_lifetime(self: copy self)
    package mutating func readUInt8() throws(ByteError) -> UInt8 {
        try read(as: UInt8.self)
    }

    /// Consumes 2 bytes, little-endian.
    @inlinable
    @_lifetime(self: copy self)
    package mutating func readUInt16() throws(ByteError) -> UInt16 {
        UInt16(littleEndian: try read(as: UInt16.self))
    }

    /// Consumes 4 bytes, little-endian.
    @inlinable
    @_lifetime(self: copy self)
    package mutating func readUInt32() throws(ByteError) -> UInt32 {
        UInt32(littleEndian: try read(as: UInt32.self))
    }

    /// Consumes 8 bytes, little-endian.
    @inlinable
    @_lifetime(self: copy self)
    package mutating func readUInt64() throws(ByteError) -> UInt64 {
        UInt64(littleEndian: try read(as: UInt64.self))
    }

    /// Consumes 8 bytes, little-endian two's complement.
    @inlinable
    @_lifetime(self: copy self)
    package mutating func readInt64() throws(ByteError) -> Int64 {
        Int64(bitPattern: try readUInt64())
    }

    /// Consumes the 8 bytes of an IEEE 754 double, every bit kept.
    @inlinable
    @_lifetime(self: copy self)
    package mutating func readDouble() throws(ByteError) -> Double {
        Double(bitPattern: try readUInt64())
    }

    /// Consumes an unsigned LEB128 varint of at most 10 bytes.
    @inlinable
    @_lifetime(self: copy self)
    package mutating func readVarint() throws(ByteError) -> UInt64 {
        var value: UInt64 = 0
        var at = offset
        var shift: UInt64 = 0
        while true {
            guard at < bytes.byteCount else { throw ByteError(.truncated, offset: offset, needed: at - offset + 1) }
            // SAFETY: `at` is below byteCount, checked on the line above.
            let byte = unsafe bytes.unsafeLoad(fromUncheckedByteOffset: at, as: UInt8.self)
            at &+= 1
            if shift == 63 && byte > 1 { throw ByteError(.varintTooLong, offset: offset, needed: 0) }
            value |= UInt64(byte & 0x7F) &<< shift
            if byte < 0x80 { break }
            shift &+= 7
        }
        position = at
        return value
    }

    /// Consumes a zigzag varint, as `append(zigzag:)` writes it.
    @inlinable
    @_lifetime(self: copy self)
    package mutating func readZigzag() throws(ByteError) -> Int64 {
        let raw = try readVarint()
        return Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1)
    }

    /// Consumes a varint that counts or measures something that must fit in the rest of the input.
    ///
    /// - Parameter unit: the least number of bytes that one counted thing takes; guards against hostile counts.
    /// - Returns: the count; so many things can be there.
    /// - Throws: `ByteError.truncated` when they cannot.
    @inlinable
    @_lifetime(self: copy self)
    package mutating func readCount(unit: Int = 1) throws(ByteError) -> Int {
        let start = offset
        let value = try readVarint()
        guard value <= UInt64(remaining / max(unit, 1)) else {
            position = start
            throw ByteError(.truncated, offset: start, needed: Int(clamping: value))
        }
        return Int(value)
    }

    /// Consumes ascending numbers, as `append(ascending:)` writes them.
    ///
    /// - Parameter limit: every number is below it.
    /// - Returns: the numbers, each once.
    /// - Throws: `ByteError`, also where one is not greater than the one before.
    @_lifetime(self: copy self)
    package mutating func readAscending(below limit: Int) throws(ByteError) -> [Int] {
        let start = offset
        var numbers: [Int] = []
        for index in 0..<(try readCount()) {
            let difference = try readVarint()
            let last = numbers.last ?? 0
            guard difference < UInt64(limit - last), index == 0 || difference > 0 else {
                position = start
                throw ByteError(.outOfRange, offset: start, needed: 0)
            }
            numbers.append(last + Int(difference))
        }
        return numbers
    }

    /// Consumes `count` bytes and returns them without a copy.
    @inlinable
    @_lifetime(self: copy self)
    @_lifetime(copy self)
    package mutating func readSpan(count: Int) throws(ByteError) -> RawSpan {
        try need(count)
        let span = bytes.extracting(offset..<offset + count)
        position += count
        return span
    }

    /// Consumes `count` bytes and copies them out.
    @_lifetime(self: copy self)
    package mutating func readBytes(count: Int) throws(ByteError) -> [UInt8] {
        let span = try readSpan(count: count)
        return span.copied()
    }

    /// Consumes a varint length and as many bytes.
    @_lifetime(self: copy self)
    package mutating func readPrefixedBytes() throws(ByteError) -> [UInt8] {
        try readBytes(count: readCount())
    }

    /// Consumes a varint length and as many bytes of UTF-8; invalid UTF-8 is an error.
    @_lifetime(self: copy self)
    package mutating func readString() throws(ByteError) -> String {
        let start = offset
        let span = try readSpan(count: readCount())
        guard let string = span.string() else {
            position = start
            throw ByteError(.invalidUTF8, offset: start, needed: 0)
        }
        return string
    }

    /// Consumes `count` little-endian 32-bit integers in one copy.
    @_lifetime(self: copy self)
    package mutating func readUInt32Array(count: Int) throws(ByteError) -> [UInt32] {
        try readColumn(count: count, zero: 0)
    }

    /// Consumes `count` little-endian 64-bit integers in one copy.
    @_lifetime(self: copy self)
    package mutating func readInt64Array(count: Int) throws(ByteError) -> [Int64] {
        try readColumn(count: count, zero: 0)
    }

    /// Consumes `count` doubles in one copy, every bit kept.
    @_lifetime(self: copy self)
    package mutating func readDoubleArray(count: Int) throws(ByteError) -> [Double] {
        try readColumn(count: count, zero: 0)
    }

    /// Skips `count` bytes.
    @inlinable
    @_lifetime(self: copy self)
    package mutating func skip(_ count: Int) throws(ByteError) {
        try need(count)
        position += count
    }

    @inlinable
    func need(_ count: Int) throws(ByteError) {
        guard count >= 0, count <= remaining else { throw ByteError(.truncated, offset: offset, needed: count) }
    }

    @inlinable
    @inline(__always)
    @_lifetime(self: copy self)
    mutating func read<T: FixedWidthInteger & BitwiseCopyable>(as type: T.Type) throws(ByteError) -> T {
        try need(MemoryLayout<T>.size)
        // SAFETY: `need` proved that size bytes remain at `offset`; an integer accepts any bits.
        let value = unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: T.self)
        position &+= MemoryLayout<T>.size
        return value
    }

    @_lifetime(self: copy self)
    private mutating func readColumn<T: BitwiseCopyable>(count: Int, zero: T) throws(ByteError) -> [T] {
        guard count >= 0, count <= remaining / MemoryLayout<T>.size else {
            throw ByteError(.truncated, offset: offset, needed: count)
        }
        let size = count * MemoryLayout<T>.size
        let source = bytes.extracting(offset..<offset + size)
        position += size
        return unsafe [T](unsafeUninitializedCapacity: count) { target, filled in
            // SAFETY: source holds `size` bytes and target has room for `count` elements of as many bytes; both exist
            // for the length of this call; the columns are little-endian, as every supported machine is.
            unsafe source.withUnsafeBytes { from in
                unsafe UnsafeMutableRawBufferPointer(target).copyMemory(from: from)
            }
            filled = count
        }
    }
}
