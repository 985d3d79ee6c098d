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
