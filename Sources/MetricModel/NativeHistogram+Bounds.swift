internal import RealModule

// MARK: - The buckets of a native histogram as ranges

/// A bucket with its bounds.
package struct HistogramBucket: Equatable, Sendable {
    /// The bounds; of the outermost ones infinite.
    package var lower: Double
    package var upper: Double
    /// Observations in it.
    package var count: Double
    /// Whether the bounds themselves belong to it.
    package var includesLower: Bool
    package var includesUpper: Bool

    /// A bucket between two bounds.
    package init(lower: Double, upper: Double, count: Double, includesLower: Bool, includesUpper: Bool) {
        self.lower = lower
        self.upper = upper
        self.count = count
        self.includesLower = includesLower
        self.includesUpper = includesUpper
    }
}

extension NativeHistogram {
    /// All buckets from the lowest up, the zero bucket where it has observations; what overlaps the zero bucket begins at its threshold.
    package var ascendingBuckets: [HistogramBucket] { buckets(apartFromZero: true) }

    /// All buckets from the lowest up, with the bounds that their indexes give them.
    package var ascendingWholeBuckets: [HistogramBucket] { buckets(apartFromZero: false) }

    private func buckets(apartFromZero: Bool) -> [HistogramBucket] {
        let zeroThreshold = apartFromZero ? zeroThreshold : 0
        var buckets: [HistogramBucket] = []
        buckets.reserveCapacity(negative.counts.count + positive.counts.count + 1)
        negative.forEach { index, count in
            let (near, far) = bounds(index)
            let upper = near > 0 && near < zeroThreshold ? -zeroThreshold : -near
            buckets.append(
                HistogramBucket(lower: -far, upper: upper, count: count, includesLower: true, includesUpper: false))
        }
        buckets.reverse()
        if zeroCount > 0 {
            buckets.append(
                HistogramBucket(
                    lower: -self.zeroThreshold, upper: self.zeroThreshold, count: zeroCount, includesLower: true,
                    includesUpper: true))
        }
        positive.forEach { index, count in
            var (lower, upper) = bounds(index)
            if lower > 0 && lower < zeroThreshold { lower = zeroThreshold }
            if upper < 0 && upper > -zeroThreshold { upper = -zeroThreshold }
            buckets.append(
                HistogramBucket(
                    lower: lower, upper: upper, count: count, includesLower: hasCustomBuckets && index == 0,
                    includesUpper: true))
        }
        return buckets
    }

    /// The bounds of a bucket, of the negative side without the sign.
    package func bounds(_ index: Int32) -> (near: Double, far: Double) {
        (bound(Int(index) - 1), bound(Int(index)))
    }

    /// The upper bound of a bucket of the positive side.
    package func bound(_ index: Int) -> Double {
        guard hasCustomBuckets else { return ExponentialBound.of(index, schema: schema) }
        if index < 0 { return -.infinity }
        return index < customValues.count ? customValues[index] : .infinity
    }
}

/// The bounds of exponential buckets: 2^(index / 2^schema), but the greatest number in the place of 2^1024.
enum ExponentialBound {
    /// By how many units in the last place Prometheus' constants 2^(i/256) / 2 lie below the nearest numbers, as letters from A for -1.
    ///
    /// Source: `exponentialBounds` in model/histogram/generic.go of Prometheus, whose bounds those of clients and of other answers are.
    private static let differences: [Int] =
        Array(
            ("BBBBBBCBBBCBBBBBBBCDBBCCCCCCCCCCBBCBBBCBBCCCBBCCBBCCBACCBBCCBBCC"
                + "BBBBBBCCCCDDCBDCBBCBBBCBBBBCBBBBBBBCBABBCBDDBBCCBCCCBBCBCBDDCCCC"
                + "CBCBCCDDCCDCCBCCCCCCCCDCDCDDDCDDBBCCBBCBCCDDCBDDCCDDCBCCDCDDCCDC"
                + "CCEDCCDCDDEDDDEDDDDDDDEEEEFFEDFECCDCCDDDDCEECCDDDCEDCCDDDDFEDDEE").utf8
        ).map { Int($0) - 66 }

    private static let fractions: [Double] = differences.enumerated().map { index, difference in
        let nearest = Double.exp2(Double(index) / 256) / 2
        return Double(bitPattern: UInt64(Int64(nearest.bitPattern) - Int64(difference)))
    }

    static func of(_ index: Int, schema: Int8) -> Double {
        if schema < 0 {
            let exponent = index << Int(-schema)
            return exponent == 1024 ? .greatestFiniteMagnitude : Double(sign: .plus, exponent: exponent, significand: 1)
        }
        let exponent = (index >> Int(schema)) + 1
        let fraction = fractions[(index & ((1 << Int(schema)) - 1)) << (8 - Int(schema))]
        if fraction == 0.5 && exponent == 1025 { return .greatestFiniteMagnitude }
        return Double(sign: .plus, exponent: exponent, significand: fraction)
    }
}
