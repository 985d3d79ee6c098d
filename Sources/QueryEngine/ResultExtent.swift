package import MetricModel

/// The steps of a range query: `first`, `first + step`, … up to `last`, which is one of them.
package struct StepRange: Hashable, Sendable {
    package var first: Int64
    package var last: Int64
    package var step: Int64

    /// The steps of a query from `start` to `end`.
    package init(start: Int64, end: Int64, step: Int64) {
        precondition(step > 0 && end >= start, "steps of \(step) ms from \(start) to \(end)")
        first = start
        last = start + (end - start) / step * step
        self.step = step
    }

    /// How many there are.
    package var count: Int { Int((last - first) / step) + 1 }

    /// From the first to the last.
    package var times: ClosedRange<Int64> { first...last }

    /// The time of step `index`.
    func time(_ index: Int) -> Int64 { first + Int64(index) * step }

    /// Steps `lower ... upper` of these.
    func part(_ indices: ClosedRange<Int>) -> StepRange {
        StepRange(start: time(indices.lowerBound), end: time(indices.upperBound), step: step)
    }

    /// Their times.
    var allTimes: [Int64] { (0..<count).map(time) }
}

/// The kept result of a range query at some steps.
package struct ResultExtent: Sendable {
    /// The steps, each of which is known.
    package private(set) var steps: StepRange
    /// The samples at these steps, sorted by labels as the answer has them.
    package private(set) var series: [SeriesColumns]
    /// What was said of it: at most one of each, for the order of several is not known of a part.
    package let warnings: [String]
    package let infos: [String]
    /// Of the longest query that it served: how many steps are kept.
    package private(set) var countMax: Int
    /// Bytes in memory, roughly.
    package let memorySize: Int

    /// A result to be kept; nil for one that is not: with several notes of a kind, or series that are not told apart by their labels.
    ///
    /// - Parameters:
    ///   - result: of a range query at `steps`.
    ///   - steps: all of the query's.
    ///   - countMax: steps that are to be kept; at least so many as there are.
    package init?(_ result: QueryResult, steps: StepRange, countMax: Int) {
        guard case .matrix(let series) = result.value, result.warnings.count <= 1, result.infos.count <= 1,
            Set(series.lazy.map(\.labels)).count == series.count
        else { return nil }
        self.steps = steps
        self.series = series
        warnings = result.warnings
        infos = result.infos
        self.countMax = max(countMax, steps.count)
        memorySize = Self.memorySize(series, steps)
    }

    /// Times are counted where a series does not share those of all complete ones.
    private static func memorySize(_ series: [SeriesColumns], _ steps: StepRange) -> Int {
        series.reduce(256 + 8 * steps.count) { size, one in
            let times = one.timestamps.count == steps.count ? 0 : 8 * one.timestamps.count
            return size + times + 8 * one.values.count + one.histograms.memorySize + one.labels.bytes.count + 128
        }
    }

    /// The part of each series at some of the steps; those without samples there are left out.
    func series(at part: StepRange) -> [SeriesColumns] {
        if part == steps { return series }
        let times = part.allTimes
        return series.compactMap { one in
            let from = one.timestamps.partition(from: part.first)
            let to = one.timestamps.partition(from: part.last + 1)
            let histograms = one.histograms.within(part.first, part.last)
            if from == to && histograms.isEmpty { return nil }
            let isComplete = to - from == times.count
            return SeriesColumns(
                labels: one.labels, timestamps: isComplete ? times : Array(one.timestamps[from..<to]),
                values: Array(one.values[from..<to]), histograms: histograms)
        }
    }
}
