import ByteCoding
import MetricModel
import SeededRandom
import Testing
import WireProtocol

/// One message as bytes, with the decoder that reads it.
struct MessageCase: Sendable, CustomTestStringConvertible {
    let name: String
    let bytes: [UInt8]
    /// The bytes of what was decoded, encoded again.
    let again: @Sendable ([UInt8]) throws(WireError) -> [UInt8]
    /// Protobuf messages that are cut between two fields are messages still.
    let hasEveryLength: Bool

    var testDescription: String { name }

    static let all: [MessageCase] =
        [
            MessageCase(name: "WriteBatch", bytes: .encoding(Samples.batch.encode)) { bytes throws(WireError) in
                .encoding(try WriteBatch(decoding: bytes.rawSpan).encode)
            },
            MessageCase(name: "empty WriteBatch", bytes: .encoding(WriteBatch().encode)) { bytes throws(WireError) in
                .encoding(try WriteBatch(decoding: bytes.rawSpan).encode)
            },
            MessageCase(name: "WriteBatch of histograms", bytes: .encoding(Samples.histogramBatch.encode)) {
                bytes throws(WireError) in
                .encoding(try WriteBatch(decoding: bytes.rawSpan).encode)
            },
            MessageCase(name: "SeriesPage of histograms", bytes: .encoding(Samples.histogramPage.encode)) {
                bytes throws(WireError) in
                .encoding(try SeriesPage(decoding: bytes.rawSpan).encode)
            },
            MessageCase(name: "WriteAcknowledgement", bytes: .encoding(Samples.acknowledgement.encode)) {
                bytes throws(WireError) in
                .encoding(try WriteAcknowledgement(decoding: bytes.rawSpan).encode)
            },
            MessageCase(name: "SelectEnd", bytes: .encoding(Samples.end.encode), hasEveryLength: true) {
                bytes throws(WireError) in
                .encoding(try SelectEnd(decoding: bytes.rawSpan).encode)
            },
            MessageCase(name: "SelectEnd of a part", bytes: .encoding(Samples.partEnd.encode), hasEveryLength: true) {
                bytes throws(WireError) in
                .encoding(try SelectEnd(decoding: bytes.rawSpan).encode)
            },
            MessageCase(name: "StoreCall", bytes: .encoding(Samples.storeCall.encode)) { bytes throws(WireError) in
                .encoding(try StoreCall(decoding: bytes.rawSpan).encode)
            },
            MessageCase(name: "repeated StoreCall", bytes: .encoding(Samples.repeatedCall.encode)) {
                bytes throws(WireError) in
                .encoding(try StoreCall(decoding: bytes.rawSpan).encode)
            },
            MessageCase(name: "StoreAnswer", bytes: .encoding(Samples.storeAnswer.encode)) { bytes throws(WireError) in
                .encoding(try StoreAnswer(decoding: bytes.rawSpan).encode)
            },
            MessageCase(name: "MovementPacket", bytes: .encoding(Samples.packet.encode), hasEveryLength: true) {
                bytes throws(WireError) in
                .encoding(try MovementPacket(decoding: bytes.rawSpan).encode)
            },
            MessageCase(name: "TypedError", bytes: .encoding(Samples.error.encode), hasEveryLength: true) {
                bytes throws(WireError) in
                .encoding(try TypedError(decoding: bytes.rawSpan).encode)
            },
        ]
        + zip(Samples.queries, FrameType.requests).map { query, type in
            MessageCase(name: "\(type) request", bytes: .encoding(query.encode), hasEveryLength: true) {
                bytes throws(WireError) in
                .encoding(try QueryRequest(type, decoding: bytes.rawSpan).encode)
            }
        }
        + zip(Samples.pages, FrameType.pages).map { page, type in
            MessageCase(name: "\(type)", bytes: .encoding(page.encode), hasEveryLength: type != .seriesPage) {
                bytes throws(WireError) in
                .encoding(try QueryPage(type, decoding: bytes.rawSpan).encode)
            }
        }

    init(
        name: String, bytes: [UInt8], hasEveryLength: Bool = false,
        again: @escaping @Sendable ([UInt8]) throws(WireError) -> [UInt8]
    ) {
        self.name = name
        self.bytes = bytes
        self.again = again
        self.hasEveryLength = hasEveryLength
    }
}

extension FrameType {
    static let requests: [FrameType] = [
        .select, .labelNames, .labelValues, .series, .metadata, .servers, .statistics, .exemplars, .keepExemplars,
        .fragment, .select, .series, .metadata, .deletions, .fragment, .changes,
    ]
    static let pages: [FrameType] = [
        .seriesPage, .stringPage, .labelsPage, .metadataPage, .serversPage, .statisticsPage, .exemplarsPage,
        .fragmentPage, .deletionsPage, .changesPage,
    ]
}

@Suite("Messages")
struct MessageTests {
    @Test("what is encoded decodes to the same", arguments: MessageCase.all)
    func roundTrip(_ message: MessageCase) throws {
        #expect(try message.again(message.bytes) == message.bytes)
    }

    @Test("messages are equal after the round trip, every bit of values kept")
    func equality() throws {
        let batch = try WriteBatch(decoding: [UInt8].encoding(Samples.batch.encode).rawSpan)
        #expect(batch == Samples.batch)
        #expect(batch.rows.values[1].bitPattern == StaleMarker.bits)
        #expect(batch.rows.values[2].sign == .minus)
        let acknowledgement = [UInt8].encoding(Samples.acknowledgement.encode)
        #expect(try WriteAcknowledgement(decoding: acknowledgement.rawSpan) == Samples.acknowledgement)
        for (query, type) in zip(Samples.queries, FrameType.requests) {
            #expect(try QueryRequest(type, decoding: [UInt8].encoding(query.encode).rawSpan) == query)
        }
        for (page, type) in zip(Samples.pages, FrameType.pages) {
            #expect(try QueryPage(type, decoding: [UInt8].encoding(page.encode).rawSpan) == page)
        }
        #expect(try SelectEnd(decoding: [UInt8].encoding(Samples.end.encode).rawSpan) == Samples.end)
        let fragmentEnd = [UInt8].encoding(Samples.fragmentEnd.encode)
        #expect(try SelectEnd(decoding: fragmentEnd.rawSpan) == Samples.fragmentEnd)
        #expect(try TypedError(decoding: [UInt8].encoding(Samples.error.encode).rawSpan) == Samples.error)
        #expect(try SelectEnd(decoding: [UInt8].encoding(Samples.partEnd.encode).rawSpan) == Samples.partEnd)
        for call in [Samples.storeCall, Samples.repeatedCall] {
            #expect(try StoreCall(decoding: [UInt8].encoding(call.encode).rawSpan) == call)
        }
        #expect(try StoreAnswer(decoding: [UInt8].encoding(Samples.storeAnswer.encode).rawSpan) == Samples.storeAnswer)
        #expect(try MovementPacket(decoding: [UInt8].encoding(Samples.packet.encode).rawSpan) == Samples.packet)
    }

    @Test("a hot message that is cut anywhere, or followed by a byte, is refused", arguments: MessageCase.all)
    func truncation(_ message: MessageCase) {
        for length in 0..<message.bytes.count {
            let cut = Array(message.bytes.prefix(length))
            guard message.hasEveryLength else {
                #expect(throws: WireError.self, "\(length) of \(message.bytes.count) bytes") { try message.again(cut) }
                continue
            }
            // A protobuf message cut between fields may be one; it must never be the whole.
            #expect((try? message.again(cut)) != message.bytes)
        }
        if !message.hasEveryLength {
            #expect(throws: WireError.self) { try message.again(message.bytes + [0]) }
        }
    }

    @Test("any flipped bit and any random bytes decode or are refused, and never trap", arguments: MessageCase.all)
    func corruption(_ message: MessageCase) {
        for bit in 0..<message.bytes.count * 8 {
            var bytes = message.bytes
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            _ = try? message.again(bytes)
        }
        var random = SplitMix64(seed: 3)
        for _ in 0..<2000 {
            let bytes = (0..<Int(random.next() % 64)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            _ = try? message.again(bytes)
        }
    }

    @Test("hostile counts are refused before anything is allocated", arguments: [8, 12, 16])
    func hostileCounts(_ offset: Int) {
        for count in [UInt32.max, UInt32(Int32.max), 1 << 20, 1 << 16] {
            var batch = [UInt8].encoding(WriteBatch().encode)
            batch.replace(at: offset, littleEndian: count)
            #expect(throws: WireError.self) { try WriteBatch(decoding: batch.rawSpan) }
            var acknowledgement = [UInt8].encoding(WriteAcknowledgement(generation: 1).encode)
            acknowledgement.replace(at: offset, littleEndian: count)
            #expect(throws: WireError.self) { try WriteAcknowledgement(decoding: acknowledgement.rawSpan) }
        }
    }

    @Test("an index beyond the batch's definitions is refused, a reference never is")
    func definitionIndices() throws {
        var batch = Samples.batch
        batch.rows.series[0] = SeriesReference.definitionBit | 2
        let bytes = [UInt8].encoding(batch.encode)
        let error = #expect(throws: WireError.self) { try WriteBatch(decoding: bytes.rawSpan) }
        #expect(error?.code == .malformed)
        #expect(error?.place == "WriteBatch.series")
        batch.rows.series[0] = SeriesReference.definitionBit - 1
        _ = try WriteBatch(decoding: [UInt8].encoding(batch.encode).rawSpan)
    }

    @Test(
        "a request without a tenant is refused: it must not read as somebody's",
        arguments: FrameType.requests.filter { $0 != .deletions })
    func tenantIsRequired(_ type: FrameType) {
        #expect(throws: WireError.self) { try QueryRequest(type, decoding: [UInt8]().rawSpan) }
    }

    @Test("fields of a later version are passed over")
    func unknownFields() throws {
        var bytes = [UInt8].encoding(Samples.end.encode)
        ProtobufWriter.string(99, "later", into: &bytes)
        ProtobufWriter.double(100, 1, into: &bytes)
        #expect(try SelectEnd(decoding: bytes.rawSpan) == Samples.end)
    }

    @Test("an error code of a later version reads as internal, the text stays")
    func unknownErrorCode() throws {
        var bytes: [UInt8] = []
        ProtobufWriter.varint(1, 200, into: &bytes)
        ProtobufWriter.string(2, "new", into: &bytes)
        #expect(try TypedError(decoding: bytes.rawSpan) == TypedError(.internal, "new"))
    }

    @Test("a long message is cut at a whole scalar, so that an error always fits its frame")
    func longErrorMessage() throws {
        let bytes = [UInt8].encoding(TypedError(.internal, String(repeating: "ü", count: 4096) + "x").encode)
        let message = try TypedError(decoding: bytes.rawSpan).message
        #expect(message == String(repeating: "ü", count: 2048))
    }

    @Test("more warnings than fit are summed up in the last one")
    func manyWarnings() throws {
        let long = String(repeating: "w", count: 5000)
        let end = SelectEnd(seriesCount: 1, warnings: Array(repeating: long, count: 1000))
        let bytes = [UInt8].encoding(end.encode)
        #expect(bytes.count <= WireLimits.controlPayloadBytesMax)
        let warnings = try SelectEnd(decoding: bytes.rawSpan).warnings
        #expect(warnings.count == WireLimits.warningsMax)
        #expect(warnings.last == "and 937 more warnings")
        let few = SelectEnd(seriesCount: 1, warnings: Array(repeating: "w", count: WireLimits.warningsMax))
        #expect(try SelectEnd(decoding: [UInt8].encoding(few.encode).rawSpan).warnings.count == WireLimits.warningsMax)
    }

    @Test("a page whose times do not ascend is refused")
    func unsortedPage() {
        let page = SeriesPage(series: [SeriesColumns(labels: Samples.up, timestamps: [2, 2], values: [1, 1])])
        #expect(throws: WireError.self) { try SeriesPage(decoding: [UInt8].encoding(page.encode).rawSpan) }
    }
}

@Suite("Timestamp column")
struct TimestampColumnTests {
    static let columns: [(timestamps: [Int64], bytesARow: Int)] = [
        ([5], 0), ([.min, .min], 0), ([.max, .max, .max], 0),
        ([1_763_000_000_000, 1_763_000_000_001], 4), ([7, 7 + Int64(UInt32.max)], 4), ([0, 1, -1], 4),
        ([7, 8 + Int64(UInt32.max)], 8), ([.min, .max], 8), ([.max - 1, .max], 8), ([-1, .max], 8),
    ]

    @Test("takes the shortest form that holds every value, at each edge", arguments: columns)
    func forms(_ column: (timestamps: [Int64], bytesARow: Int)) throws {
        let count = column.timestamps.count
        let batch = WriteBatch(
            rows: SampleColumns(
                series: Array(repeating: 1, count: count), timestamps: column.timestamps,
                values: Array(repeating: 0, count: count)))
        let bytes = [UInt8].encoding(batch.encode)
        #expect(try WriteBatch(decoding: bytes.rawSpan).rows.timestamps == column.timestamps)
        let base = column.bytesARow == 8 ? 0 : 8
        // Header of 20 bytes, columns of 12 a row, the form's byte, its base, the rows, and the count of tenants.
        #expect(bytes.count == 20 + 12 * count + 1 + base + column.bytesARow * count + 1)
    }

    @Test("a base from which an offset could leave 64 bits is refused")
    func baseOverflow() {
        var bytes = [UInt8].encoding(
            WriteBatch(rows: SampleColumns(series: [1, 1], timestamps: [1, 2], values: [0, 0])).encode)
        // The base's high half lies behind header (20), columns (24), form (1) and its low half (4).
        bytes.replace(at: 49, littleEndian: 0x7FFF_FFFF)
        #expect(throws: WireError.self) { try WriteBatch(decoding: bytes.rawSpan) }
    }
}
