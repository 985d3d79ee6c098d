/// Encodes samples as Prometheus' XOR chunks, which its remote read streams: delta of delta for times, XOR for values.
///
/// Source: Prometheus' tsdb/docs/format/chunks.md, "XOR chunk data"; Pelkonen et al., Gorilla, VLDB 2015, section 4.1.
package enum XORChunk {
    /// Samples in one chunk, as many as Prometheus puts into one; its own limit is 65,535.
    package static let samplesMax = 120

    /// The chunk of samples `range` of two columns of equal length.
    ///
    /// - Parameters:
    ///   - timestamps: Unix milliseconds, ascending.
    ///   - values: any bits; stale markers are kept.
    ///   - range: 1 ... `samplesMax` samples.
    /// - Returns: the bytes of the chunk.
    package static func encode(_ timestamps: [Int64], _ values: [Double], _ range: Range<Int>) -> [UInt8] {
        precondition((1...samplesMax).contains(range.count), "a chunk of \(range.count) samples")
        var bits = BitWriter()
        bits.write(UInt64(range.count), 16)
        var delta: UInt64 = 0
        var window = ValueWindow()
        for index in range {
            if index == range.lowerBound {
                bits.write(zigzag: timestamps[index])
                bits.write(values[index].bitPattern, 64)
                continue
            }
            let next = UInt64(bitPattern: timestamps[index] &- timestamps[index - 1])
            if index == range.lowerBound + 1 {
                bits.write(varint: next)
            } else {
                writeTime(change: Int64(bitPattern: next &- delta), into: &bits)
            }
            delta = next
            window.write(values[index].bitPattern ^ values[index - 1].bitPattern, into: &bits)
        }
        return bits.bytes
    }

    private static func writeTime(change: Int64, into bits: inout BitWriter) {
        if change == 0 { return bits.write(0, 1) }
        for (prefix, prefixBits, size) in [(UInt64(0b10), 2, 14), (0b110, 3, 17), (0b1110, 4, 20)] {
            let half = Int64(1) << (size - 1)
            guard change > -half && change <= half else { continue }
            bits.write(prefix, prefixBits)
            return bits.write(UInt64(bitPattern: change), size)
        }
        bits.write(0b1111, 4)
        bits.write(UInt64(bitPattern: change), 64)
    }
}

/// Which bits of the last difference between two values were in use: the next one reuses them where it fits.
private struct ValueWindow {
    private var leading = 0
    private var trailing = 0
    private var isSet = false

    mutating func write(_ difference: UInt64, into bits: inout BitWriter) {
        if difference == 0 { return bits.write(0, 1) }
        bits.write(1, 1)
        // Five bits hold the number of leading zeros.
        let newLeading = min(difference.leadingZeroBitCount, 31)
        let newTrailing = difference.trailingZeroBitCount
        if isSet && newLeading >= leading && newTrailing >= trailing {
            bits.write(0, 1)
            return bits.write(difference >> UInt64(trailing), 64 - leading - trailing)
        }
        (leading, trailing, isSet) = (newLeading, newTrailing, true)
        let size = 64 - leading - trailing
        bits.write(1, 1)
        bits.write(UInt64(leading), 5)
        // Six bits hold the size; 64 is written as 0.
        bits.write(UInt64(size), 6)
        bits.write(difference >> UInt64(trailing), size)
    }
}

/// Appends bits to bytes, the highest first.
private struct BitWriter {
    private(set) var bytes: [UInt8] = []
    /// Bits of the last byte that are still free.
    private var free = 0

    /// The lowest `count` bits of a number.
    mutating func write(_ value: UInt64, _ count: Int) {
        var left = count
        while left > 0 {
            if free == 0 {
                bytes.append(0)
                free = 8
            }
            let taken = min(free, left)
            let part = UInt8(truncatingIfNeeded: value >> UInt64(left - taken)) & UInt8((1 << taken) - 1)
            bytes[bytes.count - 1] |= part << UInt8(free - taken)
            free -= taken
            left -= taken
        }
    }

    /// Seven bits a byte, the lowest first.
    mutating func write(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            write(rest | 0x80, 8)
            rest >>= 7
        }
        write(rest, 8)
    }

    mutating func write(zigzag value: Int64) {
        write(varint: UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }
}
