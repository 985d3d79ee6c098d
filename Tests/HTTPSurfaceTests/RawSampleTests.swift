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
    /// A request for `up` in a range, with response types in order of preference.
    private func request(_ types: [UInt64], end: Int64 = 100_000) -> [UInt8] {
        var message: [UInt8] = []
        ProtobufWriter.message(1, into: &message) { query in
            ProtobufWriter.int64(1, 0, into: &query)
            ProtobufWriter.int64(2, end, into: &query)
            ProtobufWriter.message(3, into: &query) { matcher in
                ProtobufWriter.varint(1, 0, into: &matcher)
                ProtobufWriter.string(2, "__name__", into: &matcher)
                ProtobufWriter.string(3, "up", into: &matcher)
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
