import ByteCoding
import IngestFormats
import MetricModel
import Testing

/// A `Histogram` message written field by field.
struct HistogramMessage {
    var bytes: [UInt8] = []

    static func zigzag(_ value: Int64) -> UInt64 { UInt64(bitPattern: (value << 1) ^ (value >> 63)) }

    mutating func span(_ number: Int, _ offset: Int64, _ length: UInt64) {
        ProtobufWriter.message(number, into: &bytes) { span in
            ProtobufWriter.varint(1, Self.zigzag(offset), into: &span)
            ProtobufWriter.varint(2, length, into: &span)
        }
    }

    mutating func deltas(_ number: Int, _ deltas: [Int64]) {
        var packed: [UInt8] = []
        for delta in deltas { packed.append(varint: Self.zigzag(delta)) }
        ProtobufWriter.bytes(number, packed, into: &bytes)
    }

    mutating func doubles(_ number: Int, _ values: [Double]) {
        var packed: [UInt8] = []
        packed.append(column: values)
        ProtobufWriter.bytes(number, packed, into: &bytes)
    }

    /// Buckets 1, 3, 0 (one span of two, one apart) and one negative of 2; zero bucket 4.
    static func integer(
        count: UInt64 = 10, schema: Int64 = 2, time: Int64 = 1000, change: (inout HistogramMessage) -> Void = { _ in }
    ) -> HistogramMessage {
        var message = HistogramMessage()
        ProtobufWriter.varint(1, count, into: &message.bytes)
        ProtobufWriter.double(3, 12.5, into: &message.bytes)
        ProtobufWriter.varint(4, zigzag(schema), into: &message.bytes)
        ProtobufWriter.double(5, 0.001, into: &message.bytes)
        ProtobufWriter.varint(6, 4, into: &message.bytes)
        message.span(8, 3, 1)
        message.deltas(9, [2])
        message.span(11, -1, 2)
        message.span(11, 5, 1)
        message.deltas(12, [1, 2, -3])
        ProtobufWriter.varint(14, 2, into: &message.bytes)
        ProtobufWriter.int64(15, time, into: &message.bytes)
        change(&message)
        return message
    }

    static let exponential = integer()
    static let custom: HistogramMessage = {
        var message = HistogramMessage()
        ProtobufWriter.double(2, 3.5, into: &message.bytes)
        ProtobufWriter.double(3, 7, into: &message.bytes)
        ProtobufWriter.varint(4, zigzag(-53), into: &message.bytes)
        message.span(11, 0, 3)
        message.doubles(13, [0.5, 1, 2])
        ProtobufWriter.varint(14, 3, into: &message.bytes)
        ProtobufWriter.int64(15, 2000, into: &message.bytes)
        message.doubles(16, [0.1, 1])
        return message
    }()
}

extension RequestWriter {
    mutating func histogramSeries(_ labels: [(String, String)], _ histograms: HistogramMessage...) {
        ProtobufWriter.message(1, into: &bytes) { series in
            for label in labels { LabelRun.append(name: label.0.utf8, value: label.1.utf8, to: &series) }
            for histogram in histograms { ProtobufWriter.bytes(4, histogram.bytes, into: &series) }
        }
    }
}

@Suite("Native histograms in remote write")
struct RemoteWriteHistogramTests {
    private func parse(_ histograms: HistogramMessage...) throws -> ParsedWrite {
        var writer = RequestWriter()
        writer.series([("__name__", "before")], samples: [(1, 1)])
        for histogram in histograms { writer.histogramSeries([("__name__", "h")], histogram) }
        writer.series([("__name__", "behind")], samples: [(1, 2)])
        let format = RemoteWriteFormat(takesHistograms: true)
        return try format.parse(decompressed: writer.bytes, seed: 0, limits: Limits())
    }

    /// Why a histogram is refused; the samples beside it must be there.
    private func refusal(_ histogram: HistogramMessage) throws -> String {
        let write = try parse(histogram)
        #expect(write.samples.values == [1, 2] && write.samples.histograms.isEmpty)
        #expect(write.rejectedCount == 1 && write.rejections.first?.element == 1)
        return write.rejections.first?.reason ?? ""
    }

    @Test("integer and float histograms are kept with absolute counts")
    func kept() throws {
        let write = try parse(.exponential, .custom)
        #expect(write.rejectedCount == 0 && write.samples.timestamps == [1, 1000, 2000, 1])
        let integer = try #require(write.samples.histograms[1])
        #expect(
            integer
                == NativeHistogram(
                    schema: 2, counterResetHint: .notReset, count: 10, sum: 12.5, zeroThreshold: 0.001, zeroCount: 4,
                    positive: .init(
                        spans: [.init(offset: -1, length: 2), .init(offset: 5, length: 1)], counts: [1, 3, 0]),
                    negative: .init(spans: [.init(offset: 3, length: 1)], counts: [2])))
        let float = try #require(write.samples.histograms[2])
        #expect(
            float
                == NativeHistogram(
                    schema: -53, counterResetHint: .gauge, count: 3.5, sum: 7,
                    positive: .init(spans: [.init(offset: 0, length: 3)], counts: [0.5, 1, 2]),
                    customValues: [0.1, 1]))
    }

    @Test("a finer schema is taken at the finest that is kept")
    func downscaled() throws {
        let write = try parse(.integer(schema: 10))
        let histogram = try #require(write.samples.histograms[1])
        var found: [Int32: Double] = [:]
        histogram.positive.forEach { found[$0] = $1 }
        #expect(histogram.schema == 8 && found == [0: 4, 2: 0])
        #expect(try refusal(.integer(schema: 53)).contains("schema 53"))
        #expect(try refusal(.integer(schema: -5)).contains("schema -5"))
        #expect(try refusal(.integer(schema: .min)).contains("schema"))
    }

    /// Buckets of schema 52 that are one at schema 8.
    static func fine(_ count: Int, of bucket: Int64, total: UInt64, sum: Double = 1) -> HistogramMessage {
        var message = HistogramMessage()
        ProtobufWriter.varint(1, total, into: &message.bytes)
        ProtobufWriter.double(3, sum, into: &message.bytes)
        ProtobufWriter.varint(4, HistogramMessage.zigzag(52), into: &message.bytes)
        message.span(11, 1, UInt64(count))
        message.deltas(12, [bucket] + Array(repeating: 0, count: count - 1))
        ProtobufWriter.int64(15, 1000, into: &message.bytes)
        return message
    }

    @Test("fine buckets that become one are added up without loss, or refused")
    func addedUp() throws {
        let most: UInt64 = 1 << 53
        #expect(try refusal(Self.fine(2048, of: Int64(most), total: most)).contains("sum of its buckets is above 2^53"))
        #expect(try refusal(Self.fine(2, of: Int64(most), total: most)).contains("its buckets have 18014398509481984"))
        #expect(try refusal(Self.fine(2, of: Int64(most), total: most, sum: .nan)).contains("18014398509481984"))
        let kept = try parse(Self.fine(2048, of: 3, total: 6144))
        #expect(kept.samples.histograms[1]?.positive == .init(spans: [.init(offset: 1, length: 1)], counts: [6144]))
    }

    @Test("a histogram that says that its series ended is a stale marker")
    func stale() throws {
        let write = try parse(.integer { ProtobufWriter.double(3, StaleMarker.value, into: &$0.bytes) })
        #expect(write.samples.histograms.isEmpty && write.samples.values[1].isStaleMarker)
    }

    @Test("what is wrong with one histogram is said, and the rest is stored")
    func refused() throws {
        #expect(try refusal(.integer(count: 11)).contains("its count is 11, but its buckets have 10"))
        #expect(try refusal(.integer(count: .max)).contains("above 2^53"))
        #expect(try refusal(.integer { $0.span(11, 0, 1) }).contains("4 buckets, but there are 3"))
        #expect(try refusal(.integer { $0.span(11, -2, 0) }).contains("negative offset"))
        #expect(try refusal(.integer { $0.deltas(12, [-1]) }).contains("negative"))
        #expect(try refusal(.integer { $0.deltas(12, [.max, .max]) }).contains("2^53"))
        #expect(try refusal(.integer { $0.doubles(13, [1]) }).contains("mixes"))
        #expect(try refusal(.integer { $0.doubles(16, [1]) }).contains("custom bounds"))
        #expect(try refusal(.integer { $0.bytes += [0x22, 0x7F] }).contains("ends too early"))
    }

    @Test("a refusal names the series, cut short, where its labels can be read")
    func named() throws {
        let bad = HistogramMessage.integer(count: 11)
        var writer = RequestWriter()
        writer.histogramSeries([("__name__", "h"), ("instance", "a")], bad)
        writer.histogramSeries([("__name__", "h"), ("path", String(repeating: "x", count: 3000))], bad)
        writer.histogramSeries([("instance", "nameless")], bad)
        let format = RemoteWriteFormat(takesHistograms: true)
        let write = try format.parse(decompressed: writer.bytes, seed: 0, limits: Limits())
        let reasons = write.rejections.map(\.reason)
        #expect(reasons[0] == #"native histogram of h{instance="a"}: its count is 11, but its buckets have 10"#)
        #expect(reasons[1].hasPrefix(#"native histogram of h{path="xxx"#) && reasons[1].count < 300)
        #expect(reasons[2] == "native histogram: its count is 11, but its buckets have 10")
    }

    @Test("float counts that are no numbers of anything are refused")
    func badFloats() throws {
        func float(count: Double = 3, zero: Double = 0, buckets: [Double] = [1, 2]) -> HistogramMessage {
            var message = HistogramMessage()
            ProtobufWriter.double(2, count, into: &message.bytes)
            ProtobufWriter.double(7, zero, into: &message.bytes)
            message.span(11, 0, UInt64(buckets.count))
            message.doubles(13, buckets)
            return message
        }
        #expect(try refusal(float(count: .nan)).contains("its count is not a finite number"))
        #expect(try refusal(float(count: -1)).contains("its count is negative"))
        #expect(try refusal(float(zero: .infinity)).contains("its zero count is not a finite number"))
        #expect(try refusal(float(buckets: [1, .nan])).contains("a bucket is not a finite number"))
        #expect(try refusal(float(buckets: [1, -0.5])).contains("a bucket is negative"))
    }

    @Test("spans and lists beyond all measure are refused before anything is allocated for them")
    func hostile() throws {
        #expect(try refusal(.integer { $0.span(11, 0, UInt64(UInt32.max)) }).contains("out of range"))
        #expect(try refusal(.integer { $0.span(11, 0, .max) }).contains("out of range"))
        #expect(try refusal(.integer { $0.span(11, .max, 1) }).contains("out of range"))
        #expect(try refusal(.integer(schema: 52) { $0.span(11, Int64(Int32.max), 0) }).isEmpty == false)
        #expect(try refusal(.integer(schema: 52) { $0.span(8, Int64(Int32.max), 1) }).contains("out of range"))
        #expect(
            try refusal(.integer { $0.deltas(12, Array(repeating: 0, count: 5000)) }).contains("histogram_buckets_max"))
        #expect(
            try refusal(.integer { message in for _ in 0..<5000 { message.span(11, 0, 0) } })
                .contains("histogram_spans_max"))
        #expect(try refusal(.integer { $0.doubles(16, [1, 2]) }).contains("custom bounds"))
        // A short message for much memory: each of these is sound.
        var wide = HistogramMessage()
        wide.span(11, 0, 4096)
        wide.deltas(12, Array(repeating: 0, count: 4096))
        var writer = RequestWriter()
        ProtobufWriter.message(1, into: &writer.bytes) { series in
            LabelRun.append(name: "__name__".utf8, value: "h".utf8, to: &series)
            for _ in 0..<2500 { ProtobufWriter.bytes(4, wide.bytes, into: &series) }
        }
        #expect(throws: IngestError.self) {
            try RemoteWriteFormat(takesHistograms: true).parse(decompressed: writer.bytes, seed: 0, limits: Limits())
        }
    }
}
