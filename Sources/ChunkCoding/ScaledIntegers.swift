import ByteCoding

/// Values as integers over a power of ten: their differences, without common trailing zero bits, in a packed run.
///
/// Layout: docs/formats/chunk.md, "Scaled integers". A value that is no such integer is a `SpecialRun`; in the run its place
/// repeats the integer before it.
struct ScaledIntegers {
    private var differences: [Int64] = []
    private var specials: [SpecialRun] = []

    static let shiftFlag: UInt8 = 0x10
    static let specialsFlag: UInt8 = 0x20

    /// Values looked at, evenly spread, to choose the power of ten.
    private static let probeCountMax = 24

    /// Appends all of `values`, of which there is at least one.
    ///
    /// - Returns: false, with nothing appended, where too few values are such integers for this to be worth trying.
    mutating func append(_ values: Span<Double>, to output: inout [UInt8]) -> Bool {
        guard var exponent = Self.probe(values) else { return false }
        while true {
            let (first, wanted) = difference(values, scale: DecimalScale(exponent: exponent))
            // Each round raises the exponent, so there are ten at most; few values far finer than the rest stay exceptions.
            if let wanted, specials.count > values.count / 32 {
                exponent = wanted
                continue
            }
            guard specials.count <= values.count / 2 else { return false }
            write(first: first, exponent: exponent, to: &output)
            return true
        }
    }

    /// The least exponent that makes every probed decimal exact; nil where most of the probed values are no decimals.
    private static func probe(_ values: Span<Double>) -> Int? {
        let count = min(values.count, probeCountMax)
        var exponent = 0
        var failures = 0
        for index in 0..<count {
            let value = values[index * values.count / count]
            if let found = DecimalScale.leastExponent(for: value, from: exponent) {
                exponent = found
            } else if value.isFinite && value != 0 {
                failures += 1
                if failures > count / 4 { return nil }
            }
        }
        return exponent
    }

    /// Fills `differences` and `specials`.
    ///
    /// - Returns: the first integer, and the greatest exponent that some of the specials would need to be integers too.
    private mutating func difference(_ values: Span<Double>, scale: DecimalScale) -> (first: Int64, wanted: Int?) {
        differences.removeAll(keepingCapacity: true)
        specials.removeAll(keepingCapacity: true)
        differences.reserveCapacity(values.count)
        var first: Int64?
        var last: Int64 = 0
        var wanted: Int?
        for index in values.indices {
            let value = values[index]
            if let integer = scale.integer(value) {
                // Before the first integer there is nothing to differ from: it becomes the base of all.
                if first == nil {
                    first = integer
                    last = integer
                }
                differences.append(integer &- last)
                last = integer
            } else {
                differences.append(0)
                noteSpecial(value.bitPattern, at: index)
                if let needed = DecimalScale.leastExponent(for: value, from: scale.exponent + 1) {
                    wanted = max(wanted ?? needed, needed)
                }
            }
        }
        return (first ?? 0, wanted)
    }

    private mutating func noteSpecial(_ bits: UInt64, at index: Int) {
        if let last = specials.indices.last, specials[last].bits == bits,
            specials[last].start + specials[last].count == index
        {
            specials[last].count += 1
        } else {
            specials.append(SpecialRun(start: index, count: 1, bits: bits))
        }
    }

    private mutating func write(first: Int64, exponent: Int, to output: inout [UInt8]) {
        var union: Int64 = 0
        for difference in differences { union |= difference }
        // Sizes in bytes are multiples of a page more often than not.
        let shift = union == 0 ? 0 : union.trailingZeroBitCount
        if shift > 0 { for index in differences.indices { differences[index] >>= Int64(shift) } }
        output.append(
            UInt8(exponent) | (shift > 0 ? Self.shiftFlag : 0) | (specials.isEmpty ? 0 : Self.specialsFlag))
        output.append(zigzag: first)
        if shift > 0 { output.append(UInt8(shift)) }
        if !specials.isEmpty { SpecialRun.append(specials, to: &output) }
        // The first difference is always 0: left out.
        PackedRun.append(differences.span.extracting(droppingFirst: 1), to: &output)
    }

    /// Fills `values[base..<base + total]` from what `append` wrote.
    static func read(
        _ total: Int, into values: inout MutableSpan<Double>, base: Int, from cursor: inout ChunkCursor
    ) throws(ChunkError) {
        let header = try ScaledHeader(total: total, from: &cursor)
        var last = header.first
        values[base] = header.scale.value(last)
        var block = IntegerBlock(repeating: 0)
        var doubles = InlineArray<64, Double>(repeating: 0)
        var start = 1
        while start < total {
            let count = min(IntegerBlock.count, total &- start)
            try header.readBlock(count, after: &last, from: &cursor, into: &block)
            // All 64 however many are wanted: a loop of fixed length is compiled to vector instructions.
            if header.scale.exponent == 0 {
                for index in 0..<IntegerBlock.count { doubles[index] = DecimalScale.whole(block[index]) }
            } else {
                for index in 0..<IntegerBlock.count { doubles[index] = header.scale.value(block[index]) }
            }
            values.replace(from: base &+ start, with: doubles.span.extracting(0..<count))
            start &+= count
        }
        for run in header.specials {
            for index in base + run.start..<base + run.start + run.count {
                values[index] = Double(bitPattern: run.bits)
            }
        }
    }

    /// Fills `values` from `base` on with the values at some places of `total`, which ascend; what lies behind the last is not looked at.
    static func read(
        _ total: Int, at places: Span<Int>, into values: inout MutableSpan<Double>, base: Int,
        from cursor: inout ChunkCursor
    ) throws(ChunkError) {
        let header = try ScaledHeader(total: total, from: &cursor)
        var last = header.first
        var next = 0
        if places.count > 0, places[0] == 0 {
            values[base] = header.scale.value(last)
            next = 1
        }
        var block = IntegerBlock(repeating: 0)
        var start = 1
        while start < total, next < places.count {
            let count = min(IntegerBlock.count, total &- start)
            try header.readBlock(count, after: &last, from: &cursor, into: &block)
            while next < places.count, places[next] < start &+ count {
                values[base &+ next] = header.scale.value(block[places[next] &- start])
                next &+= 1
            }
            start &+= count
        }
        guard !header.specials.isEmpty else { return }
        for next in places.indices {
            for run in header.specials where places[next] >= run.start && places[next] < run.start + run.count {
                values[base + next] = Double(bitPattern: run.bits)
            }
        }
    }
}

/// What stands before the sub-blocks of a run of scaled integers.
private struct ScaledHeader {
    let scale: DecimalScale
    /// The first integer of all.
    let first: Int64
    let specials: [SpecialRun]
    private let shift: Int64

    @inline(__always)
    init(total: Int, from cursor: inout ChunkCursor) throws(ChunkError) {
        let at = cursor.offset
        let header = try cursor.byte()
        let exponent = Int(header & 0x0F)
        guard exponent <= DecimalScale.exponentMax, header & 0xC0 == 0 else {
            throw ChunkError(.unknownCodec, offset: at, found: UInt64(header))
        }
        scale = DecimalScale(exponent: exponent)
        first = try cursor.zigzag()
        shift = header & ScaledIntegers.shiftFlag == 0 ? 0 : Int64(try cursor.byte() & 63)
        specials =
            header & ScaledIntegers.specialsFlag == 0 ? [] : try SpecialRun.readAll(sampleCount: total, from: &cursor)
    }

    /// Reads the next sub-block's integers, of which the one before the first is `last`, and so the last then.
    @inline(__always)
    func readBlock(
        _ count: Int, after last: inout Int64, from cursor: inout ChunkCursor, into block: inout IntegerBlock
    ) throws(ChunkError) {
        try PackedRun.readBlock(count: count, from: &cursor, into: &block)
        if shift != 0 { for index in 0..<count { block[index] &<<= shift } }
        var sum = last
        for index in 0..<count {
            sum &+= block[index]
            block[index] = sum
        }
        last = sum
    }
}
