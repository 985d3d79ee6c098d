import ByteCoding

/// A run of integers in sub-blocks of 64, each with the base and width that make it smallest.
///
/// A sub-block holds low bits of `value - base`, `width` bits each; the few values that need more are *exceptions*: their
/// remaining high bits stand before the packed ones with their places. This is frame of reference with patching (Zukowski et
/// al., "Super-Scalar RAM-CPU Cache Compression", ICDE 2006). Layout: docs/formats/chunk.md, "Packed runs".
enum PackedRun {
    /// Integers of one sub-block; the last one of a run holds what is left.
    static let blockCount = IntegerBlock.count

    static let exceptionsFlag: UInt8 = 0x40
    static let baseFlag: UInt8 = 0x80

    /// Appends all of `values`.
    static func append(_ values: Span<Int64>, to output: inout [UInt8]) {
        var start = 0
        while start < values.count {
            let end = min(start + blockCount, values.count)
            appendBlock(values.extracting(start..<end), to: &output)
            start = end
        }
    }

    private static func appendBlock(_ values: Span<Int64>, to output: inout [UInt8]) {
        let plan = PackedRunPlan(for: values)
        let widthCode = BitWidth.code(of: plan.width)
        output.append(
            widthCode | (plan.exceptionCount > 0 ? exceptionsFlag : 0) | (plan.base != 0 ? baseFlag : 0))
        if plan.base != 0 { output.append(zigzag: plan.base) }
        var offsets = InlineArray<64, UInt64>(repeating: 0)
        for index in values.indices { offsets[index] = UInt64(bitPattern: values[index] &- plan.base) }
        if plan.exceptionCount > 0 {
            output.append(UInt8(plan.exceptionCount))
            for index in values.indices where BitWidth.bits(of: offsets[index]) > plan.width {
                output.append(UInt8(index))
                output.append(zigzag: Int64(bitPattern: offsets[index]) >> Int64(plan.width))
            }
        }
        output.append(packing: offsets.span.extracting(0..<values.count), width: plan.width)
    }

    /// Consumes one sub-block of `count` integers, 1 ... 64, into the start of `block`.
    static func readBlock(count: Int, from cursor: inout ChunkCursor, into block: inout IntegerBlock) throws(ChunkError)
    {
        let start = cursor.offset
        let header = try cursor.byte()
        guard let width = BitWidth.width(code: header & 0x3F) else {
            throw ChunkError(.unknownCodec, offset: start, found: UInt64(header))
        }
        let base = header & baseFlag != 0 ? try cursor.zigzag() : 0
        if header & exceptionsFlag == 0 {
            try cursor.packed(count: count, width: width, into: &block)
            if base != 0 { for index in 0..<count { block[index] &+= base } }
            return
        }
        let exceptionCount = Int(try cursor.byte())
        guard exceptionCount <= count, width < 64 else {
            throw ChunkError(.badCount, offset: start, found: UInt64(exceptionCount))
        }
        // The high bits come first in the bytes but are added last: they wait here, 0 where there are none.
        var high = IntegerBlock(repeating: 0)
        for _ in 0..<exceptionCount {
            let at = cursor.offset
            let index = Int(try cursor.byte())
            guard index < count else { throw ChunkError(.badCount, offset: at, found: UInt64(index)) }
            high[index] = try cursor.zigzag() &<< Int64(width)
        }
        try cursor.packed(count: count, width: width, into: &block)
        for index in 0..<count { block[index] = (block[index] | high[index]) &+ base }
    }
}
