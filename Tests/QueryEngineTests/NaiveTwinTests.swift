import MetricModel
import QueryEngine
import SeededRandom
import Testing

@Suite("Window functions against a naive twin on random data")
struct NaiveTwinTests {
    /// Written from the definitions: each window is filtered out of all samples anew, and sums are taken in one pass over it.
    private static func naive(_ function: String, _ window: [(time: Int64, value: Double)], end: Int64, length: Int64)
        -> Double?
    {
        let values = window.map(\.value)
        guard let first = window.first, let last = window.last else { return nil }
        let numbers = values.filter { !$0.isNaN }
        let pairs = zip(values, values.dropFirst())
        switch function {
        case "count_over_time": return Double(values.count)
        case "last_over_time": return last.value
        case "present_over_time": return 1
        case "min_over_time": return numbers.min() ?? .nan
        case "max_over_time": return numbers.max() ?? .nan
        case "changes": return Double(pairs.count { $0 != $1 && !($0.isNaN && $1.isNaN) })
        case "resets": return Double(pairs.count { $1 < $0 })
        case "sum_over_time": return values.reduce(0, +)
        case "avg_over_time": return values.reduce(0, +) / Double(values.count)
        case "idelta": return values.count < 2 ? nil : last.value - values[values.count - 2]
        case "quantile_over_time":
            let sorted = numbers.sorted()
            let rank = 0.3 * Double(sorted.count - 1)
            let low = Int(rank)
            return sorted[low] + (rank - Double(low)) * (sorted[min(low + 1, sorted.count - 1)] - sorted[low])
        case "stdvar_over_time":
            let mean = values.reduce(0, +) / Double(values.count)
            return values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
        case "deriv": return values.count < 2 ? nil : slope(window, first.time)
        default: return extrapolated(function, window, end: end, length: length)
        }
    }

    private static func slope(_ window: [(time: Int64, value: Double)], _ origin: Int64) -> Double {
        let points = window.map { (Double($0.time - origin) / 1000, $0.value) }
        let count = Double(points.count)
        let meanX = points.reduce(0) { $0 + $1.0 } / count
        let meanY = points.reduce(0) { $0 + $1.1 } / count
        let covariance = points.reduce(0) { $0 + ($1.0 - meanX) * ($1.1 - meanY) }
        return covariance / points.reduce(0) { $0 + ($1.0 - meanX) * ($1.0 - meanX) }
    }

    private static func extrapolated(
        _ function: String, _ window: [(time: Int64, value: Double)], end: Int64, length: Int64
    ) -> Double? {
        guard window.count > 1, let first = window.first, let last = window.last else { return nil }
        var rise = last.value - first.value
        if function != "delta" {
            for (previous, next) in zip(window, window.dropFirst()) where next.value < previous.value {
                rise += previous.value
            }
        }
        let covered = Double(last.time - first.time) / 1000
        let distance = covered / Double(window.count - 1)
        var before = Double(first.time - (end - length)) / 1000
        var after = Double(end - last.time) / 1000
        if before >= distance * 1.1 { before = distance / 2 }
        if after >= distance * 1.1 { after = distance / 2 }
        if function != "delta", rise > 0, first.value >= 0 { before = min(before, covered * (first.value / rise)) }
        let increase = rise * (covered + before + after) / covered
        return function == "rate" ? increase / (Double(length) / 1000) : increase
    }

    static let functions = [
        "count_over_time", "last_over_time", "present_over_time", "min_over_time", "max_over_time", "changes", "resets",
        "sum_over_time",
        "avg_over_time", "idelta", "quantile_over_time", "stdvar_over_time", "deriv", "rate", "increase", "delta",
    ]

    @Test("every window of every step answers as the definition does", arguments: functions)
    func windows(function: String) throws {
        var random = SplitMix64(seed: function.utf8.reduce(7) { $0 &* 31 &+ UInt64($1) })
        for _ in 0..<150 {
            let samples = NaiveTwinTests.samples(
                &random,
                mayHaveNaN: !["rate", "increase", "delta", "deriv", "idelta", "quantile_over_time"].contains(function))
            let length = Int64(1 + random.below(120)) * 500
            let step = Int64(1 + random.below(40)) * 700
            let start = Int64(random.below(100_000)) - 20_000
            let count = 1 + random.below(40)
            let time = QueryTime.range(start: start, end: start + Int64(count - 1) * step, step: step)
            let argument = function == "quantile_over_time" ? "0.3, " : ""
            let offset = random.below(3) == 0 ? " offset 7s" : ""
            let shift: Int64 = offset.isEmpty ? 0 : 7_000
            let query = "\(function)(\(argument)m_total[\(length)ms]\(offset))"
            let labels = try Labels([Label("__name__", "m_total")])
            let series = SeriesColumns(labels: labels, timestamps: samples.map(\.time), values: samples.map(\.value))
            guard case .matrix(let rows) = try Script.answer(query, time, [series]).value else {
                Issue.record("\(query) is no matrix")
                return
            }
            var found: [Int64: Double] = [:]
            for row in rows { for (time, value) in zip(row.timestamps, row.values) { found[time] = value } }
            for index in 0..<count {
                let now = start + Int64(index) * step
                let end = now - shift
                let window = samples.filter { $0.time > end - length && $0.time <= end && !$0.value.isStaleMarker }
                let expected = NaiveTwinTests.naive(function, window, end: end, length: length)
                let isSame = NaiveTwinTests.isClose(found[now], expected)
                #expect(
                    isSame,
                    "\(query) at \(now): \(String(describing: found[now])), expected \(String(describing: expected)) of \(window)"
                )
                if !isSame { return }
            }
        }
    }

    private static func samples(_ random: inout SplitMix64, mayHaveNaN: Bool) -> [(time: Int64, value: Double)] {
        var time: Int64 = 0
        let isWhole = random.below(2) == 0
        return (0..<random.below(80)).map { _ in
            time += Int64(1 + random.below(6_000))
            switch random.below(30) {
            case 0: return (time, StaleMarker.value)
            case 1 where mayHaveNaN: return (time, .nan)
            default: return (time, isWhole ? Double(random.below(20)) : Double(random.below(1000)) / 7)
            }
        }
    }

    private static func isClose(_ left: Double?, _ right: Double?) -> Bool {
        guard let left, let right else { return left == nil && right == nil }
        if left.isNaN || right.isNaN { return left.isNaN && right.isNaN }
        return (left - right).magnitude <= 1e-9 * max(1, left.magnitude, right.magnitude)
    }
}

extension SplitMix64 {
    /// A number in 0 ..< bound, 0 when the bound is 0.
    mutating func below(_ bound: Int) -> Int { bound == 0 ? 0 : Int(next() % UInt64(bound)) }
}
