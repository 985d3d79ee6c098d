package import MetricModel

/// Cuts a stream of series into pages: `append` series as they come, send what it returns, and `finish`.
///
/// A page is full at `pageBytes`; a series that does not fit in what is left of one continues in the next, so no page depends on how
/// long a series is. The other end is `SeriesCollector`.
package struct SeriesPager: Sendable {
    /// The size at which a page is sent, unless told otherwise: small enough that the first one leaves soon.
    package static let pageBytesDefault = 256 << 10
    private static let sampleBytes = 16
    private static let seriesBytes = 32
    /// A piece of a series shorter than this is not worth another copy of the labels.
    private static let pieceSamplesMin = 64

    private let pageBytes: Int
    private var page = SeriesPage(series: [])
    private var bytes = 0

    /// - Parameter pageBytes: 4,096 to a quarter of `WireLimits.pagePayloadBytesMax`.
    package init(pageBytes: Int = SeriesPager.pageBytesDefault) {
        self.pageBytes = min(max(pageBytes, 4096), WireLimits.pagePayloadBytesMax / 4)
    }

    /// Takes a series and returns the pages that are full.
    ///
    /// - Throws: `TypedError.tooLarge` when the labels alone exceed half a page's limit.
    package mutating func append(_ series: SeriesColumns) throws(TypedError) -> [SeriesPage] {
        let labelBytes = series.labels.bytes.count + Self.seriesBytes
        guard labelBytes <= WireLimits.pagePayloadBytesMax / 2 else {
            throw TypedError(.tooLarge, "a label set of \(series.labels.bytes.count) bytes does not fit in a page")
        }
        var full: [SeriesPage] = []
        var start = 0
        repeat {
            let rest = series.timestamps.count - start
            let room = (pageBytes - bytes - labelBytes) / Self.sampleBytes
            let take = min(rest, max(room, Self.pieceSamplesMin))
            let whole = take == series.timestamps.count
            if start > 0 && page.series.isEmpty { page.continuesLast = true }
            page.series.append(whole ? series : series.piece(start..<start + take))
            bytes += labelBytes + take * Self.sampleBytes
            start += take
            // A piece ends its page, so that the rest is the first of the next one.
            if bytes >= pageBytes || start < series.timestamps.count { full.append(turn()) }
        } while start < series.timestamps.count
        return full
    }

    /// The last page, unless it is empty.
    package mutating func finish() -> SeriesPage? {
        page.series.isEmpty ? nil : turn()
    }

    private mutating func turn() -> SeriesPage {
        defer {
            page = SeriesPage(series: [])
            bytes = 0
        }
        return page
    }
}

/// Puts pages together again: series that were cut are whole.
package struct SeriesCollector: Sendable {
    /// What has arrived, in the order it arrived.
    package private(set) var series: [SeriesColumns] = []

    /// An empty collection.
    package init() {}

    /// Adds the next page of the stream.
    ///
    /// - Throws: `TypedError.internal` when a continuation does not fit the series before it.
    package mutating func append(_ page: SeriesPage) throws(TypedError) {
        guard page.continuesLast, let first = page.series.first else {
            series.append(contentsOf: page.series)
            return
        }
        guard let last = series.indices.last, series[last].labels == first.labels,
            let end = series[last].timestamps.last, let next = first.timestamps.first, end < next
        else {
            throw TypedError(.internal, "a page continues a series that it does not fit")
        }
        series[last].timestamps.append(contentsOf: first.timestamps)
        series[last].values.append(contentsOf: first.values)
        series.append(contentsOf: page.series.dropFirst())
    }
}

extension SeriesColumns {
    fileprivate func piece(_ range: Range<Int>) -> SeriesColumns {
        SeriesColumns(labels: labels, timestamps: Array(timestamps[range]), values: Array(values[range]))
    }
}
