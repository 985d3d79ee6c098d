package import MetricModel

/// Where an evaluation's samples come from: the store itself where the data is, or what was fetched from it.
package protocol SeriesSource {
    /// Hands over each series that one of the plan's selections selects, each once.
    ///
    /// - Parameters:
    ///   - selection: index into the plan's `selections`.
    ///   - body: gets a series with strictly ascending timestamps, all samples of it within the selection's times; there may be none. What
    ///     it does not keep a reference to may be overwritten for the next series.
    /// - Throws: what `body` throws, or an error with code `.source` when samples cannot be read.
    func forEachSeries(
        _ selection: Int, _ body: (SeriesColumns) throws(QueryError) -> Void
    ) throws(QueryError)
}

/// Series that were fetched: for each selection, in order.
package struct FetchedSeries: SeriesSource {
    private let data: [[SeriesColumns]]

    /// - Parameter data: for each of the plan's selections, in their order, the series that it selects.
    package init(_ data: [[SeriesColumns]]) {
        self.data = data
    }

    /// See `SeriesSource`.
    package func forEachSeries(
        _ selection: Int, _ body: (SeriesColumns) throws(QueryError) -> Void
    ) throws(QueryError) {
        for series in data[selection] { try body(series) }
    }

    var selectionCount: Int { data.count }
    var sampleCount: Int {
        data.reduce(0) { $0 + $1.reduce(0) { $0 + $1.timestamps.count + $1.histograms.sampleWeight } }
    }
}
