import ByteCoding
import HTTPSurface
import HTTPTypes
import IngestFormats
import MetricModel
import NIOCore
import SeededRandom
import Testing

@Suite struct FederationAPI {
    @Test("the newest sample of each series is told in the text format, an ended series is not")
    func text() async throws {
        let seen = try await ask(responder(), .get, "/federate?match[]=up&match[]=up")
        #expect(seen.status == 200)
        #expect(seen.headers[.contentType] == "text/plain; version=0.0.4; charset=utf-8; escaping=underscores")
        #expect(seen.body == "# TYPE up untyped\nup{z=\"1\",instance=\"\"} 4 \(testTime)\n")
    }

    @Test("names beyond the old rules are quoted for those who can read that, else get underscores")
    func names() async throws {
        let path = "/federate?match[]=%7B%22a.b%22%7D"
        let old = try await ask(responder(), .get, path)
        #expect(old.body == "# TYPE a_b untyped\na_b{z=\"1\",instance=\"\"} 4 \(testTime)\n")
        let new = try await ask(
            responder(), .get, path, headers: [.accept: "text/plain;version=1.0.0;escaping=allow-utf-8"])
        #expect(new.body == "# TYPE \"a.b\" untyped\n{\"a.b\",z=\"1\",instance=\"\"} 4 \(testTime)\n")
    }

    @Test("no match[] is an empty page, a bad one an error in plain text")
    func selectors() async throws {
        let none = try await ask(responder(), .get, "/federate")
        #expect(none.status == 200 && none.body.isEmpty)
        let bad = try await ask(responder(), .get, "/federate?match[]=up%7B")
        #expect(
            bad.status == 400 && !bad.body.hasPrefix("{") && bad.headers[.contentType]?.hasPrefix("text/plain") == true)
    }
}

@Suite struct RemoteReadAPI {
    /// A request for a metric in a range, with response types in order of preference.
    private func request(_ types: [UInt64], metric: String = "up", end: Int64 = 100_000) -> [UInt8] {
        var message: [UInt8] = []
        ProtobufWriter.message(1, into: &message) { query in
            ProtobufWriter.int64(1, 0, into: &query)
            ProtobufWriter.int64(2, end, into: &query)
            ProtobufWriter.message(3, into: &query) { matcher in
                ProtobufWriter.varint(1, 0, into: &matcher)
                ProtobufWriter.string(2, "__name__", into: &matcher)
                ProtobufWriter.string(3, metric, into: &matcher)
            }
        }
        for type in types { ProtobufWriter.varint(2, type, into: &message) }
        return message
    }

    private func post(_ message: [UInt8]) async throws -> Seen {
        try await ask(
            responder(), .post, "/api/v1/read", headers: [.contentType: "application/x-protobuf"],
            bytes: SnappyBlock.compress(message))
    }

    @Test("a request is read with its matchers and the first form that we have")
    func reads() throws {
        let read = try RemoteReadRequest(request([7, 1, 0]))
        #expect(read.responseType == .streamedChunks && read.queries.count == 1)
        #expect(read.queries[0].start == 0 && read.queries[0].end == 100_000)
        #expect(read.queries[0].matchers == [Matcher(equal: "__name__", "up")])
        #expect(try RemoteReadRequest(request([])).responseType == .samples)
        #expect(throws: APIFailure.self) { try RemoteReadRequest(request([9])) }
        for length in 1..<request([1]).count - 2 {
            _ = try? RemoteReadRequest(Array(request([1]).prefix(length)))
        }
    }

    @Test("samples come as one snappy message, stale markers kept, series in Prometheus' order")
    func samples() async throws {
        let seen = try await post(request([]))
        #expect(seen.status == 200 && seen.headers[.contentEncoding] == "snappy")
        let message = try SnappyBlock.decompress(seen.bytes, bytesMax: 1 << 20)
        let found = try Decoded.samples(message)
        #expect(found.map(\.labels) == [["__name__", "up", "y", "b\n"], ["__name__", "up", "z", "1"]])
        #expect(found.allSatisfy { $0.timestamps.count == 250 && $0.timestamps.last == 100_000 })
        #expect(found[0].values.last?.isStaleMarker == true && found[1].values.last == 4)
    }

    @Test("chunks come in frames with checksums, and decode to the same samples")
    func chunks() async throws {
        let seen = try await post(request([1]))
        #expect(
            seen.headers[.contentType] == "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse")
        let found = try Decoded.frames(seen.bytes)
        #expect(found.map(\.labels) == [["__name__", "up", "y", "b\n"], ["__name__", "up", "z", "1"]])
        let timestamps: [Int64] = (0..<250).map { 100_000 - Int64(249 - $0) * 10 }
        let values: [Double] = (0..<250).map { Double($0 % 7) }
        #expect(found[1].timestamps == timestamps)
        #expect(found[1].values == values)
        #expect(found[0].values.last?.isStaleMarker == true)
    }

    @Test("native histograms come as samples, integer ones where their counts are whole")
    func histograms() async throws {
        let seen = try await post(request([0, 1], metric: "sizes"))
        #expect(seen.status == 200 && seen.headers[.contentType] == "application/x-protobuf")
        let found = try Decoded.samples(try SnappyBlock.decompress(seen.bytes, bytesMax: 1 << 20))
        #expect(found.map(\.labels.count) == [2, 4, 4] && found.map(\.timestamps.count) == [0, 250, 250])
        // Offsets of spans and differences of counts are zigzag. Of the float one the zero count is told: without, it would be an integer one.
        let integer: [Int: [Double]] = [
            1: [12], 3: [18.5], 4: [6], 5: [0.5], 6: [0], 8: [0, 1], 9: [4], 11: [5, 2, 8, 1], 12: [2, 14, 13], 14: [3],
            15: [99_000],
        ]
        let float: [Int: [Double]] = [
            2: [12.5], 3: [18.5], 4: [6], 5: [0.5], 7: [0], 8: [0, 1], 10: [2], 11: [5, 2, 8, 1], 13: [1, 8, 1],
            14: [3],
            15: [100_000],
        ]
        #expect(found[0].histograms == [integer, float])
    }

    @Test("native histograms come as chunks of float histograms")
    func histogramsAsChunks() async throws {
        let found = try Decoded.frames(try await post(request([1, 0], metric: "sizes")).bytes)
        #expect(found.map(\.labels.count) == [2, 4, 4] && found.map(\.timestamps.count) == [0, 250, 250])
        #expect(found[0].chunked.timestamps == [99_000, 100_000])
        #expect(found[0].chunked.values == [EchoQuery.histogram(count: 12), EchoQuery.histogram(count: 12.5)])
    }

    /// Histograms of a few layouts, some after resets, with numbers between.
    private func mixed(_ random: inout SplitMix64) throws -> SeriesColumns {
        var columns = SeriesColumns(labels: try labels(("a", "b")), timestamps: [], values: [])
        var time = Int64(bitPattern: random.next() >> UInt64(20 + random.below(40)))
        var last = EchoQuery.histogram(count: 1)
        for _ in 0..<(1 + random.below(300)) {
            time += 1 + Int64(bitPattern: random.next() >> UInt64(24 + random.below(39)))
            if random.below(8) == 0 {
                columns.timestamps.append(time)
                columns.values.append(Double(bitPattern: random.next()))
                continue
            }
            switch random.below(20) {
            case 0: last.counterResetHint = .gauge
            case 1: last.counterResetHint = .unknown
            case 2: last.counterResetHint = .reset
            case 3 where !last.hasCustomBuckets: last.schema = Int8(random.below(13)) - 4
            case 4 where !last.hasCustomBuckets:
                last.positive = .init(
                    spans: [.init(offset: -262_144, length: 2), .init(offset: 70_000, length: 300)],
                    counts: Array(repeating: 0.25, count: 302))
            case 5 where !last.hasCustomBuckets: last.zeroThreshold = [0, 0.001, 0.5][random.below(3)]
            case 6:
                last = NativeHistogram(
                    schema: -53, count: 3, sum: .nan,
                    positive: .init(spans: [.init(offset: 0, length: 2)], counts: [1, 2]), customValues: [-0.3, 1e300])
            case 7: last.count = 0
            case 8: last.positive.counts[0] -= 0.125
            case 9: last = EchoQuery.histogram(count: 1)
            default: break
            }
            last.sum = Double(bitPattern: random.next())
            last.count += Double(random.below(5)) / 4
            last.positive.counts[1] += Double(random.below(3))
            columns.histograms.append(timestamp: time, last)
        }
        return columns
    }

    @Test("histograms among numbers survive their chunks, and no chunk hides a reset", arguments: 1...8)
    func histogramRoundTrip(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for _ in 0..<40 {
            let columns = try mixed(&random)
            var stream = RemoteReadStream([[columns]])
            var bytes: [UInt8] = []
            while let frame = stream.nextFrame() { bytes += frame.readableBytesView }
            let found = try #require(try Decoded.frames(bytes).first)
            #expect(found.timestamps == columns.timestamps, "seed \(seed)")
            #expect(found.values.map(\.bitPattern) == columns.values.map(\.bitPattern), "seed \(seed)")
            #expect(found.chunked.timestamps == columns.histograms.timestamps, "seed \(seed)")
            let values = columns.histograms.values
            try #require(found.chunked.values.count == values.count, "seed \(seed)")
            for (index, (decoded, expected)) in zip(found.chunked.values, values).enumerated() {
                // Within a chunk a reader knows that there was no reset; of the first one it knows no more than was said.
                var hint = expected.counterResetHint
                if !found.startsChunk[index], hint != .gauge {
                    hint = .notReset
                    #expect(expected.counterResetHint != .reset && expected.count >= values[index - 1].count)
                    #expect(zip(expected.positive.counts, values[index - 1].positive.counts).allSatisfy { $0 >= $1 })
                }
                var wanted = expected
                wanted.counterResetHint = hint
                #expect(decoded == wanted, "seed \(seed)")
            }
        }
    }

    @Test(
        "a body that is no request is told as plain text",
        arguments: [[], [1, 2, 3], [0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0]])
    func bad(body: [UInt8]) async throws {
        let seen = try await ask(responder(), .post, "/api/v1/read", bytes: body)
        #expect(seen.status == 400 && !seen.body.hasPrefix("{"))
    }

    @Test("any samples survive an XOR chunk", arguments: 1...8)
    func chunkRoundTrip(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for _ in 0..<200 {
            let count = 1 + random.below(XORChunk.samplesMax)
            var time = Int64(bitPattern: random.next() >> UInt64(20 + random.below(40)))
            var timestamps: [Int64] = []
            var values: [Double] = []
            for _ in 0..<count {
                timestamps.append(time)
                time += 1 + Int64(bitPattern: random.next() >> UInt64(24 + random.below(39)))
                let bits = random.next()
                values.append(random.below(3) == 0 ? Double(bits % 100) : Double(bitPattern: bits))
            }
            let decoded = try Decoded.chunk(XORChunk.encode(timestamps, values, 0..<count))
            #expect(decoded.timestamps == timestamps, "seed \(seed)")
            #expect(decoded.values.map(\.bitPattern) == values.map(\.bitPattern), "seed \(seed)")
        }
    }
}
