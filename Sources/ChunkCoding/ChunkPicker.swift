import ByteCoding

/// Decodes of a chunk only the samples that certain times want: for each time the newest sample that is not after it.
///
/// That is what an instant selector looks at, one sample in six where a dashboard steps by a minute over samples each ten seconds. A value with scratch
/// memory that grows to its longest chunk.
package struct ChunkPicker: Sendable {
    private var places: [Int] = []
    private var times: [Int64] = []
    private var numbers: [Double] = []

    package init() {}

    /// Appends the samples that are wanted, each once, ascending.
    ///
    /// - Parameters:
    ///   - bytes: exactly one chunk. What lies behind the last sample wanted is not looked at.
    ///   - start: the first time, Unix milliseconds; times before the chunk's first sample want nothing.
    ///   - step: milliseconds from one time to the next, at least 1.
    ///   - count: how many times; the last of them does not overflow.
    ///   - timestamps: gains the samples' times.
    ///   - values: gains as many.
    /// - Throws: `ChunkError`; the columns are then of no use.
    package mutating func append(
        _ bytes: RawSpan, newestAt start: Int64, step: Int64, count: Int, timestamps: inout [Int64],
        values: inout [Double]
    ) throws(ChunkError) {
        precondition(step > 0, "times do not ascend")
        var cursor = ChunkCursor(bytes)
        let header = try ChunkHeader(from: &cursor)
        places.removeAll(keepingCapacity: true)
        if header.timestampCodec == .regular {
            try placeRegular(header, start, step, count, at: cursor.offset, &timestamps)
        } else {
            times.removeAll(keepingCapacity: true)
            times.append(contentsOf: repeatElement(0, count: header.count))
            var span = times.mutableSpan
            try Timestamps.read(header, into: &span, base: 0, from: &cursor)
            place(start, step, count, &timestamps)
        }
        if places.isEmpty { return }
        let base = values.count
        values.append(contentsOf: repeatElement(0, count: places.count))
        if header.valueCodec == .scaled {
            var column = values.mutableSpan
            return try ScaledIntegers.read(
                header.count, at: places.span, into: &column, base: base, from: &cursor)
        }
        numbers.removeAll(keepingCapacity: true)
        numbers.append(contentsOf: repeatElement(0, count: header.count))
        var span = numbers.mutableSpan
        try ChunkDecoder.readValues(header, into: &span, base: 0, from: &cursor)
        for (index, place) in places.enumerated() { values[base + index] = numbers[place] }
    }

    /// Chooses places of samples that have one distance throughout.
    private mutating func placeRegular(
        _ header: ChunkHeader, _ start: Int64, _ step: Int64, _ count: Int, at offset: Int, _ timestamps: inout [Int64]
    ) throws(ChunkError) {
        let last = header.count - 1
        let (interval, rest) =
            last > 0 ? header.range.quotientAndRemainder(dividingBy: UInt64(last)) : (UInt64.max, 0)
        guard rest == 0 else { throw ChunkError(.badTimes, offset: offset, found: header.range) }
        let (stride, between) = UInt64(step).quotientAndRemainder(dividingBy: interval)
        var time = start
        var index = 0
        if time < header.firstTime {
            // Unsigned, because the difference may need all 64 bits.
            let missing = UInt64(bitPattern: header.firstTime &- time) &- 1
            let skipped = missing / UInt64(step) + 1
            guard skipped < UInt64(count) else { return }
            index = Int(skipped)
            time &+= Int64(index) &* step
        }
        guard index < count else { return }
        var place = UInt64(bitPattern: time &- header.firstTime) / interval
        while true {
            let found = Int(min(place, UInt64(last)))
            if places.last != found {
                places.append(found)
                timestamps.append(header.firstTime &+ Int64(found) &* Int64(truncatingIfNeeded: interval))
            }
            index += 1
            if index >= count || found == last { return }
            time &+= step
            place = between == 0 ? place + stride : UInt64(bitPattern: time &- header.firstTime) / interval
        }
    }

    /// Chooses places among `times`.
    private mutating func place(_ start: Int64, _ step: Int64, _ count: Int, _ timestamps: inout [Int64]) {
        var behind = 0
        var time = start
        for _ in 0..<count {
            while behind < times.count && times[behind] <= time { behind += 1 }
            if behind > 0 && places.last != behind - 1 {
                places.append(behind - 1)
                timestamps.append(times[behind - 1])
            }
            if behind == times.count { return }
            time &+= step
        }
    }
}
