internal import MetricModel
internal import RealModule

// What is computed of one native histogram.
// Source: promql/quantile.go and promql/functions.go of Prometheus 3.5.

/// What a quantile or fraction has to be told with.
enum NativeHistogramRemark {
    /// Observations that are no numbers make the result none.
    case quantileIsNaN
    /// They make it higher.
    case quantileIsSkewed
    /// They belong to no fraction.
    case fractionLeavesNaN
}

extension NativeHistogram {
    /// The quantile: on a logarithmic scale inside exponential buckets, on a linear one inside custom ones and the zero bucket, which begins or
    /// ends at zero where there are observations of one sign alone.
    func quantile(_ quantile: Double) -> (value: Double, remark: NativeHistogramRemark?) {
        if quantile < 0 { return (-.infinity, nil) }
        if quantile > 1 { return (.infinity, nil) }
        if count == 0 || quantile.isNaN { return (.nan, nil) }
        // Observations that are no numbers stand in no bucket: then the rank is counted from below.
        let fromBelow = sum.isNaN || quantile < 0.5
        var rank = fromBelow ? quantile * count : (1 - quantile) * count
        let buckets = fromBelow ? ascendingBuckets : ascendingBuckets.reversed()
        var bucket = HistogramBucket(lower: 0, upper: 0, count: 0, includesLower: false, includesUpper: false)
        var counted = 0.0
        var next = 0
        while next < buckets.count {
            bucket = buckets[next]
            next += 1
            counted += bucket.count
            if bucket.count != 0 && counted >= rank { break }
        }
        if hasCustomBuckets {
            if bucket.lower == -.infinity {
                if bucket.upper <= 0 { return (bucket.upper, nil) }
                bucket.lower = 0
            } else if bucket.upper == .infinity {
                return (bucket.lower, nil)
            }
        } else if bucket.lower < 0 && bucket.upper > 0 {
            narrowToOneSide(&bucket)
        }
        if counted > count { counted = count }
        if counted < rank { return sum.isNaN ? (.nan, .quantileIsNaN) : (bucket.upper, nil) }
        rank = fromBelow ? rank - (counted - bucket.count) : counted - rank
        var remark: NativeHistogramRemark?
        if sum.isNaN {
            var last = bucket
            for other in buckets[next...] {
                last = other
                counted += other.count
            }
            // As in Prometheus, where the search for the rest moves on the bucket that is interpolated in.
            bucket = last
            if counted < count { remark = .quantileIsSkewed }
        }
        let part = rank / bucket.count
        if hasCustomBuckets || (bucket.lower <= 0 && bucket.upper >= 0) {
            return (bucket.lower + (bucket.upper - bucket.lower) * part, remark)
        }
        let lower = Double.log2(bucket.lower.magnitude)
        let upper = Double.log2(bucket.upper.magnitude)
        if bucket.lower > 0 { return (Double.exp2(lower + (upper - lower) * part), remark) }
        return (-Double.exp2(upper + (lower - upper) * (1 - part)), remark)
    }

    /// The part of the observations between two bounds, interpolated as `quantile` does.
    func fraction(from lower: Double, to upper: Double) -> (value: Double, remark: NativeHistogramRemark?) {
        if count == 0 || lower.isNaN || upper.isNaN { return (.nan, nil) }
        if lower >= upper { return (0, nil) }
        var counted = 0.0
        var rank = 0.0
        var lowerRank: Double?
        var upperRank: Double?
        let buckets = ascendingBuckets
        var next = 0
        while next < buckets.count && (lowerRank == nil || upperRank == nil) {
            var bucket = buckets[next]
            next += 1
            counted += bucket.count
            let isZero = bucket.lower <= 0 && bucket.upper >= 0
            if isZero { narrowToOneSide(&bucket) }
            for (bound, isLower) in [(lower, true), (upper, false)] {
                if (isLower ? lowerRank : upperRank) != nil { continue }
                let found: Double
                if bucket.lower >= bound {
                    found = rank
                } else if bucket.upper > bound {
                    found = rank + observations(of: bucket, below: bound, isLinear: hasCustomBuckets || isZero)
                } else {
                    continue
                }
                if isLower { lowerRank = found } else { upperRank = found }
            }
            rank += bucket.count
        }
        var remark: NativeHistogramRemark?
        if sum.isNaN {
            for bucket in buckets[next...] { counted += bucket.count }
            if counted < count { remark = .fractionLeavesNaN }
        } else {
            counted = count
        }
        let last = upperRank.map { $0 > counted ? counted : $0 } ?? counted
        let first = lowerRank.map { $0 > counted ? counted : $0 } ?? counted
        return ((last - first) / count, remark)
    }

    /// The variance of observations that are taken to lie in the middle of their buckets: the geometric one of exponential buckets.
    var variance: Double {
        let mean = sum / count
        var total = KahanSum()
        for bucket in ascendingBuckets where bucket.count != 0 {
            let middle: Double
            if hasCustomBuckets {
                middle = (bucket.upper + bucket.lower) / 2
            } else if bucket.lower <= 0 && bucket.upper >= 0 {
                middle = 0
            } else {
                let root = (bucket.upper * bucket.lower).squareRoot()
                middle = bucket.upper < 0 ? -root : root
            }
            let delta = middle - mean
            total.add(bucket.count * delta * delta)
        }
        return total.total / count
    }

    private func narrowToOneSide(_ bucket: inout HistogramBucket) {
        if negative.counts.isEmpty && !positive.counts.isEmpty {
            bucket.lower = 0
        } else if positive.counts.isEmpty && !negative.counts.isEmpty {
            bucket.upper = 0
        }
    }

    private func observations(of bucket: HistogramBucket, below value: Double, isLinear: Bool) -> Double {
        if isLinear { return bucket.count * (value - bucket.lower) / (bucket.upper - bucket.lower) }
        let lower = Double.log2(bucket.lower.magnitude)
        let upper = Double.log2(bucket.upper.magnitude)
        let position = Double.log2(value.magnitude)
        let part = value > 0 ? (position - lower) / (upper - lower) : 1 - (position - upper) / (lower - upper)
        return bucket.count * part
    }
}
