// MARK: - Sums of four windows side by side

extension WindowKernel {
    /// Whether no sum of these values can be infinite or no number, in whatever order they are added.
    static func sumsAreFinite(_ values: [Double]) -> Bool {
        let numbers = values.span
        for index in numbers.indices where !(numbers[index].magnitude < 0x1p960) { return false }
        return true
    }

    /// Fills a row with what `result` makes of each window's compensated sum and count; for values whose sums are finite.
    ///
    /// A compensated sum waits for the addition before, so that one alone leaves most of the processor idle; the windows of four steps
    /// are added side by side. Every sum comes out as `KahanSum` has it, to the bit; `fromFirst` says whether it begins with its first value,
    /// which keeps the sign of a negative zero, and not with zero.
    @inline(__always)
    func fillSums(
        _ row: inout [Double], _ timestamps: [Int64], _ values: [Double], fromFirst: Bool,
        _ result: (_ sum: KahanSum, _ count: Double) -> Double
    ) {
        var lows = [Int](repeating: 0, count: (grid.count + 3) & ~3)
        var highs = lows
        each(&row, timestamps) { step, low, high in
            lows[step] = low
            highs[step] = high
            return 0
        }
        var cells = row.mutableSpan
        let numbers = values.span
        var visited = 0
        for first in stride(from: 0, to: grid.count, by: 4) {
            let low = SIMD4(lows[first], lows[first + 1], lows[first + 2], lows[first + 3])
            let high = SIMD4(highs[first], highs[first + 1], highs[first + 2], highs[first + 3])
            let shared = (high &- low).min()
            var lanes = KahanLanes()
            var taken = 0
            if fromFirst && shared > 0 {
                lanes.sum = KahanLanes.values(numbers, low, 0)
                taken = 1
            }
            while taken < shared {
                lanes.add(KahanLanes.values(numbers, low, taken))
                taken &+= 1
            }
            for lane in 0..<min(4, grid.count - first) where high[lane] > low[lane] {
                var sum = KahanSum(sum: lanes.sum[lane], compensation: lanes.compensation[lane])
                var next = low[lane] + taken
                if fromFirst && taken == 0 {
                    sum.sum = numbers[next]
                    next += 1
                }
                while next < high[lane] {
                    sum.add(numbers[next])
                    next += 1
                }
                cells[first + lane] = result(sum, Double(high[lane] - low[lane]))
                visited &+= high[lane] - low[lane]
            }
            if visited > WindowKernel.samplesBetweenChecks {
                if isCancelled() { return }
                visited = 0
            }
        }
    }
}

/// Four compensated sums.
private struct KahanLanes {
    var sum = SIMD4<Double>.zero
    var compensation = SIMD4<Double>.zero

    /// Adds four values.
    ///
    /// What rounding lost is computed without asking which summand is greater; it is the same number, for both ways give it exactly where
    /// nothing overflows. Source: D. Knuth, "The Art of Computer Programming", volume 2, section 4.2.2, theorem B.
    @inline(__always)
    mutating func add(_ values: SIMD4<Double>) {
        let total = sum + values
        let back = total - sum
        compensation += (sum - (total - back)) + (values - back)
        sum = total
    }

    /// The value `offset` behind each of four places.
    @inline(__always)
    static func values(_ numbers: Span<Double>, _ places: SIMD4<Int>, _ offset: Int) -> SIMD4<Double> {
        SIMD4(
            numbers[places[0] &+ offset], numbers[places[1] &+ offset], numbers[places[2] &+ offset],
            numbers[places[3] &+ offset])
    }
}
