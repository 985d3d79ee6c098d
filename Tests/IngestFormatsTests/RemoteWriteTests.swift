import ByteCoding
import IngestFormats
import MetricModel
import Testing

@Suite("Remote write")
struct RemoteWriteTests {
    private let format = RemoteWriteFormat()

    private func parse(_ writer: RequestWriter, limits: Limits = Limits()) throws -> ParsedWrite {
        try format.parse(SnappyBlock.compress(writer.bytes), seed: 1, limits: limits)
    }

    @Test("samples, labels and metadata arrive as they were sent")
    func wholeRequest() throws {
        var writer = RequestWriter()
        writer.series([("__name__", "up"), ("instance", "a")], samples: [(1_000, 1), (2_000, 0)])
        writer.series([("__name__", "temp"), ("instance", "b")], samples: [(-5, -1.5)])
        writer.metadata(type: 1, metric: "up", help: "Whether.", unit: "")
        writer.metadata(type: 99, metric: "temp", help: "", unit: "celsius")
        let write = try parse(writer)
        #expect(write.samples.series == [0, 0, 1])
        #expect(write.samples.timestamps == [1_000, 2_000, -5])
        #expect(write.samples.values == [1, 0, -1.5])
        #expect(try write.labels(ofSeries: 0) == Labels([Label("__name__", "up"), Label("instance", "a")]))
        #expect(try write.labels(ofSeries: 1) == Labels([Label("__name__", "temp"), Label("instance", "b")]))
        #expect(
            write.metadata == [
                MetricMetadata(metric: "up", type: "counter", unit: "", help: "Whether."),
                MetricMetadata(metric: "temp", type: "unknown", unit: "celsius", help: ""),
            ])
        #expect(write.rejectedCount == 0)
        #expect(!write.hasUnstamped)
    }

    @Test(
        "values keep every bit",
        arguments: [StaleMarker.bits, 0x7FF8_0000_0000_0001, 0xFFF8_0000_DEAD_BEEF, 0x8000_0000_0000_0000, 1, 0]
            as [UInt64])
    func bits(_ pattern: UInt64) throws {
        var writer = RequestWriter()
        writer.series([("__name__", "x")], samples: [(1, Double(bitPattern: pattern))])
        #expect(try parse(writer).samples.values.first?.bitPattern == pattern)
    }

    @Test("fields that proto3 leaves out are zero")
    func defaults() throws {
        var writer = RequestWriter()
        ProtobufWriter.message(1, into: &writer.bytes) { series in
            ProtobufWriter.message(1, into: &series) { label in
                ProtobufWriter.string(1, "__name__", into: &label)
                ProtobufWriter.string(2, "x", into: &label)
            }
            ProtobufWriter.message(2, into: &series) { ProtobufWriter.int64(2, 7, into: &$0) }
            ProtobufWriter.message(2, into: &series) { ProtobufWriter.double(1, 3, into: &$0) }
            ProtobufWriter.message(2, into: &series) { _ in }
        }
        let write = try parse(writer)
        #expect(write.samples.timestamps == [7, 0, 0])
        #expect(write.samples.values == [0, 3, 0])
    }

    @Test("native histograms are refused by series, the samples beside them are kept")
    func histograms() throws {
        var writer = RequestWriter()
        writer.series([("__name__", "a")], samples: [(1, 1)])
        writer.series([("__name__", "h")], histograms: 3)
        writer.series([("__name__", "b")], samples: [(1, 2)], histograms: 1)
        let write = try parse(writer)
        #expect(write.samples.values == [1, 2])
        #expect(write.rejectedCount == 4)
        #expect(write.rejections.map(\.element) == [1, 2])
        #expect(write.rejections.allSatisfy { $0.reason.contains("native histograms") })
        #expect(write.series.map(\.element) == [0, 2])
    }

    @Test("exemplars are found with their series, which need not have samples")
    func exemplars() throws {
        var writer = RequestWriter()
        writer.series([("__name__", "a")], samples: [(1, 1)], exemplars: 2)
        writer.series([("__name__", "b"), ("x", "1")], exemplars: 1, labelsLast: true)
        let write = try parse(writer)
        #expect(write.exemplars.count == 3 && write.exemplarsDropped == 0 && write.rejectedCount == 0)
        #expect(write.samples.count == 1 && write.series.count == 1)
        let series = try write.exemplars.map { try write.series(of: $0, limits: Limits()).metricName }
        #expect(series == ["a", "a", "b"])
        let expected = Exemplar(labels: try Labels([Label("trace_id", "t")]), value: 1, timestamp: 7)
        #expect(write.exemplars.map { write.exemplar($0) } == [expected, expected, expected])
    }

    @Test("an exemplar that is malformed, or whose labels have more than 128 characters, is none")
    func badExemplars() throws {
        for (length, isRead) in [(120, true), (121, false)] {
            let value = String(repeating: "é", count: length)
            var writer = RequestWriter()
            writer.series([("__name__", "a")], exemplars: 1, trace: value)
            let write = try parse(writer)
            #expect((write.exemplar(write.exemplars[0]) != nil) == isRead)
        }
        var writer = RequestWriter()
        ProtobufWriter.message(1, into: &writer.bytes) { series in
            LabelRun.append(name: "__name__".utf8, value: "a".utf8, to: &series)
            ProtobufWriter.bytes(3, [0xFF], into: &series)
        }
        let write = try parse(writer)
        #expect(write.exemplar(write.exemplars[0]) == nil)
    }

    @Test("exemplars beyond the request's limit, or of labels in pieces, are counted and left out")
    func tooManyExemplars() throws {
        var writer = RequestWriter()
        writer.series([("__name__", "a")], exemplars: ParsedWrite.exemplarsPerRequestMax + 3)
        let write = try parse(writer)
        #expect(write.exemplars.count == ParsedWrite.exemplarsPerRequestMax && write.exemplarsDropped == 3)
    }

    @Test("labels are found wherever they stand in the message")
    func labelPlaces() throws {
        let labels = [("__name__", "a"), ("x", "1"), ("y", "2")]
        var writer = RequestWriter()
        writer.series(labels, samples: [(1, 1)])
        writer.series(labels, samples: [(2, 2)], labelsLast: true)
        writer.series(labels, samples: [(3, 3), (4, 4), (5, 5)], labelsLast: true, between: true)
        let between = RequestWriter.interleaved(labels)
        writer.bytes += between
        let write = try parse(writer)
        let expected = try write.labels(ofSeries: 0)
        #expect(try write.labels(ofSeries: 1) == expected)
        #expect(try write.labels(ofSeries: 3) == expected)
        #expect(write.series[0].hash == write.series[1].hash)
        #expect(write.series[0].hash == write.series[3].hash)
        #expect(throws: LabelError.self) { try write.labels(ofSeries: 2) }
    }

    @Test("fields from later versions are skipped")
    func unknownFields() throws {
        var writer = RequestWriter()
        ProtobufWriter.varint(9, 77, into: &writer.bytes)
        ProtobufWriter.string(200, "later", into: &writer.bytes)
        ProtobufWriter.double(7, 1, into: &writer.bytes)
        writer.series([("__name__", "a")], samples: [(1, 1)])
        ProtobufWriter.tag(8, .fixed32, into: &writer.bytes)
        writer.bytes += [1, 2, 3, 4]
        #expect(try parse(writer).samples.count == 1)
    }

    @Test("a series without samples is no series")
    func emptySeries() throws {
        var writer = RequestWriter()
        writer.series([("__name__", "a")])
        let write = try parse(writer)
        #expect(write.series.isEmpty)
        #expect(write.rejectedCount == 0)
    }

    @Test("equal labels of two tenants have different hashes, and of one tenant equal ones")
    func tenantSeeds() throws {
        var writer = RequestWriter()
        writer.series([("__name__", "a"), ("instance", "x")], samples: [(1, 1)])
        let one = RunSeed.of(try TenantID(validating: "one"), process: 5)
        let two = RunSeed.of(try TenantID(validating: "two"), process: 5)
        let body = SnappyBlock.compress(writer.bytes)
        let first = try format.parse(body, seed: one, limits: Limits()).series[0].hash
        #expect(try format.parse(body, seed: one, limits: Limits()).series[0].hash == first)
        #expect(try format.parse(body, seed: two, limits: Limits()).series[0].hash != first)
        #expect(RunSeed.of(.default, process: 1) != RunSeed.of(.default, process: 2))
    }

    @Test("what the encoder writes is what the parser reads")
    func encoderRoundTrip() throws {
        let labels = try Labels([Label("__name__", "métrique"), Label("é", "\u{1F600}"), Label("a", "b")])
        var encoder = RemoteWriteEncoder()
        for timestamp in [0, 1, 127, 128, 1 << 35, 1_763_000_000_000, -1, Int64.max, Int64.min] as [Int64] {
            encoder.append(labelRun: RemoteWriteEncoder.labelRun(labels), timestamp: timestamp, value: 0.1)
        }
        let metadata = MetricMetadata(metric: "m", type: "gauge", unit: "s", help: "h")
        encoder.append(metadata)
        let write = try format.parse(encoder.finish(), seed: 0, limits: Limits())
        #expect(write.samples.timestamps == [0, 1, 127, 128, 1 << 35, 1_763_000_000_000, -1, .max, .min])
        #expect(try write.labels(ofSeries: 0) == labels)
        #expect(Set(write.series.map(\.hash)).count == 1)
        #expect(write.metadata == [metadata])
        #expect(encoder.request.isEmpty)
    }

    // MARK: - Limits and headers

    @Test("limits name themselves and answer 413")
    func limits() throws {
        var writer = RequestWriter()
        for index in 0..<5 { writer.series([("__name__", "a\(index)")], samples: [(1, 1), (2, 2)]) }
        var limits = Limits()
        limits.seriesPerRequestMax = 4
        #expect(throws: IngestError.limit(name: "series_per_request_max", maximum: 4, found: 5)) {
            try parse(writer, limits: limits)
        }
        limits = Limits()
        limits.samplesPerRequestMax = 9
        #expect(throws: IngestError.limit(name: "samples_per_request_max", maximum: 9, found: 10)) {
            try parse(writer, limits: limits)
        }
        limits = Limits()
        limits.ingestDecodedBytesMax = writer.bytes.count - 1
        let decoded = IngestError.limit(
            name: "ingest_decoded_bytes_max", maximum: writer.bytes.count - 1, found: writer.bytes.count)
        #expect(throws: decoded) { try parse(writer, limits: limits) }
        limits = Limits()
        limits.ingestBodyBytesMax = 3
        #expect(throws: IngestError.self) { try parse(writer, limits: limits) }
        #expect(decoded.status == 413)
    }

    @Test(
        "only remote write 1.0 in snappy is taken",
        arguments: [
            ("application/x-protobuf", "snappy", true), (nil, nil, true),
            ("Application/X-Protobuf; proto=prometheus.WriteRequest", "Snappy", true),
            ("application/x-protobuf;proto=\"prometheus.WriteRequest\"", nil, true),
            ("application/x-protobuf;proto=io.prometheus.write.v2.Request", "snappy", false),
            ("application/json", "snappy", false), ("", nil, false), ("application/x-protobuf", "gzip", false),
            ("application/x-protobuf", "", false), ("application/x-protobuf", "zstd", false),
        ] as [(String?, String?, Bool)])
    func headers(_ type: String?, _ encoding: String?, _ isTaken: Bool) {
        if isTaken {
            #expect(throws: Never.self) { try format.check(contentType: type, contentEncoding: encoding) }
            return
        }
        do {
            try format.check(contentType: type, contentEncoding: encoding)
            Issue.record("\(type ?? "nil") with \(encoding ?? "nil") was taken")
        } catch {
            #expect(error.status == 415)
            #expect(error.description.contains("accepted is application/x-protobuf"))
            #expect(error.description.contains("snappy"))
        }
    }

    @Test("a body that is not snappy, or not a request, is 400")
    func malformed() {
        for body in [[], [0xFF], Array("{\"a\":1}".utf8), SnappyBlock.compress([0x0A, 0x7F])] as [[UInt8]] {
            do {
                let write = try format.parse(body, seed: 0, limits: Limits())
                Issue.record("\(body) was read as \(write.samples.count) samples")
            } catch {
                #expect(error.status == 400)
            }
        }
    }

    @Test("the refusal is one line that says how many were stored and what was wrong")
    func refusal() {
        let report = WriteReport(
            stored: 98, rejectedCount: 2, rejections: [ElementRejection(element: 4, reason: "no name")],
            exemplarsDropped: 0)
        let body = format.refusal(report)
        #expect(body.text == "2 rejected, 98 samples stored: series 4: no name\n")
        #expect(body.contentType.hasPrefix("text/plain"))
        #expect(!report.isComplete)
    }
}

extension RequestWriter {
    /// One series whose sample stands between its labels.
    static func interleaved(_ labels: [(String, String)]) -> [UInt8] {
        var bytes: [UInt8] = []
        ProtobufWriter.message(1, into: &bytes) { series in
            for (index, label) in labels.enumerated() {
                ProtobufWriter.message(1, into: &series) { inner in
                    ProtobufWriter.string(1, label.0, into: &inner)
                    ProtobufWriter.string(2, label.1, into: &inner)
                }
                guard index == 0 else { continue }
                ProtobufWriter.message(2, into: &series) { sample in
                    ProtobufWriter.double(1, 9, into: &sample)
                    ProtobufWriter.int64(2, 9, into: &sample)
                }
            }
        }
        return bytes
    }
}
