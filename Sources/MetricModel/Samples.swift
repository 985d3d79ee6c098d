/// Milliseconds since the Unix epoch.
package struct Timestamp: Hashable, Sendable, Comparable, BitwiseCopyable {
    package var milliseconds: Int64

    package init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    package static func < (left: Timestamp, right: Timestamp) -> Bool { left.milliseconds < right.milliseconds }
}

/// The NaN that says "this series ended here", as Prometheus writes it.
package enum StaleMarker {
    /// Its bits.
    package static let bits: UInt64 = 0x7FF0_0000_0000_0002

    /// The value.
    package static var value: Double { Double(bitPattern: bits) }
}

extension Double {
    /// Whether these are exactly the stale marker's bits.
    @inlinable
    package var isStaleMarker: Bool { bitPattern == 0x7FF0_0000_0000_0002 }
}

/// Which of two values for one (series, timestamp) counts: the same on every replica, in any order of arrival.
package enum SampleResolution {
    /// A number beats a stale marker, then the greater in IEEE 754 total order wins.
    @inlinable
    package static func winner(_ left: Double, _ right: Double) -> Double {
        if left.bitPattern == right.bitPattern { return left }
        if left.isStaleMarker { return right }
        if right.isStaleMarker { return left }
        return left.isTotallyOrdered(belowOrEqualTo: right) ? right : left
    }

    /// Of two histograms the one with the greater count, then the greater sum, in IEEE 754 total order, then the greater bytes.
    package static func winner(_ left: NativeHistogram, _ right: NativeHistogram) -> NativeHistogram {
        if left == right { return left }
        for (left64, right64) in [(left.count, right.count), (left.sum, right.sum)]
        where left64.bitPattern != right64.bitPattern {
            return left64.isTotallyOrdered(belowOrEqualTo: right64) ? right : left
        }
        return left.encoded.lexicographicallyPrecedes(right.encoded) ? right : left
    }

    /// Leaves one sample a time where a series has both kinds: a histogram beats a number, a stale marker included.
    ///
    /// - Complexity: O(1) without histograms, else O(both).
    package static func settle(
        _ timestamps: inout [Int64], _ values: inout [Double], _ histograms: borrowing HistogramColumns
    ) {
        guard let first = histograms.timestamps.first, let last = timestamps.last, first <= last else { return }
        var kept = timestamps.partition(from: first)
        var next = kept
        var histogram = 0
        let times = histograms.timestamps
        while next < timestamps.count {
            while histogram < times.count, times[histogram] < timestamps[next] { histogram += 1 }
            if histogram == times.count || times[histogram] != timestamps[next] {
                timestamps[kept] = timestamps[next]
                values[kept] = values[next]
                kept += 1
            }
            next += 1
        }
        timestamps.removeSubrange(kept...)
        values.removeSubrange(kept...)
    }
}

/// Samples as columns of equal length: row i is one sample, a number unless `histograms` has the row.
package struct SampleColumns: Equatable, Sendable {
    /// Which series; what the number refers to depends on the message (see `WriteBatch`).
    package var series: [UInt32]
    /// Unix milliseconds.
    package var timestamps: [Int64]
    /// Values, every bit meant; where the row is a histogram the value is 0 and stands for nothing.
    package var values: [Double]
    /// The rows that are native histograms.
    package var histograms: HistogramRows

    package init(
        series: [UInt32] = [], timestamps: [Int64] = [], values: [Double] = [],
        histograms: HistogramRows = HistogramRows()
    ) {
        self.series = series
        self.timestamps = timestamps
        self.values = values
        self.histograms = histograms
    }

    package var count: Int { series.count }

    /// Adds a row.
    @inlinable
    package mutating func append(series: UInt32, timestamp: Int64, value: Double) {
        self.series.append(series)
        timestamps.append(timestamp)
        values.append(value)
    }

    /// Adds a row that is a histogram.
    package mutating func append(series: UInt32, timestamp: Int64, histogram: NativeHistogram) {
        histograms.append(row: count, histogram)
        append(series: series, timestamp: timestamp, value: 0)
    }

    /// Some of the rows, in their order there.
    ///
    /// - Parameter rows: ascending or not, each within `count`.
    /// - Returns: one row for each of them.
    package func part(rows: [Int]) -> SampleColumns {
        SampleColumns(
            series: rows.map { series[$0] }, timestamps: rows.map { timestamps[$0] }, values: rows.map { values[$0] },
            histograms: histograms.part(rows: rows))
    }

    package static func == (left: SampleColumns, right: SampleColumns) -> Bool {
        left.series == right.series && left.timestamps == right.timestamps && left.histograms == right.histograms
            && left.values.elementsEqual(right.values) { $0.bitPattern == $1.bitPattern }
    }
}

/// One series' samples: strictly ascending timestamps, one value each; and its native histograms beside them, none at the time of a value.
package struct SeriesColumns: Equatable, Sendable {
    package var labels: Labels
    /// Unix milliseconds, strictly ascending.
    package var timestamps: [Int64]
    /// As many values. A stale marker among them ends the series' histograms, too.
    package var values: [Double]
    /// Histograms with times of their own; empty for most series.
    package var histograms: HistogramColumns

    package init(
        labels: Labels, timestamps: [Int64], values: [Double], histograms: HistogramColumns = HistogramColumns()
    ) {
        self.labels = labels
        self.timestamps = timestamps
        self.values = values
        self.histograms = histograms
    }

    /// Whether it has no sample of either kind.
    package var isEmpty: Bool { timestamps.isEmpty && histograms.isEmpty }

    /// Samples of both kinds.
    package var sampleCount: Int { timestamps.count + histograms.count }

    /// What they count as where samples are limited; see `NativeHistogram.weight`.
    package var sampleWeight: Int { histograms.isEmpty ? timestamps.count : timestamps.count + histograms.weight }

    package static func == (left: SeriesColumns, right: SeriesColumns) -> Bool {
        left.labels == right.labels && left.timestamps == right.timestamps && left.histograms == right.histograms
            && left.values.elementsEqual(right.values) { $0.bitPattern == $1.bitPattern }
    }
}

/// Why a sample was not stored. Data, never an error of the batch around it.
package struct SampleRejection: Hashable, Sendable {
    /// The reasons, with the numbers that stand for them on the wire.
    package enum Reason: UInt8, Sendable, CaseIterable {
        /// Older than the late window or the retention allows.
        case tooOld = 1
        /// Further in the future than the clock-skew limit.
        case tooNew = 2
        /// The engine holds as many series as `series_max` allows.
        case tooManySeries = 3
        /// Another series already has this fingerprint.
        case fingerprintCollision = 4

        /// The field's words for it.
        package var text: String {
            switch self {
            case .tooOld: "out of bounds: older than the late window or the retention"
            case .tooNew: "out of bounds: too far in the future"
            case .tooManySeries: "too many series: series_max is reached"
            case .fingerprintCollision: "fingerprint collision with another series"
            }
        }
    }

    /// Row in the batch.
    package var row: Int
    package var reason: Reason

    package init(row: Int, reason: Reason) {
        self.row = row
        self.reason = reason
    }
}
