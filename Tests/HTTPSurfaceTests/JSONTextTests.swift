import ByteCoding
import HTTPSurface
import MetricModel
import NIOCore
import Testing

/// Everything that a document's pieces hold, as text.
func text(_ chunks: JSONChunks) -> String {
    var chunks = chunks
    var text = ""
    while let chunk = chunks.nextChunk() { text += String(buffer: chunk) }
    return text
}

/// Labels out of pairs.
func labels(_ pairs: (String, String)...) throws -> Labels {
    try Labels(pairs.map { Label($0.0, $0.1) })
}

@Suite struct NumbersAsPrometheusWritesThem {
    @Test(
        "the fewest digits, plain between 1e-6 and 1e21, an exponent of two digits beyond",
        arguments: [
            (0.0, "0"), (-0.0, "-0"), (1.0, "1"), (-1.0, "-1"), (0.1, "0.1"), (42.5, "42.5"),
            (123456.789, "123456.789"),
            (1e15, "1000000000000000"), (1e16, "10000000000000000"), (1.2345e19, "12345000000000000000"),
            (123456789012345680.0, "123456789012345680"), (9007199254740993.0, "9007199254740992"),
            (1e20, "100000000000000000000"), (1e21, "1e+21"), (1.5e21, "1.5e+21"), (-2.5e300, "-2.5e+300"),
            (0.000001, "0.000001"), (0.00000123, "0.00000123"), (9.99e-7, "9.99e-07"), (1e-7, "1e-07"),
            (1.5e-10, "1.5e-10"),
            (Double.leastNonzeroMagnitude, "5e-324"), (1.7976931348623157e308, "1.7976931348623157e+308"),
            (0.30000000000000004, "0.30000000000000004"),
            (100.01, "100.01"), (1763000300.123, "1763000300.123"), (0.001, "0.001"),
            (Double.infinity, "+Inf"), (-Double.infinity, "-Inf"), (Double.nan, "NaN"),
        ])
    func golden(value: Double, expected: String) {
        var bytes: [UInt8] = []
        bytes.append(prometheus: value)
        #expect(String(decoding: bytes, as: UTF8.self) == expected)
    }

    @Test("measurements of few decimals have the digits that the language finds shortest")
    func shortDecimals() {
        var state: UInt64 = 3
        for _ in 0..<20_000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let integer = Int64(bitPattern: state) >> Int64(state % 50 + 12)
            let value = Double(integer) / [1, 10, 100, 1000, 10_000][Int(state >> 32) % 5]
            guard value.magnitude >= 1e-3, value.magnitude < 1e15 else { continue }
            var bytes: [UInt8] = []
            bytes.append(prometheus: value)
            let shortest = value.description
            #expect(
                String(decoding: bytes, as: UTF8.self)
                    == (shortest.hasSuffix(".0") ? String(shortest.dropLast(2)) : shortest))
        }
    }

    @Test("every finite number reads back to the same bits")
    func roundTrip() {
        var state: UInt64 = 7
        for _ in 0..<20_000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let value = Double(bitPattern: state)
            guard value.isFinite else { continue }
            var bytes: [UInt8] = []
            bytes.append(prometheus: value)
            #expect(Double(String(decoding: bytes, as: UTF8.self))?.bitPattern == value.bitPattern)
        }
    }

    @Test(
        "times are seconds with the milliseconds that there are",
        arguments: [
            (0, "0"), (1_000, "1"), (1_763_000_300_123, "1763000300.123"), (1_100, "1.100"), (1_005, "1.005"),
            (-1_500, "-1.500"), (-1, "-0.001"),
        ] as [(Int64, String)])
    func times(milliseconds: Int64, expected: String) {
        var text = JSONText()
        text.time(milliseconds)
        #expect(String(decoding: text.bytes, as: UTF8.self) == expected)
    }
}

@Suite struct StringsAsJSON {
    @Test(
        "what RFC 8259 demands is escaped, and no more",
        arguments: [
            ("plain", "\"plain\""), ("", "\"\""), ("a\"b\\c", "\"a\\\"b\\\\c\""), ("\n\r\t", "\"\\n\\r\\t\""),
            ("\u{0}\u{1}\u{1f}", "\"\\u0000\\u0001\\u001f\""), ("é€😀", "\"é€😀\""), ("</script>&'", "\"</script>&'\""),
            ("\u{7f}\u{2028}", "\"\u{7f}\u{2028}\""),
        ])
    func strings(text: String, expected: String) {
        var json = JSONText()
        json.string(text)
        #expect(String(decoding: json.bytes, as: UTF8.self) == expected)
    }

    @Test("bytes that are not UTF-8 become the replacement character")
    func invalid() {
        let bytes: [UInt8] = [0x61, 0xFF, 0x62]
        var json = JSONText()
        json.string(bytes.rawSpan)
        #expect(String(decoding: json.bytes, as: UTF8.self) == "\"a\u{FFFD}b\"")
    }

    @Test("labels are an object in canonical order")
    func objects() throws {
        var json = JSONText()
        json.object(try labels(("job", "a\"b"), ("__name__", "up")))
        json.object(.empty)
        #expect(String(decoding: json.bytes, as: UTF8.self) == #"{"__name__":"up","job":"a\"b"}{}"#)
    }
}

@Suite struct Envelopes {
    @Test("each type of result has Prometheus' shape")
    func results() throws {
        let up = try labels(("__name__", "up"))
        #expect(
            text(Envelope.query(Answer(.scalar(timestamp: 1_500, value: .nan))))
                == #"{"status":"success","data":{"resultType":"scalar","result":[1.500,"NaN"]}}"#)
        #expect(
            text(Envelope.query(Answer(.string(timestamp: 0, value: "x\""))))
                == #"{"status":"success","data":{"resultType":"string","result":[0,"x\""]}}"#)
        #expect(
            text(
                Envelope.query(
                    Answer(.vector([VectorSample(labels: up, timestamp: 2_000, value: 1)]), warnings: ["w\n"])))
                == #"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"up"},"value":[2,"1"]}]},"warnings":["w\n"]}"#
        )
        let series = SeriesColumns(labels: up, timestamps: [1_000, 2_500], values: [1, -.infinity])
        #expect(
            text(Envelope.query(Answer(.matrix([series, series]))))
                == #"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"up"},"values":[[1,"1"],[2.500,"-Inf"]]},{"metric":{"__name__":"up"},"values":[[1,"1"],[2.500,"-Inf"]]}]}}"#
        )
        #expect(
            text(Envelope.query(Answer(.vector([]))))
                == #"{"status":"success","data":{"resultType":"vector","result":[]}}"#)
    }

    @Test("native histograms have Prometheus' shape: which bounds belong to a bucket, the bounds, the count")
    func nativeHistograms() throws {
        let up = try labels(("__name__", "up"))
        let buckets = NativeHistogram.Buckets(indexed: [(0, 1), (1, 0), (2, 2.5)])
        let histogram = NativeHistogram(
            schema: 0, count: 6.5, sum: -1, zeroThreshold: 0.25, zeroCount: 2, positive: buckets,
            negative: NativeHistogram.Buckets(indexed: [(-1, 1)]))
        let shown =
            #"{"count":"6.5","sum":"-1","buckets":[[1,"-0.5","-0.25","1"],[3,"-0.25","0.25","2"],[0,"0.5","1","1"],[0,"2","4","2.5"]]}"#
        #expect(
            text(
                Envelope.query(
                    Answer(.vector([VectorSample(labels: up, timestamp: 2_000, value: 0, histogram: histogram)]))))
                == #"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"up"},"histogram":[2,\#(shown)]}]}}"#
        )
        let empty = NativeHistogram(schema: NativeHistogram.customSchema, count: 0, sum: .nan, customValues: [1])
        let columns = HistogramColumns(timestamps: [1_000, 2_500], values: [histogram, empty])
        let series = SeriesColumns(labels: up, timestamps: [], values: [], histograms: columns)
        var both = series
        (both.timestamps, both.values) = ([500], [1])
        let points = #""histograms":[[1,\#(shown)],[2.500,{"count":"0","sum":"NaN"}]]"#
        #expect(
            text(Envelope.query(Answer(.matrix([series, both]))))
                == #"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"up"},\#(points)},{"metric":{"__name__":"up"},"values":[[0.500,"1"]],\#(points)}]}}"#
        )
    }

    @Test("lists, series, metadata and servers have Prometheus' shape, or ours where it has none")
    func lists() throws {
        #expect(text(Envelope.strings(Answer(["a", "b\\"]))) == #"{"status":"success","data":["a","b\\"]}"#)
        #expect(text(Envelope.strings(Answer([]))) == #"{"status":"success","data":[]}"#)
        #expect(
            text(Envelope.series(Answer([try labels(("__name__", "up")), .empty], warnings: ["cut"])))
                == #"{"status":"success","data":[{"__name__":"up"},{}],"warnings":["cut"]}"#)
        let metadata = [
            MetricMetadata(metric: "a", type: "counter", unit: "", help: "One."),
            MetricMetadata(metric: "a", type: "gauge", unit: "s", help: "Two."),
            MetricMetadata(metric: "b", type: "unknown", unit: "", help: ""),
        ]
        #expect(
            text(Envelope.metadata(Answer(metadata)))
                == #"{"status":"success","data":{"a":[{"type":"counter","help":"One.","unit":""},{"type":"gauge","help":"Two.","unit":"s"}],"b":[{"type":"unknown","help":"","unit":""}]}}"#
        )
        let servers = [ServerSummary(id: "web-1", label: "instance", lastPush: 1_763_123, seriesCount: 212)]
        #expect(
            text(Envelope.servers(Answer(ServersFound(servers: servers, total: 7))))
                == #"{"status":"success","data":{"servers":[{"id":"web-1","label":"instance","lastPush":1763.123,"series":212}],"total":7}}"#
        )
    }

    @Test("a failure has its type, and its place in UTF-16 units of the query")
    func failures() {
        let failure = APIFailure(.badData, "no", position: .init(offset: 3, length: 4))
        let body = Envelope.failure(failure, query: "é+😀)")
        #expect(
            String(decoding: body.bytes, as: UTF8.self)
                == #"{"status":"error","errorType":"bad_data","error":"no","position":{"offset":2,"length":2}}"#)
        let beyond = APIFailure(.execution, "x", position: .init(offset: 99, length: 1))
        #expect(
            String(decoding: Envelope.failure(beyond, query: "up").bytes, as: UTF8.self)
                == #"{"status":"error","errorType":"execution","error":"x"}"#)
    }

    @Test("a long document comes in bounded pieces and is whole")
    func pieces() {
        let names = (0..<40_000).map { "name_\($0)" }
        var chunks = Envelope.strings(Answer(names))
        var sizes: [Int] = []
        var whole = ""
        while let chunk = chunks.nextChunk() {
            sizes.append(chunk.readableBytes)
            whole += String(buffer: chunk)
        }
        #expect(sizes.count > 5)
        #expect(sizes.allSatisfy { $0 <= JSONChunks.chunkBytes + 100 && $0 > 0 })
        #expect(whole == #"{"status":"success","data":[""# + names.joined(separator: "\",\"") + "\"]}")
    }
}
