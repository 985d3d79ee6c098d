import ByteCoding

/// Writes chunks, each with the smallest codecs that fit its samples.
///
/// A value with scratch memory that grows to its longest chunk: one per engine, used again and again.
package struct ChunkEncoder: Sendable {
    private var differences: [Int64] = []
    private var fallback: [UInt8] = []
    private var scaled = ScaledIntegers()

    /// Bytes a value from which on scaled integers have no clear lead, and XOR is tried beside them.
    private static let scaledBytesPerValueMax = 4

    package init() {}

    /// Appends one chunk.
    ///
    /// - Parameters:
    ///   - timestamps: 1 ... `Chunk.sampleCountMax`, Unix milliseconds, strictly ascending (else a broken invariant: traps).
    ///   - values: as many, of any bit pattern; every bit is kept.
    ///   - output: whatever stands in it stays.
    /// - Complexity: O(samples); about 10 ns each on two-decimal data, without allocation once warm.
    package mutating func encode(timestamps: Span<Int64>, values: Span<Double>, into output: inout [UInt8]) {
        let count = timestamps.count
        precondition(
            count >= 1 && count <= Chunk.sampleCountMax && values.count == count, "1 ... 65535 samples in two columns")
        output.append(Chunk.version)
        let codecs = output.count
        output.append(0)
        output.append(varint: count)
        output.append(zigzag: timestamps[0])
        output.append(varint: UInt64(bitPattern: timestamps[count - 1] &- timestamps[0]))
        let timestampCodec = Timestamps.append(timestamps, scratch: &differences, to: &output)
        let valueCodec = append(values, to: &output)
        output[codecs] = timestampCodec.rawValue | valueCodec.rawValue << 4
    }

    private mutating func append(_ values: Span<Double>, to output: inout [UInt8]) -> ValueCodec {
        if Self.isConstant(values) {
            // Short decimals have their low bytes zero: swapped, most constants take 1 to 3 bytes.
            output.append(varint: values[0].bitPattern.byteSwapped)
            return .constant
        }
        let start = output.count
        guard scaled.append(values, to: &output) else {
            XORBlocks.append(values, to: &output)
            return .xor
        }
        let size = output.count - start
        guard size > Self.scaledBytesPerValueMax * values.count else { return .scaled }
        fallback.removeAll(keepingCapacity: true)
        XORBlocks.append(values, to: &fallback)
        guard fallback.count < size else { return .scaled }
        output.removeSubrange(start...)
        output.append(contentsOf: fallback)
        return .xor
    }

    private static func isConstant(_ values: Span<Double>) -> Bool {
        let bits = values[0].bitPattern
        for index in values.indices where values[index].bitPattern != bits { return false }
        return true
    }
}
