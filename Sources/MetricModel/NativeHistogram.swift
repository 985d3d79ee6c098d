/// A native histogram: one sample with a count, a sum and as many buckets as are populated. Source: docs/formats/histogram.md.
///
/// Integer and float histograms are both kept as this: counts are absolute and `Double`.
package struct NativeHistogram: Sendable {
    /// A run of consecutive buckets.
    package struct Span: Hashable, Sendable, BitwiseCopyable {
        /// Buckets left out since the end of the span before; of the first span the index of its first bucket.
        package var offset: Int32
        /// How many buckets follow each other.
        package var length: UInt32

        package init(offset: Int32, length: UInt32) {
            self.offset = offset
            self.length = length
        }
    }

    /// The buckets of one sign: where they are, and what each counts (absolute, not the difference to its neighbour).
    package struct Buckets: Sendable {
        /// Runs of buckets by ascending index.
        package var spans: [Span]
        /// One for each bucket of the spans.
        package var counts: [Double]

        package init(spans: [Span] = [], counts: [Double] = []) {
            self.spans = spans
            self.counts = counts
        }

        package var isEmpty: Bool { spans.isEmpty && counts.isEmpty }
    }

    /// What the sender knows of counter resets between the sample before and this one; numbered as in remote write.
    package enum CounterResetHint: UInt8, Sendable, CaseIterable {
        case unknown = 0
        /// The counter was reset.
        case reset = 1
        /// It was not.
        case notReset = 2
        /// The histogram is a gauge: it has no resets.
        case gauge = 3
    }

    /// The schema of histograms with bounds of their own (`customValues`).
    package static let customSchema: Int8 = -53
    /// The schemas of exponential buckets: a power of two has 2^schema of them.
    package static let exponentialSchemas: ClosedRange<Int8> = -4...8

    /// One of `exponentialSchemas`, or `customSchema`.
    package var schema: Int8
    /// What the sender knows of resets.
    package var counterResetHint: CounterResetHint
    /// Observations.
    package var count: Double
    /// Sum of the observations; the stale marker's bits where the series ended.
    package var sum: Double
    /// Observations up to this distance from zero are in `zeroCount`; at least 0.
    package var zeroThreshold: Double
    package var zeroCount: Double
    /// Exponential: bucket i is (b^(i-1), b^i], b = 2^(2^-schema). Custom: bucket i is (bound i-1, bound i], the last one up to +Inf.
    package var positive: Buckets
    /// Exponential alone: bucket i is [-(b^i), -(b^(i-1))).
    package var negative: Buckets
    /// Of schema `customSchema` the upper bounds of the buckets, strictly ascending, without +Inf; else empty.
    package var customValues: [Double]

    /// Puts the parts together; nothing is checked (see `check` and `checkLayout`).
    package init(
        schema: Int8, counterResetHint: CounterResetHint = .unknown, count: Double, sum: Double,
        zeroThreshold: Double = 0, zeroCount: Double = 0, positive: Buckets = Buckets(),
        negative: Buckets = Buckets(), customValues: [Double] = []
    ) {
        self.schema = schema
        self.counterResetHint = counterResetHint
        self.count = count
        self.sum = sum
        self.zeroThreshold = zeroThreshold
        self.zeroCount = zeroCount
        self.positive = positive
        self.negative = negative
        self.customValues = customValues
    }

    /// Whether its buckets have bounds of their own.
    package var hasCustomBuckets: Bool { schema == Self.customSchema }

    /// Bytes in memory, roughly.
    package var memorySize: Int {
        192 + 8 * (positive.counts.count + negative.counts.count + customValues.count)
            + 8 * (positive.spans.count + negative.spans.count)
    }

    /// What it counts as where samples are limited: as many samples as would take its memory.
    package var weight: Int { memorySize / 16 }
}

extension NativeHistogram: Equatable {
    /// Equality of every bit.
    package static func == (left: NativeHistogram, right: NativeHistogram) -> Bool {
        left.hasSameLayout(as: right) && left.counterResetHint == right.counterResetHint
            && left.count.bitPattern == right.count.bitPattern && left.sum.bitPattern == right.sum.bitPattern
            && left.zeroCount.bitPattern == right.zeroCount.bitPattern
            && left.positive.counts.hasSameBits(as: right.positive.counts)
            && left.negative.counts.hasSameBits(as: right.negative.counts)
    }

    /// Whether both have the same buckets: schema, zero threshold, spans and bounds, to the bit.
    package func hasSameLayout(as other: NativeHistogram) -> Bool {
        schema == other.schema && zeroThreshold.bitPattern == other.zeroThreshold.bitPattern
            && positive.spans == other.positive.spans && negative.spans == other.negative.spans
            && customValues.hasSameBits(as: other.customValues)
    }
}

extension NativeHistogram.Buckets: Equatable {
    /// Equality of every bit.
    package static func == (left: Self, right: Self) -> Bool {
        left.spans == right.spans && left.counts.hasSameBits(as: right.counts)
    }

    /// Buckets by strictly ascending index; consecutive ones make a span.
    package init(indexed: [(index: Int32, count: Double)]) {
        self.init()
        var end = 0
        for (index, count) in indexed {
            if let last = spans.indices.last, Int(index) == end {
                spans[last].length += 1
            } else {
                spans.append(.init(offset: Int32(Int(index) - end), length: 1))
            }
            end = Int(index) + 1
            counts.append(count)
        }
    }

    /// The buckets with their indexes, ascending.
    ///
    /// - Precondition: the layout was checked.
    package func forEach(_ body: (_ index: Int32, _ count: Double) -> Void) {
        var index = 0
        var at = 0
        for span in spans {
            index += Int(span.offset)
            for _ in 0..<span.length {
                body(Int32(index), counts[at])
                index += 1
                at += 1
            }
        }
    }

    /// The same at a lower resolution: 2^`levels` exponential buckets become one.
    ///
    /// - Precondition: the layout was checked; `levels` is 0 ... 63.
    package func reduced(by levels: Int) -> Self {
        if levels == 0 { return self }
        var merged: [(index: Int32, count: Double)] = []
        forEach { index, count in
            let target = Int32(((Int(index) - 1) >> levels) + 1)
            if let last = merged.indices.last, merged[last].index == target {
                merged[last].count += count
            } else {
                merged.append((target, count))
            }
        }
        return Self(indexed: merged)
    }
}

extension [Double] {
    /// Whether both have the same bits: NaNs are equal to themselves, zeros of different sign are not.
    fileprivate func hasSameBits(as other: [Double]) -> Bool {
        elementsEqual(other) { $0.bitPattern == $1.bitPattern }
    }
}
