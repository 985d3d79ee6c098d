import MetricModel
import QueryEngine
import QueryLanguage
import SeededRandom
import Testing

/// Histograms as a sender may have them and nobody means them: buckets inside the zero bucket, thresholds without end, schemas that change, counts
/// that go beyond all numbers when they are added, spans of nothing. Whatever is asked of them is answered or refused in words.
@Suite("Odd native histograms")
struct OddHistogramTests {
    private static let functions = [
        "sum(h)", "avg(h)", "sum(rate(h[1m]))", "increase(h[1m])", "delta(h[1m])", "irate(h[1m])",
        "idelta(h[1m])", "resets(h[2m])",
        "changes(h[2m])", "sum_over_time(h[1m])", "avg_over_time(h[1m])", "h + h", "h - h",
        "h - h offset 10s", "h * 1e308", "h / 0", "-h",
        "h == h", "h != h offset 20s", "h / 1e-300 + h", "histogram_quantile(0.5, h)",
        "histogram_quantile(-1, h)",
        "histogram_quantile(NaN, sum(h))", "histogram_quantile(0.999, rate(h[1m]))",
        "histogram_fraction(-Inf, 1, h)",
        "histogram_fraction(0.1, NaN, h)", "histogram_avg(h)", "histogram_stddev(h)",
        "histogram_stdvar(sum(h))", "count_values(\"v\", h)",
        "topk(1, h)", "stddev(h)", "last_over_time(h[1m])", "sum(h) / count(h)",
        "sum by (zone) (h * -1)", "h{zone=\"z0\"} + on (instance) h",
    ]

    private static func buckets(_ random: inout SplitMix64, from lowest: Int32, _ most: Int)
        -> NativeHistogram.Buckets
    {
        var buckets = NativeHistogram.Buckets()
        for span in 0..<random.below(4) {
            let length = random.below(min(6, most))
            let offset = span == 0 ? lowest + Int32(random.below(12)) : Int32(random.below(5))
            buckets.spans.append(.init(offset: offset, length: UInt32(length)))
            for _ in 0..<length { buckets.counts.append(count(&random)) }
        }
        return buckets
    }

    private static func count(_ random: inout SplitMix64) -> Double {
        switch random.below(12) {
        case 0: 0
        case 1: .greatestFiniteMagnitude
        case 2: .leastNonzeroMagnitude
        case 3: 0x1p53
        default: Double(random.below(9))
        }
    }

    private static func histogram(_ random: inout SplitMix64) -> NativeHistogram {
        while true {
            var histogram = NativeHistogram(
                schema: Int8(random.below(13)) - 4,
                counterResetHint: .init(rawValue: UInt8(random.below(4))) ?? .unknown,
                count: count(&random), sum: [1, -1, .nan, .infinity, -0.0][random.below(5)])
            if random.below(5) == 0 {
                histogram.schema = NativeHistogram.customSchema
                histogram.customValues =
                    [[], [1], [-1, 0, 1, 2], [-.greatestFiniteMagnitude, .greatestFiniteMagnitude]][
                        random.below(4)]
                histogram.positive = buckets(&random, from: 0, histogram.customValues.count + 1)
            } else {
                let lowest: Int32 = [-12, 0, -(1 << 20), (1 << 20) - 40, -1075 * 256, 1024][random.below(6)]
                histogram.positive = buckets(&random, from: lowest, 6)
                histogram.negative = buckets(&random, from: lowest, 6)
                histogram.zeroThreshold =
                    [0, 1e-300, 0.01, 0.5, 1, 3, 1e300, .greatestFiniteMagnitude, .infinity][random.below(9)]
                histogram.zeroCount = count(&random)
            }
            // What a push may have, and no more.
            if (try? histogram.check()) != nil { return histogram }
        }
    }

    private static func series(_ random: inout SplitMix64) -> [SeriesColumns] {
        (0..<4).map { number in
            var columns = SeriesColumns(
                labels: Labels(sortedUnique: [
                    Label("__name__", "h"), Label("instance", "i\(number)"), Label("zone", "z\(number % 2)"),
                ]), timestamps: [], values: [])
            // Neighbours of one form, too: else nearly nothing has a difference.
            var last = histogram(&random)
            for step in 0..<20 {
                if random.below(3) == 0 { last = histogram(&random) }
                last.count += Double(random.below(3))
                columns.histograms.append(timestamp: Int64(step) * 10_000, last)
            }
            return columns
        }
    }

    @Test(
        "whatever is asked of them is answered, from parts as well, or refused in words",
        arguments: 1...8)
    func answered(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var answers = 0
        for _ in 0..<12 {
            let series = Self.series(&random)
            for query in Self.functions {
                for nodes in [1, 2] {
                    do {
                        let many = ManyNodes(series, nodes: nodes)
                        _ = try many.answer(query, .instant(at: 150_000), trying: nodes == 1 ? [] : [.anyParts])
                        _ = try many.answer(
                            query, .range(start: 0, end: 200_000, step: 30_000),
                            trying: nodes == 1 ? [] : [.anyParts])
                        answers += 1
                    } catch let error as QueryError {
                        #expect(!error.message.isEmpty, "seed \(seed), \(query)")
                    }
                }
            }
        }
        #expect(answers > 12 * Self.functions.count)
    }

    @Test("a bucket inside the zero bucket does not end a node")
    func insideZero() throws {
        var columns = SeriesColumns(
            labels: Labels(sortedUnique: [Label("__name__", "h")]), timestamps: [], values: [])
        for step in 1...3 {
            columns.histograms.append(
                timestamp: Int64(step) * 10_000,
                NativeHistogram(
                    schema: -1, count: Double(3 * step), sum: 1, zeroThreshold: 0.5,
                    positive: .init(
                        spans: [.init(offset: -3, length: 1), .init(offset: 3, length: 1)],
                        counts: [Double(step), Double(2 * step)])))
        }
        guard
            case .vector(_, let found) = try Script.answer(
                "increase(h[40s])", .instant(at: 40_000), [columns]
            ).value
        else {
            Issue.record("no vector")
            return
        }
        // What the first sample has inside the zero bucket is not taken from it, as in Prometheus: it counts as there already.
        #expect(
            found.first?.histogram?.count == 12 && found.first?.histogram?.positive.counts.count == 2)
    }
}
