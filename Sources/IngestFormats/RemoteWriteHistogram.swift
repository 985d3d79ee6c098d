import ByteCoding
import MetricModel

/// One `Histogram` of a remote-write request. The fields, from prometheus/prometheus: prompb/types.proto:
///
///     Histogram   1: uint64 count_int         2: double count_float       3: double sum        4: sint32 schema
///                 5: double zero_threshold    6: uint64 zero_count_int    7: double zero_count_float
///                 8: BucketSpan* negative     9: sint64* deltas          10: double* counts
///                11: BucketSpan* positive    12: sint64* deltas          13: double* counts
///                14: enum reset_hint         15: int64 timestamp         16: double* custom_values
///     BucketSpan  1: sint32 offset            2: uint32 length
///
/// Repeated numbers are read packed or one by one. Every list is bounded while it is read.
struct RemoteWriteHistogram {
    /// Why it is refused.
    enum Failure: Error, CustomStringConvertible {
        case bytes(ByteError)
        case histogram(HistogramError)
        /// It has integer counts and float buckets, or the other way round.
        case mixedCounts

        var description: String {
            switch self {
            case .bytes(let error): "\(error)"
            case .histogram(let error): "\(error)"
            case .mixedCounts: "it mixes integer and float counts"
            }
        }
    }

    private struct Side {
        var spans: [NativeHistogram.Span] = []
        var deltas: [Int64] = []
        var counts: [Double] = []

        /// The integer counts that the differences give.
        func wholeCounts() throws(HistogramError) -> [UInt64] {
            var counts: [UInt64] = []
            var count: Int64 = 0
            for delta in deltas {
                let (sum, overflow) = count.addingReportingOverflow(delta)
                guard !overflow, sum <= Int64(NativeHistogram.countMax) else { throw .countTooGreat(of: "a bucket") }
                guard sum >= 0 else { throw .negativeCount(of: "a bucket") }
                counts.append(UInt64(sum))
                count = sum
            }
            return counts
        }
    }

    private var isFloat = false
    private var countInt: UInt64 = 0
    private var countFloat = 0.0
    private var sum = 0.0
    private var schema: Int64 = 0
    private var zeroThreshold = 0.0
    private var zeroCountInt: UInt64 = 0
    private var zeroCountFloat = 0.0
    private var negative = Side()
    private var positive = Side()
    private var hint: UInt64 = 0
    private var customValues: [Double] = []
    /// Unix milliseconds.
    private(set) var timestamp: Int64 = 0

    /// Reads the message; what it says is checked by `histogram`.
    init(_ message: RawSpan) throws(Failure) {
        var reader = ProtobufReader(message)
        do {
            while let field = try reader.nextField() { try read(field, &reader) }
        } catch let error as ByteError {
            throw .bytes(error)
        } catch let error as HistogramError {
            throw .histogram(error)
        } catch {
            preconditionFailure("\(error)")
        }
    }

    @_lifetime(reader: copy reader)
    private mutating func read(
        _ field: (number: Int, type: ProtobufReader.WireType), _ reader: inout ProtobufReader
    ) throws {
        switch (field.number, field.type) {
        case (1, .varint): (countInt, isFloat) = (try reader.readVarint(), false)
        case (2, .fixed64): (countFloat, isFloat) = (try reader.readDouble(), true)
        case (3, .fixed64): sum = try reader.readDouble()
        case (4, .varint): schema = Self.unzigzag(try reader.readVarint())
        case (5, .fixed64): zeroThreshold = try reader.readDouble()
        case (6, .varint): zeroCountInt = try reader.readVarint()
        case (7, .fixed64): zeroCountFloat = try reader.readDouble()
        case (8, .bytes): try Self.span(reader.readSpan(), &negative.spans)
        case (9, _): try Self.integers(field.type, &reader, &negative.deltas)
        case (10, _): try Self.doubles(field.type, &reader, &negative.counts, Self.buckets)
        case (11, .bytes): try Self.span(reader.readSpan(), &positive.spans)
        case (12, _): try Self.integers(field.type, &reader, &positive.deltas)
        case (13, _): try Self.doubles(field.type, &reader, &positive.counts, Self.buckets)
        case (14, .varint): hint = try reader.readVarint()
        case (15, .varint): timestamp = try reader.readInt64()
        case (16, _): try Self.doubles(field.type, &reader, &customValues, Self.bounds)
        default: try reader.skip(field.type)
        }
    }

    private static let buckets = ("histogram_buckets_max", NativeHistogram.bucketsMax)
    private static let bounds = ("histogram_custom_bounds_max", NativeHistogram.customBoundsMax)

    private static func unzigzag(_ raw: UInt64) -> Int64 { Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1) }

    private static func span(_ message: RawSpan, _ spans: inout [NativeHistogram.Span]) throws {
        guard spans.count < NativeHistogram.spansMax else {
            throw HistogramError.limit(
                name: "histogram_spans_max", maximum: NativeHistogram.spansMax, found: spans.count + 1)
        }
        var reader = ProtobufReader(message)
        var offset: Int64 = 0
        var length: UInt64 = 0
        while let field = try reader.nextField() {
            switch (field.number, field.type) {
            case (1, .varint): offset = unzigzag(try reader.readVarint())
            case (2, .varint): length = try reader.readVarint()
            default: try reader.skip(field.type)
            }
        }
        guard let offset = Int32(exactly: offset), let length = UInt32(exactly: length) else {
            throw HistogramError.indexOutOfRange
        }
        spans.append(NativeHistogram.Span(offset: offset, length: length))
    }

    @_lifetime(reader: copy reader)
    private static func integers(
        _ type: ProtobufReader.WireType, _ reader: inout ProtobufReader, _ list: inout [Int64]
    ) throws {
        switch type {
        case .varint: try append(unzigzag(try reader.readVarint()), to: &list, buckets)
        case .bytes:
            var packed = ByteReader(try reader.readSpan())
            while !packed.isAtEnd { try append(try packed.readZigzag(), to: &list, buckets) }
        default: try reader.skip(type)
        }
    }

    @_lifetime(reader: copy reader)
    private static func doubles(
        _ type: ProtobufReader.WireType, _ reader: inout ProtobufReader, _ list: inout [Double], _ limit: (String, Int)
    ) throws {
        switch type {
        case .fixed64: try append(try reader.readDouble(), to: &list, limit)
        case .bytes:
            var packed = ByteReader(try reader.readSpan())
            while !packed.isAtEnd { try append(try packed.readDouble(), to: &list, limit) }
        default: try reader.skip(type)
        }
    }

    private static func append<T>(_ element: T, to list: inout [T], _ limit: (name: String, maximum: Int)) throws {
        guard list.count < limit.maximum else {
            throw HistogramError.limit(name: limit.name, maximum: limit.maximum, found: list.count + 1)
        }
        list.append(element)
    }

    // MARK: - What it says

    /// Whether it says that the series ended.
    var isStaleMarker: Bool { sum.isStaleMarker }

    /// The histogram, checked; of schemas 9 to 52 at schema 8.
    func histogram() throws(Failure) -> NativeHistogram {
        guard
            isFloat
                ? positive.deltas.isEmpty && negative.deltas.isEmpty
                : positive.counts.isEmpty && negative.counts.isEmpty
        else { throw .mixedCounts }
        do throws(HistogramError) {
            let kept = Int8(exactly: min(schema, Int64(NativeHistogram.exponentialSchemas.upperBound)))
            guard let kept, schema <= 52 else { throw .unknownSchema(Int(clamping: schema)) }
            let levels = Int(schema) - Int(kept)
            var result = NativeHistogram(
                schema: kept, counterResetHint: .init(rawValue: UInt8(clamping: hint)) ?? .unknown,
                count: isFloat ? countFloat : try Self.whole(countInt, "its count"), sum: sum,
                zeroThreshold: zeroThreshold,
                zeroCount: isFloat ? zeroCountFloat : try Self.whole(zeroCountInt, "its zero count"),
                customValues: customValues)
            let whole = (positive: try positive.wholeCounts(), negative: try negative.wholeCounts())
            result.positive = try Self.buckets(positive, whole.positive, reducedBy: levels)
            result.negative = try Self.buckets(negative, whole.negative, reducedBy: levels)
            try result.check()
            if !isFloat { try checkSum(whole.positive + whole.negative) }
            return result
        } catch {
            throw .histogram(error)
        }
    }

    private static func buckets(
        _ side: Side, _ whole: [UInt64], reducedBy levels: Int
    ) throws(HistogramError) -> NativeHistogram.Buckets {
        let buckets = NativeHistogram.Buckets(spans: side.spans, counts: side.counts + whole.map { Double($0) })
        if levels == 0 { return buckets }
        try buckets.checkSpans(within: Int(Int32.min) + 1...Int(Int32.max))
        return buckets.reduced(by: levels)
    }

    private static func whole(_ count: UInt64, _ what: String) throws(HistogramError) -> Double {
        guard count <= NativeHistogram.countMax else { throw .countTooGreat(of: what) }
        return Double(count)
    }

    /// An integer histogram's buckets add up to its count; where the sum is not a number, observations that were none are in no bucket.
    ///
    /// So no bucket counts more than the histogram, also where several have become one.
    private func checkSum(_ counts: [UInt64]) throws(HistogramError) {
        var buckets = zeroCountInt
        for count in counts {
            let (sum, overflow) = buckets.addingReportingOverflow(count)
            guard !overflow else { throw .countTooGreat(of: "the sum of its buckets") }
            buckets = sum
        }
        guard sum.isNaN ? buckets <= countInt : buckets == countInt else {
            throw .countMismatch(count: countInt, buckets: buckets)
        }
    }
}
