/// Latencies in buckets that grow by 2 %: percentiles within 1 % and a fixed size, however long the run.
package struct LatencyHistogram: Sendable, Equatable {
    private var counts = [Int](repeating: 0, count: LatencyHistogram.bucketCount)
    /// Latencies noted.
    package private(set) var count = 0
    /// The longest, in milliseconds.
    package private(set) var maximum = 0.0

    /// The upper edge of the first bucket, in milliseconds.
    private static let first = 0.01
    private static let growth = 1.02
    /// Up to 100 minutes.
    private static let bucketCount = 1_024

    /// None noted yet.
    package init() {}

    /// Notes one latency.
    package mutating func add(milliseconds: Double) {
        // Counting up instead of a logarithm: a request is rare beside its samples.
        var edge = LatencyHistogram.first
        var bucket = 0
        while edge < milliseconds, bucket < LatencyHistogram.bucketCount - 1 {
            edge *= LatencyHistogram.growth
            bucket += 1
        }
        counts[bucket] += 1
        count += 1
        maximum = max(maximum, milliseconds)
    }

    /// Adds all that another one noted.
    package mutating func merge(_ other: LatencyHistogram) {
        for bucket in counts.indices { counts[bucket] += other.counts[bucket] }
        count += other.count
        maximum = max(maximum, other.maximum)
    }

    /// The latency, in milliseconds, that a `fraction` (0 ... 1) of all did not exceed; 0 when there is none.
    package func percentile(_ fraction: Double) -> Double {
        let wanted = max(1, Int((fraction * Double(count)).rounded(.up)))
        var seen = 0
        var edge = LatencyHistogram.first
        for bucket in counts.indices {
            seen += counts[bucket]
            if seen >= wanted { return min(edge, maximum) }
            edge *= LatencyHistogram.growth
        }
        return 0
    }
}
