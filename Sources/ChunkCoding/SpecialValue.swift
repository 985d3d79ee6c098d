import ByteCoding

/// A run of values that scaled integers cannot hold, kept to the bit beside them.
struct SpecialRun: Equatable {
    /// Place of the first value of the run.
    var start: Int
    /// Number of values, all of the same bits.
    var count: Int
    /// The IEEE 754 bits.
    var bits: UInt64

    /// Bit patterns common enough to be written as their place in this list, from 1 on; 0 means that 8 bytes follow.
    ///
    /// In order: Prometheus' stale marker and ordinary NaN (model/value/value.go), the processor's quiet NaN, +Inf, -Inf, -0.
    private static let known: InlineArray<6, UInt64> = [
        0x7FF0_0000_0000_0002, 0x7FF8_0000_0000_0001, 0x7FF8_0000_0000_0000, 0x7FF0_0000_0000_0000,
        0xFFF0_0000_0000_0000,
        0x8000_0000_0000_0000,
    ]

    /// Appends `runs`, which ascend and do not overlap.
    static func append(_ runs: [SpecialRun], to output: inout [UInt8]) {
        output.append(varint: runs.count)
        var end = 0
        for run in runs {
            output.append(varint: run.start - end)
            end = run.start + run.count
            var kind: UInt64 = 0
            for index in known.indices where known[index] == run.bits { kind = UInt64(index) + 1 }
            output.append(varint: UInt64(run.count - 1) << 3 | kind)
            if kind == 0 { output.append(littleEndian: run.bits) }
        }
    }

    /// Consumes what `append` wrote.
    ///
    /// - Parameters:
    ///   - sampleCount: number of values in the chunk, which the runs must stay within.
    ///   - cursor: stands at the list.
    /// - Returns: runs that ascend and do not overlap.
    /// - Throws: `ChunkError` for anything else.
    static func readAll(sampleCount: Int, from cursor: inout ChunkCursor) throws(ChunkError) -> [SpecialRun] {
        let at = cursor.offset
        let count = try cursor.varint()
        // A run takes two bytes at least, and one value: no count makes this reserve more than the chunk could hold.
        guard count <= UInt64(min(sampleCount, cursor.remaining / 2)) else {
            throw ChunkError(.badCount, offset: at, found: count)
        }
        var runs: [SpecialRun] = []
        runs.reserveCapacity(Int(count))
        var end = 0
        for _ in 0..<count {
            let at = cursor.offset
            let gap = try cursor.varint()
            let packed = try cursor.varint()
            let left = UInt64(sampleCount - end)
            guard gap < left, packed >> 3 < left - gap else { throw ChunkError(.badCount, offset: at, found: packed) }
            let kind = Int(packed & 7)
            guard kind <= known.count else { throw ChunkError(.unknownCodec, offset: at, found: packed) }
            let bits = kind == 0 ? try cursor.word() : known[kind - 1]
            let start = end + Int(gap)
            end = start + Int(packed >> 3) + 1
            runs.append(SpecialRun(start: start, count: end - start, bits: bits))
        }
        return runs
    }
}
