/// Why something is not a native histogram.
package enum HistogramError: Error, Equatable, Sendable, CustomStringConvertible {
    case unknownSchema(Int)
    case limit(name: String, maximum: Int, found: Int)
    /// A span after the first begins before the one before it ends, or a custom bucket below the first.
    case negativeOffset(span: Int)
    case bucketsUnlikeSpans(spans: Int, counts: Int)
    /// A bucket so far out that no number lies in it.
    case indexOutOfRange
    case negativeCount(of: String)
    case countNotFinite(of: String)
    case countTooGreat(of: String)
    /// The buckets of an integer histogram do not add up to its count.
    case countMismatch(count: UInt64, buckets: UInt64)
    case badZeroThreshold
    case boundsNotAscending
    case customWithNegative
    case customWithZeroBucket
    case boundsWithoutCustomSchema

    package var description: String {
        switch self {
        case .unknownSchema(let schema): "schema \(schema) is not known (-4 to 52, or -53 for custom buckets)"
        case .limit(let name, let maximum, let found): "\(name) is \(maximum), found \(found)"
        case .negativeOffset(let span): "span \(span) has a negative offset"
        case .bucketsUnlikeSpans(let spans, let counts): "the spans have \(spans) buckets, but there are \(counts)"
        case .indexOutOfRange: "a bucket's index is out of range"
        case .negativeCount(let what): "\(what) is negative"
        case .countNotFinite(let what): "\(what) is not a finite number"
        case .countTooGreat(let what): "\(what) is above 2^53"
        case .countMismatch(let count, let buckets): "its count is \(count), but its buckets have \(buckets)"
        case .badZeroThreshold: "its zero threshold is negative or not a number"
        case .boundsNotAscending: "its custom bounds are not finite and strictly ascending"
        case .customWithNegative: "custom buckets have no negative side"
        case .customWithZeroBucket: "custom buckets have no zero bucket"
        case .boundsWithoutCustomSchema: "custom bounds belong to schema -53 alone"
        }
    }
}

extension NativeHistogram {
    /// `histogram_buckets_max`: buckets of both signs together, of a sample.
    package static let bucketsMax = 4_096
    /// `histogram_spans_max`: spans of both signs together, of a sample.
    package static let spansMax = 4_096
    /// `histogram_result_buckets_max`: buckets of both signs together, and spans, of what a query makes of several.
    ///
    /// So many take at most 13 bytes each on the wire, which with the longest labels is less than a page of an answer.
    package static let resultBucketsMax = 32_768
    /// `histogram_custom_bounds_max`
    package static let customBoundsMax = 4_096
    /// Indexes of exponential buckets lie within this distance from 0; at schema 8 the greatest number is in bucket 262,144.
    package static let bucketIndexMax = 1 << 20
    /// The greatest integer count: above it not every integer has a `Double`.
    package static let countMax: UInt64 = 1 << 53

    /// Where a histogram comes from: that says how large it may be.
    package enum Origin: Sendable {
        /// Pushed, stored or copied.
        case sample
        /// Computed by a query from samples.
        case result

        fileprivate var buckets: (name: String, maximum: Int) {
            switch self {
            case .sample: ("histogram_buckets_max", NativeHistogram.bucketsMax)
            case .result: ("histogram_result_buckets_max", NativeHistogram.resultBucketsMax)
            }
        }

        fileprivate var spans: (name: String, maximum: Int) {
            switch self {
            case .sample: ("histogram_spans_max", NativeHistogram.spansMax)
            case .result: ("histogram_result_buckets_max", NativeHistogram.resultBucketsMax)
            }
        }

        /// The most buckets.
        var bucketsMax: Int { buckets.maximum }
        /// The most spans.
        var spansMax: Int { spans.maximum }
    }

    /// Checks everything that a sender may have got wrong: the layout and that each count is one.
    package func check() throws(HistogramError) {
        try checkLayout()
        try Self.check(count, "its count")
        try Self.check(zeroCount, "its zero count")
        for count in positive.counts { try Self.check(count, "a bucket") }
        for count in negative.counts { try Self.check(count, "a bucket") }
        if hasCustomBuckets, zeroCount != 0 { throw .customWithZeroBucket }
    }

    /// Checks what everybody who walks the buckets relies on; results of arithmetic pass it as `.result`.
    package func checkLayout(_ origin: Origin = .sample) throws(HistogramError) {
        let isCustom = hasCustomBuckets
        guard isCustom || Self.exponentialSchemas.contains(schema) else { throw .unknownSchema(Int(schema)) }
        try checkSize(origin)
        try Self.checkLimit(("histogram_custom_bounds_max", Self.customBoundsMax), customValues.count)
        guard zeroThreshold >= 0 else { throw .badZeroThreshold }
        if isCustom {
            guard negative.isEmpty else { throw .customWithNegative }
            guard zeroThreshold == 0 else { throw .customWithZeroBucket }
            var last = -Double.infinity
            for bound in customValues {
                guard bound > last, bound < .infinity else { throw .boundsNotAscending }
                last = bound
            }
            try positive.checkSpans(within: 0...customValues.count)
        } else {
            guard customValues.isEmpty else { throw .boundsWithoutCustomSchema }
            try positive.checkSpans(within: -Self.bucketIndexMax...Self.bucketIndexMax)
            try negative.checkSpans(within: -Self.bucketIndexMax...Self.bucketIndexMax)
        }
    }

    /// Checks how many buckets and spans there are.
    package func checkSize(_ origin: Origin) throws(HistogramError) {
        try Self.checkLimit(origin.spans, positive.spans.count + negative.spans.count)
        try Self.checkLimit(origin.buckets, positive.counts.count + negative.counts.count)
    }

    private static func check(_ count: Double, _ what: String) throws(HistogramError) {
        guard count.isFinite else { throw .countNotFinite(of: what) }
        guard count >= 0 else { throw .negativeCount(of: what) }
    }

    private static func checkLimit(_ limit: (name: String, maximum: Int), _ found: Int) throws(HistogramError) {
        guard found <= limit.maximum else { throw .limit(name: limit.name, maximum: limit.maximum, found: found) }
    }
}

extension NativeHistogram.Buckets {
    /// Checks that the spans ascend within some indexes and have as many buckets as there are counts.
    ///
    /// - Precondition: no more spans than `NativeHistogram.resultBucketsMax`, so that no sum of them overflows.
    package func checkSpans(within indexes: ClosedRange<Int>) throws(HistogramError) {
        var index = 0
        var buckets = 0
        for (number, span) in spans.enumerated() {
            guard number == 0 || span.offset >= 0 else { throw .negativeOffset(span: number) }
            index += Int(span.offset)
            if number == 0, indexes.lowerBound == 0, index < 0 { throw .negativeOffset(span: 0) }
            guard index >= indexes.lowerBound, index + Int(span.length) - 1 <= indexes.upperBound else {
                throw .indexOutOfRange
            }
            index += Int(span.length)
            buckets += Int(span.length)
        }
        guard buckets == counts.count else { throw .bucketsUnlikeSpans(spans: buckets, counts: counts.count) }
    }
}
