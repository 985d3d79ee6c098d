import ByteCoding
import MetricModel

// The wire form of statistics: the protobuf message `StatisticsPage` in control.proto.

extension StatisticsPage {
    /// Bytes of a name that cross the wire: a page of the longest lists stays under `WireLimits.pagePayloadBytesMax`.
    private static let nameBytesMax = 128

    /// Appends the wire form; names are cut to 128 bytes.
    package func encode(into bytes: inout [UInt8]) {
        bytes.field(1, UInt64(statistics.seriesCount))
        bytes.field(2, UInt64(statistics.labelPairCount))
        bytes.field(3, UInt64(statistics.chunkCount))
        // Times that are there are written even when they are 0.
        if let time = statistics.minTime { ProtobufWriter.int64(4, time, into: &bytes) }
        if let time = statistics.maxTime { ProtobufWriter.int64(5, time, into: &bytes) }
        for (number, list) in [
            (6, statistics.seriesByMetric), (7, statistics.valuesByLabel), (8, statistics.bytesByLabel),
            (9, statistics.seriesByPair),
        ] {
            for count in list {
                ProtobufWriter.message(number, into: &bytes) { inner in
                    inner.field(1, count.name.cut(toBytes: Self.nameBytesMax))
                    inner.field(2, UInt64(count.value))
                }
            }
        }
    }

    /// Reads the wire form.
    package init(decoding bytes: RawSpan) throws(WireError) {
        var reader = ControlReader(bytes, message: "StatisticsPage")
        self.init(statistics: TenantStatistics())
        while let field = try reader.next() {
            switch field {
            case (1, .varint): statistics.seriesCount = Int(clamping: try reader.varint())
            case (2, .varint): statistics.labelPairCount = Int(clamping: try reader.varint())
            case (3, .varint): statistics.chunkCount = Int(clamping: try reader.varint())
            case (4, .varint): statistics.minTime = try reader.int64()
            case (5, .varint): statistics.maxTime = try reader.int64()
            case (6, .bytes): statistics.seriesByMetric.append(try Self.count(try reader.span()))
            case (7, .bytes): statistics.valuesByLabel.append(try Self.count(try reader.span()))
            case (8, .bytes): statistics.bytesByLabel.append(try Self.count(try reader.span()))
            case (9, .bytes): statistics.seriesByPair.append(try Self.count(try reader.span()))
            default: try reader.skip(field)
            }
        }
    }

    private static func count(_ bytes: RawSpan) throws(WireError) -> TenantStatistics.Count {
        var reader = ControlReader(bytes, message: "StatisticsPage.Count")
        var count = TenantStatistics.Count(name: "", value: 0)
        while let field = try reader.next() {
            switch field {
            case (1, .bytes): count.name = try reader.string()
            case (2, .varint): count.value = Int(clamping: try reader.varint())
            default: try reader.skip(field)
            }
        }
        return count
    }
}
