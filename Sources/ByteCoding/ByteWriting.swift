/// Writing is appending to `[UInt8]`, in the forms that `ByteReader` reads.
extension [UInt8] {
    /// Appends a fixed-width integer, little-endian.
    @inlinable
    package mutating func append<T: FixedWidthInteger & BitwiseCopyable>(littleEndian value: T) {
        let little = value.littleEndian
        // SAFETY: the bytes of a local integer, copied before the closure ends.
        unsafe Swift.withUnsafeBytes(of: little) { bytes in unsafe self.append(contentsOf: bytes) }
    }

    /// Appends the 8 bytes of a double, every bit kept.
    @inlinable
    package mutating func append(littleEndian value: Double) {
        append(littleEndian: value.bitPattern)
    }

    /// Appends an unsigned LEB128 varint: 1 ... 10 bytes.
    @inlinable
    package mutating func append(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(truncatingIfNeeded: rest))
    }

    /// Appends a count or length as a varint; `value` must not be negative.
    @inlinable
    package mutating func append(varint value: Int) {
        append(varint: UInt64(value))
    }

    /// Appends a signed integer as a zigzag varint: small magnitudes take few bytes.
    @inlinable
    package mutating func append(zigzag value: Int64) {
        append(varint: UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }

    /// Appends ascending numbers: varint count, the first, then the differences.
    package mutating func append(ascending numbers: [Int]) {
        append(varint: numbers.count)
        var last = 0
        for number in numbers {
            append(varint: number - last)
            last = number
        }
    }

    /// Appends a varint length and the bytes.
    package mutating func append(prefixed bytes: [UInt8]) {
        append(varint: bytes.count)
        append(contentsOf: bytes)
    }

    /// Appends a varint length and the string's UTF-8.
    package mutating func append(prefixed string: String) {
        append(varint: string.utf8.count)
        append(contentsOf: string.utf8)
    }

    /// Appends borrowed bytes in one copy.
    package mutating func append(span: RawSpan) {
        // SAFETY: the span is alive for the length of this call.
        unsafe span.withUnsafeBytes { bytes in unsafe self.append(contentsOf: bytes) }
    }

    /// Appends a column of 32-bit integers, little-endian, in one copy.
    // SAFETY: the elements have no padding: every byte is initialised.
    package mutating func append(column values: [UInt32]) { unsafe append(span: values.span.bytes) }

    /// Appends a column of 64-bit integers, little-endian, in one copy.
    // SAFETY: the elements have no padding: every byte is initialised.
    package mutating func append(column values: [Int64]) { unsafe append(span: values.span.bytes) }

    /// Appends a column of doubles, every bit kept, in one copy.
    // SAFETY: the elements have no padding: every byte is initialised.
    package mutating func append(column values: [Double]) { unsafe append(span: values.span.bytes) }

    /// Overwrites 4 bytes at `offset`, little-endian: for lengths and checksums known only afterwards.
    package mutating func replace(at offset: Int, littleEndian value: UInt32) {
        precondition(offset >= 0 && offset + 4 <= count, "4 bytes at \(offset) of \(count)")
        for byte in 0..<4 { self[offset + byte] = UInt8(truncatingIfNeeded: value >> UInt32(8 * byte)) }
    }
}
