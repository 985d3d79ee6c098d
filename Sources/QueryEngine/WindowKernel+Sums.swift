// MARK: - Counts of pairs, sums, means, extremes

extension WindowKernel {
    /// `changes` and `resets`: how many neighbours in the window fulfil `differs`.
    func fillPairs(
        _ row: inout [Double], _ timestamps: [Int64], _ values: [Double],
        _ differs: (_ previous: Double, _ next: Double) -> Bool
    ) {
        // before[i]: pairs (k - 1, k) with k <= i that differ.
        var before = [Int](repeating: 0, count: values.count)
        for index in values.indices.dropFirst() {
            before[index] = before[index - 1] + (differs(values[index - 1], values[index]) ? 1 : 0)
        }
        each(&row, timestamps) { _, low, high in Double(before[high - 1] - before[low]) }
    }

    func fillSum(_ row: inout [Double], _ timestamps: [Int64], _ values: [Double]) {
        if overlaps, let before = WindowKernel.exactSums(values) {
            each(&row, timestamps) { _, low, high in Double(before[high] - before[low]) }
            return
        }
        if WindowKernel.sumsAreFinite(values) {
            return fillSums(&row, timestamps, values, fromFirst: false) { sum, _ in sum.total }
        }
        each(&row, timestamps) { _, low, high in
            var sum = KahanSum()
            for index in low..<high { sum.add(values[index]) }
            return sum.sum.isInfinite ? sum.sum : sum.total
        }
    }

    func fillMean(_ row: inout [Double], _ timestamps: [Int64], _ values: [Double]) {
        if overlaps, let before = WindowKernel.exactSums(values) {
            each(&row, timestamps) { _, low, high in
                KahanMean(exactSum: Double(before[high] - before[low]), count: high - low).mean
            }
            return
        }
        if WindowKernel.sumsAreFinite(values) {
            return fillSums(&row, timestamps, values, fromFirst: true) { sum, count in
                sum.sum / count + sum.compensation / count
            }
        }
        each(&row, timestamps) { _, low, high in
            var mean = KahanMean()
            for index in low..<high { mean.add(values[index]) }
            return mean.mean
        }
    }

    /// Sums of all values before each index, when they are whole numbers so small that every order of adding them is exact; else nil.
    /// Negative zero is left out: a sum of such zeros alone has a sign.
    static func exactSums(_ values: [Double]) -> [Int64]? {
        var magnitudes = 0.0
        for value in values {
            guard value.rounded(.towardZero) == value, value != 0 || value.sign == .plus else { return nil }
            magnitudes += value.magnitude
            // NaN and infinities fail here too.
            guard magnitudes <= 0x1p52 else { return nil }
        }
        var before = [Int64](repeating: 0, count: values.count + 1)
        for index in values.indices { before[index + 1] = before[index] + Int64(values[index]) }
        return before
    }

    /// `min` and `max`: the extreme of the numbers in the window, NaN when there is none.
    ///
    /// Keeps the indices of values that can still become the extreme in a queue, best first (D. Lemire, "Streaming maximum-minimum
    /// filter using no more than three comparisons per element", 2006).
    func fillExtreme(
        _ row: inout [Double], _ timestamps: [Int64], _ values: [Double], _ isBetter: (Double, Double) -> Bool
    ) {
        var queue = [Int](repeating: 0, count: values.count)
        var head = 0
        var tail = 0
        var taken = 0
        each(&row, timestamps) { _, low, high in
            while taken < high {
                let value = values[taken]
                if !value.isNaN {
                    while tail > head && isBetter(value, values[queue[tail - 1]]) { tail &-= 1 }
                    queue[tail] = taken
                    tail &+= 1
                }
                taken &+= 1
            }
            while head < tail && queue[head] < low { head &+= 1 }
            return head < tail ? values[queue[head]] : values[high - 1]
        }
    }

    func fillTimeOfExtreme(
        _ row: inout [Double], _ timestamps: [Int64], _ values: [Double], _ isAsGood: (Double, Double) -> Bool
    ) {
        each(&row, timestamps) { _, low, high in
            var best = low
            for index in low..<high where isAsGood(values[index], values[best]) || values[best].isNaN { best = index }
            return Double(timestamps[best]) / 1000
        }
    }
}
