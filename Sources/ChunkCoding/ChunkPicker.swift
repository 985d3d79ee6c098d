import ByteCoding

/// Decodes of a chunk only the samples that certain times want: for each time the newest sample that is not after it.
///
/// That is what an instant selector looks at, one sample in six where a dashboard steps by a minute over samples each ten seconds. A value with scratch
/// memory that grows to its longest chunk.
package struct ChunkPicker: Sendable {
    private var places: [Int] = []
    private var times: [Int64] = []
    private var numbers: [Double] = []
    /// The distance of samples in the last chunk that had one, and what of that chunk it follows from: the next chunk is like it.
    private var regular = Regular()

    package init() {}

    /// Writes the samples that are wanted, each once, ascending.
    ///
    /// - Parameters:
    ///   - header: of the chunk.
    ///   - bytes: hold the chunk's samples; more bytes behind them spare a copy of the last. What lies behind the last sample wanted is not
    ///     looked at.
    ///   - range: where the samples stand: the chunk without its header.
    ///   - start: the first time, Unix milliseconds; times before the chunk's first sample want nothing.
    ///   - step: milliseconds from one time to the next, at least 1.
    ///   - count: how many times; the last of them does not overflow.
    ///   - timestamps: from `base` on overwritten with the samples' times; has room for `count` there.
    ///   - values: as the timestamps.
    ///   - base: where the first goes.
    /// - Returns: how many samples, at most `count`.
    /// - Throws: `ChunkError`; the columns are then of no use.
    package mutating func pick(
        _ header: ChunkHeader, _ bytes: RawSpan, at range: Range<Int>, newestAt start: Int64, step: Int64, count: Int,
        into timestamps: inout MutableSpan<Int64>, _ values: inout MutableSpan<Double>, from base: Int
    ) throws(ChunkError) -> Int {
        precondition(step > 0 && count <= min(timestamps.count, values.count) - base, "no room for \(count)")
        var cursor = ChunkCursor(bytes, at: range)
        if places.count < count { places.append(contentsOf: repeatElement(0, count: count - places.count)) }
        let found: Int
        if header.timestampCodec == .regular {
            try regular.update(header, step)
            found = Self.place(header, regular, start, count, &places, &timestamps, base)
        } else {
            times.removeAll(keepingCapacity: true)
            times.append(contentsOf: repeatElement(0, count: header.count))
            var span = times.mutableSpan
            try Timestamps.read(header, into: &span, base: 0, from: &cursor)
            found = Self.place(times, start, step, count, &places, &timestamps, base)
        }
        if found == 0 { return 0 }
        if header.valueCodec == .scaled {
            try ScaledIntegers.read(
                header.count, at: places.span.extracting(0..<found), into: &values, base: base, from: &cursor)
            return found
        }
        numbers.removeAll(keepingCapacity: true)
        numbers.append(contentsOf: repeatElement(0, count: header.count))
        var span = numbers.mutableSpan
        try ChunkDecoder.readValues(header, into: &span, base: 0, from: &cursor)
        for index in 0..<found { values[base + index] = numbers[places[index]] }
        return found
    }

    /// Chooses places of samples that have one distance throughout; returns how many.
    private static func place(
        _ header: ChunkHeader, _ regular: Regular, _ start: Int64, _ count: Int, _ places: inout [Int],
        _ timestamps: inout MutableSpan<Int64>, _ base: Int
    ) -> Int {
        let interval = regular.interval
        let step = regular.step
        let last = header.count - 1
        var time = start
        var index = 0
        if time < header.firstTime {
            // Unsigned, because the difference may need all 64 bits.
            let missing = UInt64(bitPattern: header.firstTime &- time) &- 1
            let skipped = missing / UInt64(step) + 1
            guard skipped < UInt64(count) else { return 0 }
            index = Int(skipped)
            time &+= Int64(index) &* step
        }
        guard index < count else { return 0 }
        var place = UInt64(bitPattern: time &- header.firstTime) / interval
        var places = places.mutableSpan
        var found = 0
        var newest = -1
        while true {
            let wanted = Int(min(place, UInt64(last)))
            if wanted != newest {
                newest = wanted
                places[found] = wanted
                timestamps[base &+ found] = header.firstTime &+ Int64(wanted) &* Int64(truncatingIfNeeded: interval)
                found &+= 1
            }
            index &+= 1
            if index >= count || wanted == last { return found }
            time &+= step
            place =
                regular.isMultiple
                ? place &+ regular.stride : UInt64(bitPattern: time &- header.firstTime) / interval
        }
    }

    /// Chooses places among `times`; returns how many.
    private static func place(
        _ times: [Int64], _ start: Int64, _ step: Int64, _ count: Int, _ places: inout [Int],
        _ timestamps: inout MutableSpan<Int64>, _ base: Int
    ) -> Int {
        var places = places.mutableSpan
        var found = 0
        var newest = -1
        var behind = 0
        var time = start
        for _ in 0..<count {
            while behind < times.count && times[behind] <= time { behind += 1 }
            if behind > 0 && newest != behind - 1 {
                newest = behind - 1
                places[found] = newest
                timestamps[base &+ found] = times[newest]
                found &+= 1
            }
            if behind == times.count { break }
            time &+= step
        }
        return found
    }
}

/// The distance of a regular chunk's samples, and how many of them a step takes: divisions that chunk after chunk come out alike.
private struct Regular: Sendable {
    /// Milliseconds; the greatest number where there is one sample.
    private(set) var interval: UInt64 = .max
    /// Samples from one time to the next, rounded down.
    private(set) var stride: UInt64 = 0
    /// Whether a step takes exactly so many.
    private(set) var isMultiple = false
    private var range: UInt64 = 0
    private var count = 0
    /// Milliseconds from one time to the next.
    private(set) var step: Int64 = 0

    @inline(__always)
    mutating func update(_ header: ChunkHeader, _ step: Int64) throws(ChunkError) {
        if header.range == range && header.count == count && step == self.step { return }
        try compute(header, step)
    }

    private mutating func compute(_ header: ChunkHeader, _ step: Int64) throws(ChunkError) {
        let gaps = header.count - 1
        let (interval, rest) = gaps > 0 ? header.range.quotientAndRemainder(dividingBy: UInt64(gaps)) : (UInt64.max, 0)
        guard rest == 0 else { throw ChunkError(.badTimes, offset: 2, found: header.range) }
        let (stride, between) = UInt64(step).quotientAndRemainder(dividingBy: interval)
        self = Regular(
            interval: interval, stride: stride, isMultiple: between == 0, range: header.range, count: header.count,
            step: step)
    }
}
