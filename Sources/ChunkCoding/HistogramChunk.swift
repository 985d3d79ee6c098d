import ByteCoding
package import MetricModel

/// Chunks of native histograms: the header and the timestamps of every chunk, then the histograms, each by its difference to the one before.
///
/// Layout: docs/formats/histogram.md, "Chunk".
package enum HistogramChunk {
    private enum Flag {
        static let hint: UInt8 = 0b0011
        static let whole: UInt8 = 0b0100
        static let sameLayout: UInt8 = 0b1000
    }

    /// Whether a chunk has histograms; bytes that are no chunk have none.
    package static func isOne(_ chunk: RawSpan) -> Bool {
        chunk.byteCount > 1 && chunk.byte(at: 1) >> 4 == ValueCodec.histogram.rawValue
    }

    // MARK: - Writing

    /// Appends one chunk.
    ///
    /// - Parameters:
    ///   - histograms: 1 ... `Chunk.sampleCountMax` (else a broken invariant: traps).
    ///   - output: whatever stands in it stays.
    package static func encode(_ histograms: HistogramColumns, into output: inout [UInt8]) {
        let times = histograms.timestamps
        precondition(times.count >= 1 && times.count <= Chunk.sampleCountMax, "1 ... 65535 histograms")
        output.append(Chunk.version)
        let codecs = output.count
        output.append(0)
        output.append(varint: times.count)
        output.append(zigzag: times[0])
        output.append(varint: UInt64(bitPattern: times[times.count - 1] &- times[0]))
        var differences: [Int64] = []
        let timestampCodec = Timestamps.append(times.span, scratch: &differences, to: &output)
        output[codecs] = timestampCodec.rawValue | ValueCodec.histogram.rawValue << 4
        var last: NativeHistogram?
        var lastIsWhole = false
        for histogram in histograms.values {
            let isWhole = histogram.hasWholeCounts
            let base = last.flatMap { $0.hasSameLayout(as: histogram) && lastIsWhole == isWhole ? $0 : nil }
            output.append(
                histogram.counterResetHint.rawValue | (isWhole ? Flag.whole : 0) | (base != nil ? Flag.sameLayout : 0))
            if base == nil { histogram.encodeLayout(into: &output) }
            output.append(varint: histogram.sum.bitPattern ^ (last?.sum.bitPattern ?? 0))
            let old = base?.numbers
            for (index, number) in histogram.numbers.enumerated() {
                let before = old?[index] ?? 0
                if isWhole {
                    output.append(zigzag: Int64(number) - Int64(before))
                } else {
                    output.append(varint: number.bitPattern ^ before.bitPattern)
                }
            }
            last = histogram
            lastIsWhole = isWhole
        }
    }

    // MARK: - Reading

    /// Reads a chunk.
    ///
    /// - Parameter bytes: exactly one chunk.
    /// - Returns: as many histograms as the header counts, strictly ascending.
    /// - Throws: `ChunkError` for bytes that `encode` cannot have written.
    /// - Complexity: O(buckets); memory for what the bytes have alone: a bucket takes a byte of them at least.
    package static func decode(_ bytes: RawSpan) throws(ChunkError) -> HistogramColumns {
        var cursor = ChunkCursor(bytes)
        let header = try ChunkHeader(from: &cursor)
        guard header.valueCodec == .histogram else {
            throw ChunkError(.unknownCodec, offset: 1, found: UInt64(header.codecs))
        }
        var times = [Int64](repeating: 0, count: header.count)
        var span = times.mutableSpan
        try Timestamps.read(header, into: &span, base: 0, from: &cursor)
        let start = cursor.offset
        var reader = ByteReader(bytes.extracting(start..<bytes.byteCount))
        var histograms: [NativeHistogram] = []
        var lastIsWhole = false
        for _ in 0..<header.count {
            do {
                let next = try Self.next(&reader, after: histograms.last, lastIsWhole: &lastIsWhole)
                histograms.append(next)
            } catch {
                throw ChunkError(.badHistogram, offset: start + reader.offset)
            }
        }
        guard reader.isAtEnd else {
            throw ChunkError(.trailingBytes, offset: start + reader.offset, found: UInt64(reader.remaining))
        }
        return HistogramColumns(timestamps: times, values: histograms)
    }

    @_lifetime(reader: copy reader)
    private static func next(
        _ reader: inout ByteReader, after last: NativeHistogram?, lastIsWhole: inout Bool
    ) throws(ByteError) -> NativeHistogram {
        let start = reader.offset
        let malformed = ByteError(.outOfRange, offset: start, needed: 0)
        let flags = try reader.readUInt8()
        let isWhole = flags & Flag.whole != 0
        guard flags & ~(Flag.hint | Flag.whole | Flag.sameLayout) == 0,
            let hint = NativeHistogram.CounterResetHint(rawValue: flags & Flag.hint)
        else { throw malformed }
        var result: NativeHistogram
        var hasBase = false
        if flags & Flag.sameLayout != 0 {
            guard let last, lastIsWhole == isWhole else { throw malformed }
            result = last
            hasBase = true
        } else {
            result = try NativeHistogram(readingLayout: &reader)
        }
        result.counterResetHint = hint
        result.sum = Double(bitPattern: try reader.readVarint() ^ (last?.sum.bitPattern ?? 0))
        guard result.numberCount <= reader.remaining else { throw malformed }
        try read(&result.count, &reader, isWhole, hasBase)
        try read(&result.zeroCount, &reader, isWhole, hasBase)
        for index in result.positive.counts.indices {
            try read(&result.positive.counts[index], &reader, isWhole, hasBase)
        }
        for index in result.negative.counts.indices {
            try read(&result.negative.counts[index], &reader, isWhole, hasBase)
        }
        lastIsWhole = isWhole
        return result
    }

    /// Reads a number by its difference to what is there.
    @inline(__always)
    @_lifetime(reader: copy reader)
    private static func read(
        _ number: inout Double, _ reader: inout ByteReader, _ isWhole: Bool, _ hasBase: Bool
    ) throws(ByteError) {
        let start = reader.offset
        let old = hasBase ? number : 0
        guard isWhole else {
            number = Double(bitPattern: try reader.readVarint() ^ old.bitPattern)
            return
        }
        let (whole, overflow) = Int64(old).addingReportingOverflow(try reader.readZigzag())
        guard !overflow, whole >= 0, whole <= Int64(NativeHistogram.countMax) else {
            throw ByteError(.outOfRange, offset: start, needed: 0)
        }
        number = Double(whole)
    }
}

extension NativeHistogram {
    /// Count, zero count and buckets: what differs from sample to sample.
    fileprivate var numbers: [Double] { [count, zeroCount] + positive.counts + negative.counts }

    fileprivate var numberCount: Int { 2 + positive.counts.count + negative.counts.count }
}
