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
        var values = Array(values)
        return Statistics.quantile(quantile, reordering: &values)
    }

    /// The same of values whose order may be lost.
    ///
    /// - Complexity: O(values) as a rule, never worse than sorting.
    static func quantile(_ quantile: Double, reordering values: inout [Double]) -> Double {
        if values.isEmpty || quantile.isNaN { return .nan }
        if quantile < 0 { return -.infinity }
        if quantile > 1 { return .infinity }
        let rank = quantile * Double(values.count - 1)
        let low = Int(max(0, rank.rounded(.down)))
        let high = min(values.count - 1, low + 1)
        let weight = rank - rank.rounded(.down)
        select(low, in: &values)
        // What stands behind is not less: the next one is the least of that.
        var next = values[high]
        for index in high..<values.count where precedes(values[index], next) { next = values[index] }
        return values[low] * (1 - weight) + next * weight
    }

    /// The order of sorting: NaNs first.
    @inline(__always)
    private static func precedes(_ left: Double, _ right: Double) -> Bool {
        left < right || (left.isNaN && !right.isNaN)
    }

    /// Brings the value to `rank` that sorting would put there, with none behind it that is less.
    ///
    /// Source: C. A. R. Hoare, "Algorithm 65: FIND", 1961, with the median of three as pivot; sorts what is left where the pivots are bad.
    private static func select(_ rank: Int, in values: inout [Double]) {
        var numbers = values.mutableSpan
        var first = 0
        var last = numbers.count - 1
        var rounds = 4 * (Int.bitWidth - numbers.count.leadingZeroBitCount)
        while first < last && rounds > 0 {
            rounds -= 1
            let (a, b, c) = (numbers[first], numbers[(first + last) / 2], numbers[last])
            let pivot =
                precedes(a, b)
                ? (precedes(b, c) ? b : precedes(a, c) ? c : a) : (precedes(a, c) ? a : precedes(b, c) ? c : b)
            var left = first
            var right = last
            while left <= right {
                while precedes(numbers[left], pivot) { left &+= 1 }
                while precedes(pivot, numbers[right]) { right &-= 1 }
                if left > right { break }
                let value = numbers[left]
                numbers[left] = numbers[right]
                numbers[right] = value
                left &+= 1
                right &-= 1
            }
            // Between the two stand values equal to the pivot.
            if rank <= right { last = right } else if rank >= left { first = left } else { return }
        }
        if first < last { values[first...last].sort(by: precedes) }
    }

    /// The median of the distances from the median.
    static func medianDeviation(_ values: ArraySlice<Double>) -> Double {
        let median = quantile(0.5, values)
        return quantile(0.5, values.map { ($0 - median).magnitude })
    }
}
