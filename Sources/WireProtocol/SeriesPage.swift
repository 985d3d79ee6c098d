import ByteCoding
package import MetricModel

/// A part of the answer to a select: whole series, or pieces of one, as columns.
///
/// Wire form: u32 series; u8 flags (1: continuation, 2: histograms); per series a varint length and the canonical labels, u32 samples, timestamps
/// (`TimestampColumn`), values f64 each; with histograms also u32 of them, their timestamps, and the histograms.
package struct SeriesPage: Equatable, Sendable {
    /// The series in the order the sender chose; a series with more samples than fit continues in the next page.
    package var series: [SeriesColumns]
    /// Whether the first series is the rest of the last one of the page before, with the same labels and later times.
    package var continuesLast: Bool

    /// A page of `series`.
    package init(series: [SeriesColumns], continuesLast: Bool = false) {
        self.series = series
        self.continuesLast = continuesLast
    }
}

extension SeriesPage {
    private static let seriesBytesMin = 6
    private static let continuationFlag: UInt8 = 1
    private static let histogramsFlag: UInt8 = 2

    /// Whether any series on it has histograms.
    package var hasHistograms: Bool { series.contains { !$0.histograms.isEmpty } }

    /// Appends the wire form; `SeriesPager` keeps it within `WireLimits.pagePayloadBytesMax`.
    ///
    /// - Precondition: each series has as many values as timestamps.
    package func encode(into bytes: inout [UInt8]) {
        bytes.append(littleEndian: UInt32(series.count))
        let hasHistograms = hasHistograms
        bytes.append((continuesLast ? Self.continuationFlag : 0) | (hasHistograms ? Self.histogramsFlag : 0))
        for one in series {
            precondition(one.timestamps.count == one.values.count, "columns of unequal length")
            bytes.append(prefixed: one.labels.bytes)
            bytes.append(littleEndian: UInt32(one.timestamps.count))
            TimestampColumn.encode(one.timestamps, into: &bytes)
            bytes.append(column: one.values)
            guard hasHistograms else { continue }
            bytes.append(littleEndian: UInt32(one.histograms.count))
            TimestampColumn.encode(one.histograms.timestamps, into: &bytes)
            for histogram in one.histograms.values { histogram.encode(into: &bytes) }
        }
    }

    /// Reads the wire form.
    ///
    /// - Throws: `WireError` also when a series' times do not ascend strictly: evaluation relies on it.
    package init(decoding bytes: RawSpan) throws(WireError) {
        var reader = WireReader(bytes, message: "SeriesPage")
        let count = try reader.count("series", unit: Self.seriesBytesMin, limit: WireLimits.pagePayloadBytesMax)
        let flags = try reader.uint8()
        guard flags <= Self.continuationFlag | Self.histogramsFlag else {
            throw reader.malformed("flags", found: UInt64(flags), expected: 3)
        }
        continuesLast = flags & Self.continuationFlag != 0
        series = []
        series.reserveCapacity(count)
        for _ in 0..<count {
            let labels = try Labels(from: &reader)
            let samples = try reader.count("samples", unit: 8, limit: WireLimits.pagePayloadBytesMax / 8)
            let timestamps = try Self.ascendingTimes(samples, &reader)
            var columns = SeriesColumns(
                labels: labels, timestamps: timestamps, values: try reader.doubleColumn(count: samples))
            if flags & Self.histogramsFlag != 0 { columns.histograms = try Self.histograms(&reader) }
            series.append(columns)
        }
        try reader.expectEnd()
    }

    private static func ascendingTimes(_ count: Int, _ reader: inout WireReader) throws(WireError) -> [Int64] {
        let timestamps = try TimestampColumn.decode(count: count, from: &reader)
        for index in timestamps.indices.dropFirst() where timestamps[index - 1] >= timestamps[index] {
            throw reader.malformed("timestamps", found: UInt64(index))
        }
        return timestamps
    }

    private static func histograms(_ reader: inout WireReader) throws(WireError) -> HistogramColumns {
        // 22 bytes is the least that a histogram takes.
        let count = try reader.count("histograms", unit: 22, limit: WireLimits.pagePayloadBytesMax / 22)
        let timestamps = try ascendingTimes(count, &reader)
        var values: [NativeHistogram] = []
        for _ in 0..<count { values.append(try reader.histogram()) }
        return HistogramColumns(timestamps: timestamps, values: values)
    }
}
