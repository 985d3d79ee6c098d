import ByteCoding

/// The timestamps of a chunk between its first and its last, which stand in the header.
///
/// Layout: docs/formats/chunk.md, "Timestamps".
enum Timestamps {
    /// The longest list of exceptions that is tried before packed differences: as part of the differences, one in this many.
    private static let differencesPerException = 16

    /// Appends what `timestamps`, strictly ascending, need beside the header.
    ///
    /// - Parameters:
    ///   - timestamps: at least one.
    ///   - differences: scratch memory.
    ///   - output: gains the codec's bytes.
    /// - Returns: the codec that was used.
    static func append(_ timestamps: Span<Int64>, scratch differences: inout [Int64], to output: inout [UInt8])
        -> TimestampCodec
    {
        differences.removeAll(keepingCapacity: true)
        differences.reserveCapacity(timestamps.count)
        var last = timestamps[0]
        for index in 1..<max(timestamps.count, 1) {
            precondition(timestamps[index] > last, "timestamps of a chunk ascend strictly")
            differences.append(timestamps[index] &- last)
            last = timestamps[index]
        }
        let interval = majority(differences)
        var exceptionCount = 0
        for difference in differences where difference != interval { exceptionCount += 1 }
        if exceptionCount == 0 { return .regular }
        if exceptionCount > differences.count / differencesPerException {
            PackedRun.append(differences.span, to: &output)
            return .packed
        }
        output.append(varint: UInt64(bitPattern: interval))
        output.append(varint: exceptionCount)
        var next = 0
        for (index, difference) in differences.enumerated() where difference != interval {
            output.append(varint: index - next)
            output.append(zigzag: difference &- interval)
            next = index + 1
        }
        return .interval
    }

    /// The value that more than half of `differences` have, if there is one (Boyer and Moore, "MJRTY", 1981); any other if not.
    private static func majority(_ differences: [Int64]) -> Int64 {
        var candidate: Int64 = 0
        var votes = 0
        for difference in differences {
            if votes == 0 { candidate = difference }
            votes += difference == candidate ? 1 : -1
        }
        return candidate
    }

    /// Fills `timestamps` from `base` on, as many as the header counts.
    ///
    /// - Throws: `ChunkError` unless they ascend strictly from the header's first to its last.
    static func read(
        _ header: ChunkHeader, into timestamps: inout MutableSpan<Int64>, base: Int, from cursor: inout ChunkCursor
    ) throws(ChunkError) {
        timestamps[base] = header.firstTime
        let at = cursor.offset
        switch header.timestampCodec {
        case .regular: try readRegular(header, into: &timestamps, base: base, at: at)
        case .interval: try readInterval(header, into: &timestamps, base: base, from: &cursor)
        case .packed: try readPacked(header, into: &timestamps, base: base, from: &cursor)
        }
        guard timestamps[base + header.count - 1] == header.lastTime else {
            throw ChunkError(.badTimes, offset: at, found: UInt64(bitPattern: timestamps[base + header.count - 1]))
        }
    }

    private static func readRegular(
        _ header: ChunkHeader, into timestamps: inout MutableSpan<Int64>, base: Int, at offset: Int
    ) throws(ChunkError) {
        guard header.count > 1 else { return }
        let (interval, rest) = header.range.quotientAndRemainder(dividingBy: UInt64(header.count - 1))
        // The header's own check makes the interval 1 at least.
        guard rest == 0 else { throw ChunkError(.badTimes, offset: offset, found: header.range) }
        var time = header.firstTime
        for index in 1..<header.count {
            time &+= Int64(bitPattern: interval)
            timestamps[base &+ index] = time
        }
    }

    private static func readInterval(
        _ header: ChunkHeader, into timestamps: inout MutableSpan<Int64>, base: Int, from cursor: inout ChunkCursor
    ) throws(ChunkError) {
        let at = cursor.offset
        let interval = Int64(bitPattern: try cursor.varint())
        let exceptionCount = try cursor.varint()
        guard exceptionCount < UInt64(header.count) else {
            throw ChunkError(.badCount, offset: at, found: exceptionCount)
        }
        var time = header.firstTime
        var index = 1
        var ascends = true
        for _ in 0..<exceptionCount {
            let at = cursor.offset
            let gap = try cursor.varint()
            guard gap < UInt64(header.count - index) else { throw ChunkError(.badCount, offset: at, found: gap) }
            for _ in 0..<gap {
                ascends = ascends && time &+ interval > time
                time &+= interval
                timestamps[base &+ index] = time
                index &+= 1
            }
            let next = time &+ interval &+ (try cursor.zigzag())
            ascends = ascends && next > time
            time = next
            timestamps[base &+ index] = time
            index &+= 1
        }
        while index < header.count {
            ascends = ascends && time &+ interval > time
            time &+= interval
            timestamps[base &+ index] = time
            index &+= 1
        }
        guard ascends else { throw ChunkError(.badTimes, offset: at, found: UInt64(bitPattern: interval)) }
    }

    private static func readPacked(
        _ header: ChunkHeader, into timestamps: inout MutableSpan<Int64>, base: Int, from cursor: inout ChunkCursor
    ) throws(ChunkError) {
        var block = IntegerBlock(repeating: 0)
        var time = header.firstTime
        var start = 1
        while start < header.count {
            let at = cursor.offset
            let count = min(IntegerBlock.count, header.count - start)
            try PackedRun.readBlock(count: count, from: &cursor, into: &block)
            var ascends = true
            for index in 0..<count {
                let next = time &+ block[index]
                ascends = ascends && next > time
                time = next
                timestamps[base &+ start &+ index] = time
            }
            guard ascends else { throw ChunkError(.badTimes, offset: at, found: UInt64(bitPattern: time)) }
            start &+= count
        }
    }
}
