package import MetricModel

/// Unites the series that several holders sent into one list, each series once and each of its moments once.
///
/// Replicas may each lack samples that another has, and two may hold the same ones: the result is the union by (series, timestamp), with
/// `SampleResolution` deciding between two values, so it does not depend on who answered first.
package struct SeriesMerge: Sendable {
    private var places: [Labels: Int] = [:]
    private var merged: [SeriesColumns] = []

    package init() {}

    /// Adds what one holder sent.
    ///
    /// - Parameter series: each with strictly ascending timestamps; a label set may occur again, here or in a later call.
    /// - Complexity: O(samples) where no series is there already, otherwise linear in both sides of each shared one.
    package mutating func add(_ series: [SeriesColumns]) {
        for one in series {
            if let place = places[one.labels] {
                merged[place] = SeriesMerge.union(merged[place], one)
            } else {
                places[one.labels] = merged.count
                merged.append(one)
            }
        }
    }

    /// Everything added, in the byte order of the label sets: the same for any order of arrival.
    package consuming func finish() -> [SeriesColumns] {
        merged.sorted { $0.labels.bytes.lexicographicallyPrecedes($1.labels.bytes) }
    }

    /// Two runs of one series as one.
    private static func union(_ left: SeriesColumns, _ right: SeriesColumns) -> SeriesColumns {
        if left.timestamps == right.timestamps && left == right { return left }
        var result = SeriesColumns(labels: left.labels, timestamps: [], values: [])
        result.timestamps.reserveCapacity(left.timestamps.count + right.timestamps.count)
        result.values.reserveCapacity(left.values.count + right.values.count)
        var i = 0
        var j = 0
        while i < left.timestamps.count || j < right.timestamps.count {
            let leftTime = i < left.timestamps.count ? left.timestamps[i] : .max
            let rightTime = j < right.timestamps.count ? right.timestamps[j] : .max
            result.timestamps.append(min(leftTime, rightTime))
            if leftTime == rightTime {
                result.values.append(SampleResolution.winner(left.values[i], right.values[j]))
            } else {
                result.values.append(leftTime < rightTime ? left.values[i] : right.values[j])
            }
            if leftTime <= rightTime { i += 1 }
            if rightTime <= leftTime { j += 1 }
        }
        if left.histograms.isEmpty && right.histograms.isEmpty { return result }
        result.histograms = left.histograms
        result.histograms.merge(right.histograms)
        SampleResolution.settle(&result.timestamps, &result.values, result.histograms)
        return result
    }
}
