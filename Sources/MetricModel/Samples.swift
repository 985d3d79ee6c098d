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
}

/// Samples as columns of equal length: row i is one sample.
package struct SampleColumns: Equatable, Sendable {
    /// Which series; what the number refers to depends on the message (see `WriteBatch`).
    package var series: [UInt32]
    /// Unix milliseconds.
    package var timestamps: [Int64]
    /// Values, every bit meant.
    package var values: [Double]

    package init(series: [UInt32] = [], timestamps: [Int64] = [], values: [Double] = []) {
        self.series = series
        self.timestamps = timestamps
        self.values = values
    }

    package var count: Int { series.count }

    /// Adds a row.
    @inlinable
    package mutating func append(series: UInt32, timestamp: Int64, value: Double) {
        self.series.append(series)
        timestamps.append(timestamp)
        values.append(value)
    }

    package static func == (left: SampleColumns, right: SampleColumns) -> Bool {
        left.series == right.series && left.timestamps == right.timestamps
            && left.values.elementsEqual(right.values) { $0.bitPattern == $1.bitPattern }
    }
}

/// One series' samples: strictly ascending timestamps, one value each.
package struct SeriesColumns: Equatable, Sendable {
    package var labels: Labels
    /// Unix milliseconds, strictly ascending.
    package var timestamps: [Int64]
    /// As many values.
    package var values: [Double]

    package init(labels: Labels, timestamps: [Int64], values: [Double]) {
        self.labels = labels
        self.timestamps = timestamps
        self.values = values
    }

    package static func == (left: SeriesColumns, right: SeriesColumns) -> Bool {
        left.labels == right.labels && left.timestamps == right.timestamps
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
