/// A classic histogram at one step: cumulative counts by upper bound.
struct ClassicHistogram {
    /// One bucket: the count of observations up to its bound.
    struct Bucket: Equatable {
        var upperBound: Double
        var count: Double
    }

    private(set) var buckets: [Bucket]
    /// Whether counts had to be raised to keep them from falling.
    private(set) var wasForcedMonotonic = false

    /// Sorts the buckets by bound and adds up those of equal bounds.
    init(_ unsorted: [Bucket]) {
        buckets = []
        for bucket in unsorted.sorted(by: { $0.upperBound < $1.upperBound }) {
            if let last = buckets.last, last.upperBound == bucket.upperBound {
                buckets[buckets.count - 1].count += bucket.count
            } else {
                buckets.append(bucket)
            }
        }
    }

    private var isClosed: Bool { buckets.last?.upperBound == .infinity }

    // MARK: - histogram_quantile

    /// The quantile, interpolated linearly inside its bucket; the lowest bucket begins at 0 when its bound is positive.
    mutating func quantile(_ quantile: Double) -> Double {
        if quantile.isNaN { return .nan }
        if quantile < 0 { return -.infinity }
        if quantile > 1 { return .infinity }
        guard isClosed else { return .nan }
        makeMonotonic()
        guard buckets.count >= 2, let total = buckets.last?.count, total != 0 else { return .nan }
        var rank = quantile * total
        let last = buckets.count - 1
        let found = buckets[..<last].firstIndex { $0.count >= rank } ?? last
        // What lies above the last finite bound is answered with that bound.
        if found == last { return buckets[last - 1].upperBound }
        if found == 0 && buckets[0].upperBound <= 0 { return buckets[0].upperBound }
        var start = 0.0
        var count = buckets[found].count
        if found > 0 {
            start = buckets[found - 1].upperBound
            count -= buckets[found - 1].count
            rank -= buckets[found - 1].count
        }
        return start + (buckets[found].upperBound - start) * (rank / count)
    }

    /// Differences up to this part of the sum are rounding, and levelled in silence.
    private static let tolerance = 1e-12

    private mutating func makeMonotonic() {
        var previous = buckets[0].count
        for index in buckets.indices.dropFirst() {
            let count = buckets[index].count
            if count == previous { continue }
            let isRounding = ClassicHistogram.areAlmostEqual(previous, count)
            if isRounding || count < previous {
                buckets[index].count = previous
                if !isRounding { wasForcedMonotonic = true }
            } else {
                previous = count
            }
        }
    }

    private static func areAlmostEqual(_ left: Double, _ right: Double) -> Bool {
        if left.isNaN && right.isNaN { return true }
        let sum = left.magnitude + right.magnitude
        let difference = (left - right).magnitude
        let smallest = Double.leastNormalMagnitude
        if left == 0 || right == 0 || sum < smallest { return difference < tolerance * smallest }
        return difference / min(sum, .greatestFiniteMagnitude) < tolerance
    }

    // MARK: - histogram_fraction

    /// The part of the observations between two bounds, interpolated linearly inside buckets.
    func fraction(from lower: Double, to upper: Double) -> Double {
        guard isClosed, let total = buckets.last?.count, total != 0, !lower.isNaN, !upper.isNaN else { return .nan }
        if lower >= upper { return 0 }
        return (min(rank(upper) ?? total, total) - min(rank(lower) ?? total, total)) / total
    }

    /// The observations below a value; nil when it is above every bound.
    private func rank(_ value: Double) -> Double? {
        var below = 0.0
        var start = -Double.infinity
        for bucket in buckets {
            if start >= value { return below }
            if bucket.upperBound > value {
                return below + (bucket.count - below) * (value - start) / (bucket.upperBound - start)
            }
            below = bucket.count
            start = bucket.upperBound
        }
        return nil
    }
}
