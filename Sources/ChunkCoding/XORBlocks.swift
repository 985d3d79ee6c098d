import ByteCoding

/// Values as the XOR with the value before, in blocks of 64: exact for any bits.
///
/// After the idea of Gorilla (Pelkonen et al., VLDB 2015, section 4.1.2): neighbours share sign, exponent and leading digits. Here a
/// block has one width and one shift for all its differences, and a bitmap where some are zero, so that decoding has no branch
/// per value. Layout: docs/formats/chunk.md, "XOR blocks".
enum XORBlocks {
    static let bitmapFlag: UInt8 = 0x40

    /// Appends all of `values`, of which there is at least one.
    static func append(_ values: Span<Double>, to output: inout [UInt8]) {
        output.append(littleEndian: values[0])
        var start = 1
        while start < values.count {
            let end = min(start + IntegerBlock.count, values.count)
            appendBlock(values, start: start, end: end, to: &output)
            start = end
        }
    }

    private static func appendBlock(_ values: Span<Double>, start: Int, end: Int, to output: inout [UInt8]) {
        var changes = InlineArray<64, UInt64>(repeating: 0)
        var changeCount = 0
        var bitmap: UInt64 = 0
        var union: UInt64 = 0
        for index in start..<end {
            let change = values[index].bitPattern ^ values[index - 1].bitPattern
            guard change != 0 else { continue }
            union |= change
            bitmap |= 1 << UInt64(index - start)
            changes[changeCount] = change
            changeCount += 1
        }
        guard changeCount > 0 else { return output.append(0) }
        let bits = BitWidth.bits(of: union) - union.trailingZeroBitCount
        let width = BitWidth.holding(bits: bits)
        let shift = width == 64 ? 0 : union.trailingZeroBitCount
        for index in 0..<changeCount { changes[index] &>>= UInt64(shift) }
        // A zero costs `width` bits where it is packed like the others: the bitmap pays once it saves its 8 bytes.
        let count = end - start
        let hasBitmap = (count - changeCount) * width > 64
        output.append(BitWidth.code(of: width) | (hasBitmap ? bitmapFlag : 0))
        output.append(UInt8(shift))
        if hasBitmap {
            output.append(littleEndian: bitmap)
            output.append(packing: changes.span.extracting(0..<changeCount), width: width)
        } else {
            var all = InlineArray<64, UInt64>(repeating: 0)
            var next = 0
            for place in 0..<count where bitmap >> UInt64(place) & 1 == 1 {
                all[place] = changes[next]
                next += 1
            }
            output.append(packing: all.span.extracting(0..<count), width: width)
        }
    }

    /// Fills `values[base..<base + total]`, at least one, from what `append` wrote.
    static func read(
        _ total: Int, into values: inout MutableSpan<Double>, base: Int, from cursor: inout ChunkCursor
    ) throws(ChunkError) {
        var last = try cursor.word()
        values[base] = Double(bitPattern: last)
        var block = IntegerBlock(repeating: 0)
        var start = base + 1
        let end = base + total
        while start < end {
            let count = min(IntegerBlock.count, end - start)
            let at = cursor.offset
            let header = try cursor.byte()
            guard header & 0x80 == 0, let width = BitWidth.width(code: header & 0x3F) else {
                throw ChunkError(.unknownCodec, offset: at, found: UInt64(header))
            }
            if header == 0 {
                for index in start..<start &+ count { values[index] = Double(bitPattern: last) }
            } else {
                let shift = UInt64(try cursor.byte() & 63)
                if header & bitmapFlag == 0 {
                    try cursor.packed(count: count, width: width, into: &block)
                } else {
                    try readSparse(count: count, width: width, from: &cursor, into: &block)
                }
                for index in 0..<count {
                    last ^= UInt64(bitPattern: block[index]) &<< shift
                    values[start &+ index] = Double(bitPattern: last)
                }
            }
            start &+= count
        }
    }

    /// Consumes a bitmap and as many differences as it has ones; the other places of `block` become 0.
    private static func readSparse(
        count: Int, width: Int, from cursor: inout ChunkCursor, into block: inout IntegerBlock
    ) throws(ChunkError) {
        let at = cursor.offset
        let bitmap = try cursor.word()
        guard count == 64 || bitmap >> UInt64(count) == 0 else {
            throw ChunkError(.badCount, offset: at, found: bitmap)
        }
        var changes = IntegerBlock(repeating: 0)
        try cursor.packed(count: bitmap.nonzeroBitCount, width: width, into: &changes)
        var next = 0
        for place in 0..<count {
            let changed = Int(truncatingIfNeeded: bitmap >> UInt64(place)) & 1
            // `next` stays below 64: it counts the ones before this place.
            block[place] = changed == 1 ? changes[next] : 0
            next &+= changed
        }
    }
}
