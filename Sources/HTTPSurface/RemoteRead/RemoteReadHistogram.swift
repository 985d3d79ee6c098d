import ByteCoding
import MetricModel

/// Native histograms in answers of `/api/v1/read`: always float histograms, whose counts are absolute.
///
/// Source: Prometheus' prompb/types.proto, message `Histogram`.
enum RemoteReadHistogram {
    /// Appends a `Histogram` as field `number`.
    static func append(_ number: Int, _ histogram: NativeHistogram, timestamp: Int64, into bytes: inout [UInt8]) {
        ProtobufWriter.message(number, into: &bytes) { message in
            ProtobufWriter.double(2, histogram.count, into: &message)
            ProtobufWriter.double(3, histogram.sum, into: &message)
            ProtobufWriter.varint(4, zigzag(Int64(histogram.schema)), into: &message)
            ProtobufWriter.double(5, histogram.zeroThreshold, into: &message)
            ProtobufWriter.double(7, histogram.zeroCount, into: &message)
            append(8, histogram.negative.spans, into: &message)
            append(10, histogram.negative.counts, into: &message)
            append(11, histogram.positive.spans, into: &message)
            append(13, histogram.positive.counts, into: &message)
            ProtobufWriter.varint(14, UInt64(histogram.counterResetHint.rawValue), into: &message)
            ProtobufWriter.int64(15, timestamp, into: &message)
            append(16, histogram.customValues, into: &message)
        }
    }

    private static func append(_ number: Int, _ spans: [NativeHistogram.Span], into bytes: inout [UInt8]) {
        for span in spans {
            ProtobufWriter.message(number, into: &bytes) { message in
                ProtobufWriter.varint(1, zigzag(Int64(span.offset)), into: &message)
                ProtobufWriter.varint(2, UInt64(span.length), into: &message)
            }
        }
    }

    private static func append(_ number: Int, _ values: [Double], into bytes: inout [UInt8]) {
        if values.isEmpty { return }
        var packed: [UInt8] = []
        packed.append(column: values)
        ProtobufWriter.bytes(number, packed, into: &bytes)
    }

    private static func zigzag(_ value: Int64) -> UInt64 { UInt64(bitPattern: (value << 1) ^ (value >> 63)) }
}
