package import ByteCoding

extension NativeHistogram {
    private enum Flag {
        static let hint: UInt8 = 0b0000_0011
        static let whole: UInt8 = 0b0000_0100
        static let negative: UInt8 = 0b0000_1000
        static let custom: UInt8 = 0b0001_0000
        static let all: UInt8 = 0b0001_1111
    }

    /// The histogram as bytes, the same for the same histogram: what is hashed, compared, logged and sent. Source: docs/formats/histogram.md.
    package var encoded: [UInt8] {
        var bytes: [UInt8] = []
        encode(into: &bytes)
        return bytes
    }

    /// Appends the histogram's bytes.
    package func encode(into bytes: inout [UInt8]) {
        let isWhole = hasWholeCounts
        bytes.append(counterResetHint.rawValue | (isWhole ? Flag.whole : 0))
        encodeLayout(into: &bytes)
        bytes.append(littleEndian: sum)
        if isWhole {
            bytes.append(varint: UInt64(count))
            bytes.append(varint: UInt64(zeroCount))
            Self.appendDifferences(positive.counts, to: &bytes)
            Self.appendDifferences(negative.counts, to: &bytes)
        } else {
            bytes.append(littleEndian: count)
            bytes.append(littleEndian: zeroCount)
            bytes.append(column: positive.counts)
            bytes.append(column: negative.counts)
        }
    }

    /// Whether all counts are whole numbers up to 2^53, which integers stand for without loss.
    package var hasWholeCounts: Bool {
        count.isWholeCount && zeroCount.isWholeCount && positive.counts.allSatisfy(\.isWholeCount)
            && negative.counts.allSatisfy(\.isWholeCount)
    }

    /// Appends schema, zero threshold, spans and bounds.
    package func encodeLayout(into bytes: inout [UInt8]) {
        bytes.append(UInt8(bitPattern: schema))
        bytes.append((negative.isEmpty ? 0 : Flag.negative) | (customValues.isEmpty ? 0 : Flag.custom))
        bytes.append(littleEndian: zeroThreshold)
        Self.append(positive.spans, to: &bytes)
        if !negative.isEmpty { Self.append(negative.spans, to: &bytes) }
        if !customValues.isEmpty {
            bytes.append(varint: customValues.count)
            bytes.append(column: customValues)
        }
    }

    private static func append(_ spans: [Span], to bytes: inout [UInt8]) {
        bytes.append(varint: spans.count)
        for span in spans {
            bytes.append(zigzag: Int64(span.offset))
            bytes.append(varint: UInt64(span.length))
        }
    }

    private static func appendDifferences(_ counts: [Double], to bytes: inout [UInt8]) {
        var last: Int64 = 0
        for count in counts {
            let whole = Int64(count)
            bytes.append(zigzag: whole - last)
            last = whole
        }
    }

    /// Reads what `encode` wrote; nothing is allocated that the bytes do not have.
    ///
    /// - Parameters:
    ///   - reader: at its first byte.
    ///   - origin: how large it may be.
    /// - Throws: `ByteError`: `.outOfRange` also for a histogram that `checkLayout` refuses.
    @_lifetime(reader: copy reader)
    package init(reading reader: inout ByteReader, _ origin: Origin = .sample) throws(ByteError) {
        let start = reader.offset
        let flags = try reader.readUInt8()
        guard flags & ~(Flag.hint | Flag.whole) == 0, let hint = CounterResetHint(rawValue: flags & Flag.hint) else {
            throw ByteError(.outOfRange, offset: start, needed: 0)
        }
        try self.init(readingLayout: &reader, origin)
        counterResetHint = hint
        sum = try reader.readDouble()
        if flags & Flag.whole != 0 {
            count = try Self.readWhole(&reader)
            zeroCount = try Self.readWhole(&reader)
            try Self.readDifferences(&positive.counts, &reader)
            try Self.readDifferences(&negative.counts, &reader)
        } else {
            count = try reader.readDouble()
            zeroCount = try reader.readDouble()
            positive.counts = try reader.readDoubleArray(count: positive.counts.count)
            negative.counts = try reader.readDoubleArray(count: negative.counts.count)
        }
    }

    /// Reads schema, zero threshold, spans and bounds; all counts are 0.
    ///
    /// - Throws: `ByteError`, also for a layout that `checkLayout` refuses.
    @_lifetime(reader: copy reader)
    package init(readingLayout reader: inout ByteReader, _ origin: Origin = .sample) throws(ByteError) {
        let start = reader.offset
        self.init(schema: Int8(bitPattern: try reader.readUInt8()), count: 0, sum: 0)
        let flags = try reader.readUInt8()
        guard flags & ~(Flag.negative | Flag.custom) == 0 else {
            throw ByteError(.outOfRange, offset: start, needed: 0)
        }
        zeroThreshold = try reader.readDouble()
        try Self.read(&positive, &reader, origin)
        if flags & Flag.negative != 0 { try Self.read(&negative, &reader, origin) }
        if flags & Flag.custom != 0 {
            let bounds = try reader.readCount(unit: 8)
            customValues = try reader.readDoubleArray(count: bounds)
        }
        do throws(HistogramError) { try checkLayout(origin) } catch {
            throw ByteError(.outOfRange, offset: start, needed: 0)
        }
    }

    @_lifetime(reader: copy reader)
    private static func read(
        _ buckets: inout Buckets, _ reader: inout ByteReader, _ origin: Origin
    ) throws(ByteError) {
        let start = reader.offset
        var length = 0
        for _ in 0..<(try reader.readCount(unit: 2)) {
            let offset = try reader.readZigzag()
            let number = try reader.readVarint()
            guard let offset = Int32(exactly: offset), number <= UInt64(origin.bucketsMax),
                buckets.spans.count < origin.spansMax
            else { throw ByteError(.outOfRange, offset: start, needed: 0) }
            buckets.spans.append(Span(offset: offset, length: UInt32(number)))
            length += Int(number)
        }
        guard length <= origin.bucketsMax else { throw ByteError(.outOfRange, offset: start, needed: length) }
        buckets.counts = Array(repeating: 0, count: length)
    }

    @_lifetime(reader: copy reader)
    private static func readWhole(_ reader: inout ByteReader) throws(ByteError) -> Double {
        let start = reader.offset
        let whole = try reader.readVarint()
        guard whole <= countMax else { throw ByteError(.outOfRange, offset: start, needed: 0) }
        return Double(whole)
    }

    @_lifetime(reader: copy reader)
    private static func readDifferences(_ counts: inout [Double], _ reader: inout ByteReader) throws(ByteError) {
        var last: Int64 = 0
        for index in counts.indices {
            let start = reader.offset
            let (whole, overflow) = last.addingReportingOverflow(try reader.readZigzag())
            guard !overflow, whole >= 0, whole <= Int64(countMax) else {
                throw ByteError(.outOfRange, offset: start, needed: 0)
            }
            counts[index] = Double(whole)
            last = whole
        }
    }
}

extension Double {
    /// Whether it is a whole number from 0 to 2^53, and not -0.
    fileprivate var isWholeCount: Bool {
        self >= 0 && self <= Double(NativeHistogram.countMax) && Double(UInt64(self)).bitPattern == bitPattern
    }
}
