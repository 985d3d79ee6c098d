import MetricModel
import QueryEngine
import SeededRandom
import Testing

@Suite("Results to the last bit")
struct ExactnessTests {
    /// Neumaier's sum, value by value.
    private static func compensated(_ values: [Double], fromFirst: Bool) -> (sum: Double, compensation: Double) {
        var sum = fromFirst ? values[0] : 0
        var compensation = 0.0
        for value in values.dropFirst(fromFirst ? 1 : 0) {
            let total = sum + value
            compensation += sum.magnitude >= value.magnitude ? (sum - total) + value : (value - total) + sum
            sum = total
        }
        return (sum, compensation)
    }

    private static func values(_ query: String, _ series: SeriesColumns, steps: Int) throws -> [Int64: Double] {
        let time = QueryTime.range(start: 0, end: Int64(steps - 1) * 1_000, step: 1_000)
        guard case .matrix(let rows) = try Script.answer(query, time, [series]).value else { return [:] }
        var found: [Int64: Double] = [:]
        for row in rows { for (time, value) in zip(row.timestamps, row.values) { found[time] = value } }
        return found
    }

    @Test(
        "sums and means of windows are the compensated sums of their values one by one, however steps are computed together"
    )
    func sums() throws {
        var random = SplitMix64(seed: 11)
        for _ in 0..<200 {
            var time: Int64 = -20_000
            var samples: [(time: Int64, value: Double)] = []
            while time < 14_000 {
                time += 1 + Int64(random.below(1_500))
                let exponent = Double(1 << random.below(60))
                let value = (Double(random.below(2_000_001)) / 1_000_000 - 1) * exponent
                samples.append((time, random.below(12) == 0 ? -0.0 : value))
            }
            let labels = try Labels([Label("__name__", "m")])
            let series = SeriesColumns(labels: labels, timestamps: samples.map(\.time), values: samples.map(\.value))
            let steps = 1 + random.below(14)
            let length = Int64(1 + random.below(16_000))
            let sums = try Self.values("sum_over_time(m[\(length)ms])", series, steps: steps)
            let means = try Self.values("avg_over_time(m[\(length)ms])", series, steps: steps)
            for step in 0..<steps {
                let end = Int64(step) * 1_000
                let window = samples.filter { $0.time > end - length && $0.time <= end }.map(\.value)
                guard !window.isEmpty else {
                    #expect(sums[end] == nil && means[end] == nil)
                    continue
                }
                let (sum, rest) = Self.compensated(window, fromFirst: false)
                #expect(sums[end]?.bitPattern == (sum + rest).bitPattern)
                let (first, lost) = Self.compensated(window, fromFirst: true)
                let count = Double(window.count)
                #expect(means[end]?.bitPattern == (first / count + lost / count).bitPattern)
            }
        }
    }

    @Test("a quantile is that of the sorted values, NaNs first, whatever their order and number")
    func quantiles() throws {
        var random = SplitMix64(seed: 12)
        for round in 0..<120 {
            let count = 1 + random.below(300)
            let values = (0..<count).map { index in
                switch round % 4 {
                case 0: return Double(index)
                case 1: return Double(random.below(5))
                case 2: return random.below(9) == 0 ? Double.nan : Double(random.below(10_000)) / 8
                default: return Double(abs(index - count / 2))
                }
            }
            let series = try values.enumerated().map { index, value in
                SeriesColumns(
                    labels: try Labels([Label("__name__", "m"), Label("i", "\(index)")]), timestamps: [0],
                    values: [value])
            }
            let quantile = Double(random.below(101)) / 100
            guard
                case .vector(_, let elements) = try Script.answer(
                    "quantile(\(quantile), m)", .instant(at: 0), series
                ).value
            else { return }
            let sorted = values.sorted { $0.isNaN ? !$1.isNaN : $0 < $1 }
            let rank = quantile * Double(count - 1)
            let low = Int(rank)
            let weight = rank - Double(low)
            let expected = sorted[low] * (1 - weight) + sorted[min(low + 1, count - 1)] * weight
            #expect(elements.count == 1)
            #expect(elements.first?.value.bitPattern == expected.bitPattern || expected.isNaN)
            #expect(elements.first?.value.isNaN == expected.isNaN)
        }
    }
}
