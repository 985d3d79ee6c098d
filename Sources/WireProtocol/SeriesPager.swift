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
        if !series.histograms.isEmpty { return appendMixed(series, labelBytes) }
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

    /// Takes a series that has histograms: its pieces have the histograms first, then the numbers, and each but the last ends its page.
    private mutating func appendMixed(_ series: SeriesColumns, _ labelBytes: Int) -> [SeriesPage] {
        var full: [SeriesPage] = []
        var piece = series.piece(0..<0)
        var pieceBytes = labelBytes
        var isFirst = true
        func isFull(_ more: Int) -> Bool { bytes + pieceBytes + more > pageBytes && !piece.isEmpty }
        func end() {
            if !isFirst { page.continuesLast = true }
            page.series.append(piece)
            full.append(turn())
            piece = series.piece(0..<0)
            pieceBytes = labelBytes
            isFirst = false
        }
        for (timestamp, histogram) in zip(series.histograms.timestamps, series.histograms.values) {
            if isFull(histogram.memorySize) { end() }
            piece.histograms.append(timestamp: timestamp, histogram)
            pieceBytes += histogram.memorySize
        }
        for index in series.timestamps.indices {
            if isFull(Self.sampleBytes) { end() }
            piece.timestamps.append(series.timestamps[index])
            piece.values.append(series.values[index])
            pieceBytes += Self.sampleBytes
        }
        if !isFirst { page.continuesLast = true }
        page.series.append(piece)
        bytes += pieceBytes
        if bytes >= pageBytes { full.append(turn()) }
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
        guard let last = series.indices.last, series[last].labels == first.labels, !first.isEmpty,
            Self.follows(first.timestamps, series[last].timestamps),
            Self.follows(first.histograms.timestamps, series[last].histograms.timestamps)
        else {
            throw TypedError(.internal, "a page continues a series that it does not fit")
        }
        series[last].histograms.merge(first.histograms)
        series[last].timestamps.append(contentsOf: first.timestamps)
        series[last].values.append(contentsOf: first.values)
        series.append(contentsOf: page.series.dropFirst())
    }

    private static func follows(_ next: [Int64], _ before: [Int64]) -> Bool {
        guard let first = next.first, let last = before.last else { return true }
        return last < first
    }
}

extension SeriesColumns {
    fileprivate func piece(_ range: Range<Int>) -> SeriesColumns {
        SeriesColumns(labels: labels, timestamps: Array(timestamps[range]), values: Array(values[range]))
    }
}
