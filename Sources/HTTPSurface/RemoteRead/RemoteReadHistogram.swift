import ByteCoding
import MetricModel

/// Native histograms in answers of `/api/v1/read` as samples: integer ones where every count is whole, else float ones.
///
/// Prometheus 3.5 cannot evaluate the float histograms of such an answer; of a stream of chunks it can.
/// Source: Prometheus' prompb/types.proto, message `Histogram`.
enum RemoteReadHistogram {
    /// Appends a `Histogram` as field `number`.
    static func append(_ number: Int, _ histogram: NativeHistogram, timestamp: Int64, into bytes: inout [UInt8]) {
        let isInteger = histogram.hasWholeCounts && histogram.countsAddUp
        ProtobufWriter.message(number, into: &bytes) { message in
            if isInteger {
                ProtobufWriter.varint(1, UInt64(histogram.count), into: &message)
            } else {
                ProtobufWriter.double(2, histogram.count, into: &message)
            }
            ProtobufWriter.double(3, histogram.sum, into: &message)
            ProtobufWriter.varint(4, zigzag(Int64(histogram.schema)), into: &message)
            ProtobufWriter.double(5, histogram.zeroThreshold, into: &message)
            if isInteger {
                ProtobufWriter.varint(6, UInt64(histogram.zeroCount), into: &message)
            } else {
                ProtobufWriter.double(7, histogram.zeroCount, into: &message)
            }
            append(8, histogram.negative, isInteger, into: &message)
            append(11, histogram.positive, isInteger, into: &message)
            ProtobufWriter.varint(14, UInt64(histogram.counterResetHint.rawValue), into: &message)
            ProtobufWriter.int64(15, timestamp, into: &message)
            append(16, histogram.customValues, into: &message)
        }
    }

    /// Appends the spans as field `number`, and the counts as one of the two that follow: differences, or the counts themselves.
    private static func append(
        _ number: Int, _ buckets: NativeHistogram.Buckets, _ isInteger: Bool, into bytes: inout [UInt8]
    ) {
        for span in buckets.spans {
            ProtobufWriter.message(number, into: &bytes) { message in
                ProtobufWriter.varint(1, zigzag(Int64(span.offset)), into: &message)
                ProtobufWriter.varint(2, UInt64(span.length), into: &message)
            }
        }
        if !isInteger { return append(number + 2, buckets.counts, into: &bytes) }
        if buckets.counts.isEmpty { return }
        var packed: [UInt8] = []
        var last: Int64 = 0
        for count in buckets.counts {
            packed.append(varint: zigzag(Int64(count) - last))
            last = Int64(count)
        }
        ProtobufWriter.bytes(number + 1, packed, into: &bytes)
    }

    private static func append(_ number: Int, _ values: [Double], into bytes: inout [UInt8]) {
        if values.isEmpty { return }
        var packed: [UInt8] = []
        packed.append(column: values)
        ProtobufWriter.bytes(number, packed, into: &bytes)
    }

    private static func zigzag(_ value: Int64) -> UInt64 { UInt64(bitPattern: (value << 1) ^ (value >> 63)) }
}

extension NativeHistogram {
    /// Whether whole counts are those of an integer histogram: its buckets add up to its count, or to less where the sum is not a number.
    fileprivate var countsAddUp: Bool {
        let buckets = zeroCount + positive.counts.reduce(0, +) + negative.counts.reduce(0, +)
        return sum.isNaN ? buckets <= count : buckets == count
    }
}
