import MetricModel
import SeededRandom

/// Random expressions and random series for them, from one seed.
struct RandomQueries {
    var random: SplitMix64

    init(seed: UInt64) {
        random = SplitMix64(seed: seed)
    }

    mutating func pick<T>(_ list: [T]) -> T { list[Int(random.next() % UInt64(list.count))] }

    mutating func chance(_ percent: UInt64) -> Bool { random.next() % 100 < percent }

    // MARK: - Series

    /// Series of some servers, whose values have sums that are exact in any order, every 10 s from 0 on, with gaps, stale markers, resets, NaN and infinities; `strays` adds series that other
    /// labels place, or none.
    mutating func series(strays: Bool) -> [SeriesColumns] {
        var result: [SeriesColumns] = []
        var seen: Set<Labels> = []
        for _ in 0..<Int(8 + random.next() % 24) {
            var labels = [
                Label("__name__", pick(["m", "n", "c_total", "h_bucket"])), Label("zone", pick(["a", "b", "c"])),
                Label("job", pick(["x", "y"])),
            ]
            if labels[0].value == "h_bucket" { labels.append(Label("le", pick(["0.5", "1", "2", "+Inf"]))) }
            if !strays || chance(80) { labels.append(Label("instance", "i\(random.next() % 5)")) }
            if strays && chance(15) { labels.append(Label("host", "h\(random.next() % 3)")) }
            labels.sort()
            let set = Labels(sortedUnique: labels)
            if seen.insert(set).inserted { result.append(columns(set)) }
        }
        return result
    }

    private mutating func columns(_ labels: Labels) -> SeriesColumns {
        var columns = SeriesColumns(labels: labels, timestamps: [], values: [])
        let isCounter = labels.metricName?.hasSuffix("_total") ?? false
        let isWild = chance(5)
        var value = Double(random.next() % 50)
        for index in 0..<60 {
            if chance(8) { continue }
            value = isCounter ? (chance(4) ? 0 : value + Double(random.next() % 7)) : Double(random.next() % 4000) / 32
            var sample = value
            if chance(2) { sample = StaleMarker.value }
            if isWild && chance(10) { sample = pick([.nan, .infinity, -.infinity, 1e308]) }
            columns.timestamps.append(Int64(index) * 10_000)
            columns.values.append(sample)
        }
        return columns
    }

    // MARK: - Expressions

    /// An instant vector.
    mutating func vector(depth: Int) -> String {
        if depth == 0 { return selector() }
        let inner = { (self: inout RandomQueries) in self.vector(depth: depth - 1) }
        switch random.next() % 14 {
        case 0: return selector()
        case 1, 2: return "\(pick(RandomQueries.windowFunctions))(\(selector())[\(pick(["30s", "1m", "95s"]))])"
        case 3: return "max_over_time((\(inner(&self)))[1m:\(pick(["20s", "30s"]))])"
        case 4: return "\(pick(["abs", "ceil", "sgn", "-", "timestamp", "sqrt"]))(\(inner(&self)))"
        case 5: return "(\(inner(&self))) \(pick(["+", "*", "-", "> bool", ">", "<="])) \(scalar(depth))"
        case 6, 7, 8: return aggregation(inner(&self), depth)
        case 9:
            let target = pick(["new", "job", "instance"])
            return "label_replace(\(inner(&self)), \"\(target)\", \"$1\", \"zone\", \"(.).*\")"
        case 10: return "(\(inner(&self))) \(pick(["and", "or", "unless"])) \(matching(sets: true)) (\(inner(&self)))"
        case 11:
            return "(\(inner(&self))) \(pick(["+", "/", "==", "< bool"])) \(matching(sets: false)) (\(inner(&self)))"
        case 12: return pick(["sort(\(inner(&self)))", "absent(\(inner(&self)))", "vector(\(scalar(depth)))"])
        default:
            return "histogram_quantile(0.7, \(pick(["h_bucket", "sum by (le) (h_bucket)", "rate(h_bucket[1m])"])))"
        }
    }

    private static let windowFunctions = [
        "rate", "increase", "avg_over_time", "sum_over_time", "max_over_time", "last_over_time", "changes",
        "count_over_time",
        "deriv",
    ]

    private mutating func selector() -> String {
        pick([
            "m", "n", "c_total", "m{zone=\"a\"}", "{__name__=~\"m|n\"}", "m{instance=~\"i[0-2]\"}", "n{job!=\"x\"}",
        ])
    }

    private mutating func scalar(_ depth: Int) -> String {
        if depth > 1 && chance(15) { return "scalar(\(vector(depth: depth - 2)))" }
        return pick(["2", "time()", "50", "-1.5"])
    }

    private mutating func aggregation(_ inner: String, _ depth: Int) -> String {
        let clause = pick([
            "", "by (zone)", "by (instance)", "by (instance, host, zone)", "without (zone)", "without (instance)",
            "by (job, zone)", "without (job, zone)",
        ])
        switch random.next() % 12 {
        case 0: return "topk \(clause) (\(pick(["1", "3"])), \(inner))"
        case 1: return "bottomk \(clause) (2, \(inner))"
        case 2: return "quantile \(clause) (0.3, \(inner))"
        case 3: return "count_values \(clause) (\"\(pick(["v", "instance"]))\", \(inner))"
        case 4: return "limitk \(clause) (2, \(inner))"
        default:
            return "\(pick(["sum", "avg", "count", "min", "max", "group", "stddev", "stdvar"])) \(clause) (\(inner))"
        }
    }

    private mutating func matching(sets: Bool) -> String {
        let clause = pick([
            "", "on (instance)", "on (zone, job)", "ignoring (job)", "ignoring (instance)", "on (instance, zone, job)",
        ])
        if sets || clause.isEmpty || chance(50) { return clause }
        return clause + pick([" group_left ()", " group_right ()"])
    }
}
