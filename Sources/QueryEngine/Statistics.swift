/// Statistics of the samples in a window or of a group.
enum Statistics {
    /// Population variance by Welford's method with compensated sums.
    static func variance(_ values: ArraySlice<Double>) -> Double {
        var count = 0.0
        var mean = KahanSum()
        var squares = KahanSum()
        for value in values {
            count += 1
            let delta = value - mean.total
            mean.add(delta / count)
            squares.add(delta * (value - mean.total))
        }
        return squares.total / count
    }

    /// The q-quantile, interpolated linearly between neighbours; -Inf and +Inf for q outside 0 ... 1, NaN for NaN. NaNs sort first.
    static func quantile(_ quantile: Double, _ values: some Collection<Double>) -> Double {
        if values.isEmpty || quantile.isNaN { return .nan }
        if quantile < 0 { return -.infinity }
        if quantile > 1 { return .infinity }
        let sorted = values.sorted { $0.isNaN ? !$1.isNaN : $0 < $1 }
        let rank = quantile * Double(sorted.count - 1)
        let low = max(0, rank.rounded(.down))
        let high = min(Double(sorted.count - 1), low + 1)
        let weight = rank - rank.rounded(.down)
        return sorted[Int(low)] * (1 - weight) + sorted[Int(high)] * weight
    }

    /// The median of the distances from the median.
    static func medianDeviation(_ values: ArraySlice<Double>) -> Double {
        let median = quantile(0.5, values)
        return quantile(0.5, values.map { ($0 - median).magnitude })
    }
}
