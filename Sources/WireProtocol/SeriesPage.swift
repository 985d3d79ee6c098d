import ByteCoding
package import MetricModel

/// A part of the answer to a select: whole series, or pieces of one, as columns.
///
/// Wire form: u32 series; u8 continuation (0 or 1); per series a varint length and the canonical labels, u32 samples, timestamps
/// (`TimestampColumn`), values f64 each.
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

    /// Appends the wire form; `SeriesPager` keeps it within `WireLimits.pagePayloadBytesMax`.
    ///
    /// - Precondition: each series has as many values as timestamps.
    package func encode(into bytes: inout [UInt8]) {
        bytes.append(littleEndian: UInt32(series.count))
        bytes.append(continuesLast ? 1 : 0)
        for one in series {
            precondition(one.timestamps.count == one.values.count, "columns of unequal length")
            bytes.append(prefixed: one.labels.bytes)
            bytes.append(littleEndian: UInt32(one.timestamps.count))
            TimestampColumn.encode(one.timestamps, into: &bytes)
            bytes.append(column: one.values)
        }
    }

    /// Reads the wire form.
    ///
    /// - Throws: `WireError` also when a series' times do not ascend strictly: evaluation relies on it.
    package init(decoding bytes: RawSpan) throws(WireError) {
        var reader = WireReader(bytes, message: "SeriesPage")
        let count = try reader.count("series", unit: Self.seriesBytesMin, limit: WireLimits.pagePayloadBytesMax)
        let continuation = try reader.uint8()
        guard continuation <= 1 else {
            throw reader.malformed("continuation", found: UInt64(continuation), expected: 1)
        }
        continuesLast = continuation == 1
        series = []
        series.reserveCapacity(count)
        for _ in 0..<count {
            let labels = try Labels(from: &reader)
            let samples = try reader.count("samples", unit: 8, limit: WireLimits.pagePayloadBytesMax / 8)
            let timestamps = try TimestampColumn.decode(count: samples, from: &reader)
            for index in timestamps.indices.dropFirst() where timestamps[index - 1] >= timestamps[index] {
                throw reader.malformed("timestamps", found: UInt64(index))
            }
            let values = try reader.doubleColumn(count: samples)
            series.append(SeriesColumns(labels: labels, timestamps: timestamps, values: values))
        }
        try reader.expectEnd()
    }
}
