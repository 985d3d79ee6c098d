internal import MetricModel

/// How many samples each step of a query looked at, as Prometheus counts them.
///
/// Source: `IncrementSamplesAtStep` in Prometheus' promql/engine.go and util/stats/query_stats.go.
struct SampleCounts {
    /// By step of the query's own grid.
    private(set) var samples: [Int]
    /// How many subqueries enclose what is evaluated: their inside does not count.
    private var subqueries = 0

    init(steps: Int) {
        samples = [Int](repeating: 0, count: steps)
    }

    /// Counts the samples that an instant selector found.
    mutating func count(_ row: Row) {
        if subqueries > 0 { return }
        for step in row.indices where row[step].isPresent { samples[step] += 1 }
        for (step, sample) in row.histograms.enumerated() { samples[step] += sample?.histogram.sampleWeight ?? 0 }
    }

    /// Counts the samples of a series in each step's window. Both ends of the windows never fall.
    mutating func count(_ series: SeriesColumns, _ window: PlannedWindow, _ grid: TimeGrid) {
        if subqueries > 0 { return }
        count(series.timestamps, window, grid)
        if series.histograms.isEmpty { return }
        let times = series.histograms.timestamps
        let weights = series.histograms.values.map(\.sampleWeight)
        var first = 0
        var next = 0
        for step in 0..<grid.count {
            let end = window.end(grid.time(step))
            while next < times.count && times[next] <= end { next += 1 }
            while first < next && times[first] <= end - window.length { first += 1 }
            samples[step] += weights[first..<next].reduce(0, +)
        }
    }

    private mutating func count(_ timestamps: [Int64], _ window: PlannedWindow, _ grid: TimeGrid) {
        var first = 0
        var next = 0
        for step in 0..<grid.count {
            let end = window.end(grid.time(step))
            while next < timestamps.count && timestamps[next] <= end { next += 1 }
            while first < next && timestamps[first] <= end - window.length { first += 1 }
            samples[step] += next - first
        }
    }

    mutating func enterSubquery() { subqueries += 1 }
    mutating func leaveSubquery() { subqueries -= 1 }
}
