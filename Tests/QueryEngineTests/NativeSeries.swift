import MetricModel
import SeededRandom

/// Random series of native histograms, with numbers among them, from one seed; their sums are exact in any order.
struct NativeSeries {
    private var random: SplitMix64

    static let queries = [
        "h", "sum(h)", "sum by (zone) (h)", "avg by (zone) (h)", "count by (zone) (h)", "group(h)", "min by (zone) (h)",
        "max(h)", "stddev by (zone) (h)", "topk(2, h)", "limitk(3, h)", "quantile by (zone) (0.5, h)",
        "count_values(\"v\", h)", "sum(rate(h[1m]))", "sum by (zone) (increase(h[1m]))", "sum by (instance) (h)",
        "histogram_quantile(0.9, sum by (zone) (rate(h[1m])))", "histogram_count(h)", "h + h", "h == h", "h * 2",
        "h > 2", "sum_over_time(h[40s])", "avg_over_time(sum(h)[1m:20s])", "histogram_fraction(0, 2, h)", "sum(k)",
        "sum by (zone) (k)", "avg(k)", "-h", "sum(h) - sum(h offset 10s)", "absent(h)", "changes(h[1m])",
        "h and on (instance) k", "h or k", "histogram_sum(sum by (zone, instance) (h))", "max_over_time(h[30s])",
    ]

    init(seed: UInt64) {
        random = SplitMix64(seed: seed)
    }

    mutating func series() -> [SeriesColumns] {
        var result: [SeriesColumns] = []
        for instance in 0..<5 {
            for name in ["h", "k"] {
                let labels = Labels(
                    sortedUnique: [
                        Label("__name__", name), Label("instance", "i\(instance)"), Label("zone", "z\(instance % 2)"),
                    ])
                result.append(columns(labels, isCustom: name == "k" && instance > 2))
            }
        }
        return result
    }

    private mutating func columns(_ labels: Labels, isCustom: Bool) -> SeriesColumns {
        var columns = SeriesColumns(labels: labels, timestamps: [], values: [])
        let hasNumbers = random.next() % 4 == 0
        let schema = Int8(random.next() % 3)
        var counts = [Double](repeating: 0, count: 4)
        for index in 0..<40 {
            if random.next() % 12 == 0 { continue }
            let time = Int64(index) * 10_000
            if hasNumbers && random.next() % 6 == 0 || random.next() % 25 == 0 {
                columns.timestamps.append(time)
                columns.values.append(random.next() % 3 == 0 ? StaleMarker.value : Double(random.next() % 9))
                continue
            }
            if random.next() % 20 == 0 { counts = [0, 0, 0, 0] }
            for place in counts.indices { counts[place] += Double(random.next() % 5) }
            let buckets = NativeHistogram.Buckets(
                indexed: counts.enumerated().map { (Int32($0.offset), $0.element) })
            let total = counts.reduce(0, +)
            columns.histograms.append(
                timestamp: time,
                isCustom
                    ? NativeHistogram(
                        schema: NativeHistogram.customSchema, count: total, sum: total * 2, positive: buckets,
                        customValues: [1, 2, 5])
                    : NativeHistogram(
                        schema: schema, count: total + 2, sum: total, zeroThreshold: schema == 1 ? 0.25 : 0.001,
                        zeroCount: 2, positive: buckets))
        }
        return columns
    }
}
