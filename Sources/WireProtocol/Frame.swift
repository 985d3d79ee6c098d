import ByteCoding

// A frame is a 20-byte header and a payload (docs/protocol.md, "Frame"), all integers little-endian:
//
//     0       4       5       6        8         12        16       20
//     | magic | vers. | type  | flags  | stream  | length  | CRC-32C | payload …
//
// The checksum covers the first 16 bytes and the payload, so that no single damaged bit makes another valid frame.

/// What a frame carries. Raw values are wire values and never reused.
package enum FrameType: UInt8, CaseIterable, Sendable {
    /// `Hello`: the client's first frame.
    case hello = 0x01
    /// `Welcome`: the server's answer to it.
    case welcome = 0x02
    /// Eight bytes of the sender's choice, to be returned.
    case ping = 0x03
    /// The eight bytes of a ping.
    case pong = 0x04
    /// `GoAway`: the sender takes no new streams, or closes at once.
    case goAway = 0x05
    /// u32: that many more bytes of pages may be sent on the stream.
    case credit = 0x10
    /// Empty: the opener no longer wants the stream's answer.
    case cancel = 0x11
    /// `WriteBatch`, answered by a `WriteAcknowledgement`.
    case write = 0x20
    /// `SelectRequest`, answered by `SeriesPage`s.
    case select = 0x21
    /// `LabelNamesRequest`, answered by `StringPage`s.
    case labelNames = 0x22
    /// `LabelValuesRequest`, answered by `StringPage`s.
    case labelValues = 0x23
    /// `SeriesRequest`, answered by `LabelsPage`s.
    case series = 0x24
    /// `MetadataRequest`, answered by `MetadataPage`s.
    case metadata = 0x25
    /// `ServersRequest`, answered by `ServersPage`s.
    case servers = 0x26
    /// `FragmentRequest`, answered by `FragmentPage`s; sent only to a peer with `FeatureSet.fragments`.
    case fragment = 0x27
    /// `StatisticsRequest`, answered by one `StatisticsPage`.
    case statistics = 0x2A
    /// `ExemplarsRequest`, answered by `ExemplarsPage`s.
    case exemplars = 0x2B
    /// `ExemplarBatch`, answered by no page.
    case keepExemplars = 0x2C
    /// `StoreCall`, answered by a `StoreAnswer`; sent only to a peer with `FeatureSet.replicas`.
    case store = 0x2D
    /// `MovementPacket`, answered by an empty end; sent only to a peer with `FeatureSet.replicas`.
    case movement = 0x2E
    /// `DeletionsRequest`, answered by `DeletionsPage`s; sent only to a peer with `FeatureSet.deletions`.
    case deletions = 0x30
    /// `ChangesRequest`, answered by one `ChangesPage`; sent only to a peer with `FeatureSet.changes`.
    case changes = 0x31
    /// `SeriesPage`
    case seriesPage = 0x50
    /// `StringPage`
    case stringPage = 0x51
    /// `LabelsPage`
    case labelsPage = 0x52
    /// `MetadataPage`
    case metadataPage = 0x53
    /// `ServersPage`
    case serversPage = 0x54
    /// `FragmentPage`
    case fragmentPage = 0x55
    /// `StatisticsPage`
    case statisticsPage = 0x5A
    /// `ExemplarsPage`
    case exemplarsPage = 0x5B
    /// `DeletionsPage`
    case deletionsPage = 0x60
    /// `ChangesPage`
    case changesPage = 0x61
    /// `WriteAcknowledgement`
    case writeAcknowledgement = 0x90
    /// `SelectEnd`
    case selectEnd = 0x91
    /// `TypedError`
    case error = 0x92
    /// `StoreAnswer`
    case stored = 0x93
    /// Empty: the request has been received.
    case received = 0x94
}

/// What a frame type means for its stream; follows from the type's number alone, so that it holds for types of later versions too.
package enum FrameClass: Equatable, Sendable {
    /// 0x00 ... 0x0F, on stream 0.
    case connection
    /// 0x10 ... 0x1F, on an open stream.
    case streamControl
    /// 0x20 ... 0x4F: opens its stream; the payload begins with an 8-byte prelude.
    case request
    /// 0x50 ... 0x8F: a part of the answer; its payload uses up credit.
    case page
    /// 0x90 ... 0xBF: ends its stream; needs no credit.
    case end
    /// 0xC0 ... 0xFF
    case reserved

    /// The class of type number `type`.
    package init(type: UInt8) {
        switch type {
        case 0x00...0x0F: self = .connection
        case 0x10...0x1F: self = .streamControl
        case 0x20...0x4F: self = .request
        case 0x50...0x8F: self = .page
        case 0x90...0xBF: self = .end
        default: self = .reserved
        }
    }
}

/// The fields of a frame's header.
package struct FrameHeader: Equatable, Sendable {
    /// The first four bytes, "MURM".
    package static let magic: UInt32 = 0x4D52_554D
    /// The layout of header and handshake; it changes only if they do.
    package static let layoutVersion: UInt8 = 1
    /// Bytes of a header.
    package static let size = 20
    /// Bytes of it that the checksum covers.
    static let checkedSize = 16
    /// Flag: a receiver that does not know the type skips the frame.
    package static let mayIgnore: UInt16 = 1 << 0
    /// Flags that a receiver must know or refuse; the other half may be passed over.
    static let mustKnowFlags: UInt16 = 0x00FF

    /// A `FrameType`, or a number of a later version.
    package var type: UInt8
    /// See `mayIgnore`.
    package var flags: UInt16
    /// 0 for the connection; odd for streams that the client opened, even for the server's.
    package var stream: UInt32
    /// Bytes of payload.
    package var length: Int
    private var checksum: UInt32

    /// Bytes of header and payload.
    package var frameSize: Int { Self.size + length }

    /// Reads the header at the beginning of `bytes`.
    ///
    /// - Returns: nil while the frame is not there as a whole.
    /// - Throws: `WireError` as soon as the header cannot be that of a frame to wait for.
    package static func read(_ bytes: RawSpan) throws(WireError) -> FrameHeader? {
        guard bytes.byteCount >= size else { return nil }
        var reader = WireReader(bytes, message: "Frame")
        let magic = try reader.uint32()
        guard magic == self.magic else {
            throw WireError(.badMagic, in: "Frame", offset: 0, found: UInt64(magic), expected: UInt64(self.magic))
        }
        let version = try reader.uint8()
        guard version == layoutVersion else {
            throw WireError(
                .unsupportedVersion, in: "Frame", offset: 4, found: UInt64(version), expected: UInt64(layoutVersion))
        }
        let type = try reader.uint8()
        let flags = UInt16(try reader.uint8()) | UInt16(try reader.uint8()) << 8
        let header = FrameHeader(
            type: type, flags: flags, stream: try reader.uint32(), length: Int(try reader.uint32()),
            checksum: try reader.uint32())
        let limit = payloadBytesMax(type: type)
        guard header.length <= limit else {
            throw WireError(
                .payloadTooLarge, in: "Frame", offset: 12, found: UInt64(header.length), expected: UInt64(limit))
        }
        return bytes.byteCount >= header.frameSize ? header : nil
    }

    /// The payload of this frame, which begins at the beginning of `bytes` and is there as a whole.
    ///
    /// - Throws: `WireError.badChecksum`, or `unknownFlags` when a flag that must be known is not.
    @_lifetime(copy bytes)
    func payload(in bytes: RawSpan) throws(WireError) -> RawSpan {
        let payload = bytes.extracting(Self.size..<frameSize)
        let found = CRC32C.of(payload, continuing: CRC32C.of(bytes.extracting(0..<Self.checkedSize)))
        guard found == checksum else {
            throw WireError(.badChecksum, in: "Frame", offset: 16, found: UInt64(checksum), expected: UInt64(found))
        }
        let unknown = flags & Self.mustKnowFlags & ~Self.mayIgnore
        guard unknown == 0 else { throw WireError(.unknownFlags, in: "Frame", offset: 6, found: UInt64(unknown)) }
        return payload
    }

    /// The longest payload that a frame of this type may have.
    package static func payloadBytesMax(type: UInt8) -> Int {
        switch FrameClass(type: type) {
        case .request: RequestPrelude.size + WireLimits.requestPayloadBytesMax
        case .page: WireLimits.pagePayloadBytesMax
        case .end where type == FrameType.writeAcknowledgement.rawValue || type == FrameType.stored.rawValue:
            WireLimits.requestPayloadBytesMax
        case .end where type == FrameType.selectEnd.rawValue: WireLimits.selectEndPayloadBytesMax
        case .connection, .streamControl, .end, .reserved: WireLimits.controlPayloadBytesMax
        }
    }
}

/// The first 8 bytes of a request's payload.
struct RequestPrelude: Equatable {
    static let size = 8

    /// Milliseconds from receipt until an answer is of no use; 0 for no deadline.
    var deadlineMilliseconds: UInt32
    /// Bytes of pages that may be sent before more are granted.
    var credit: UInt32

    init(deadlineMilliseconds: UInt32, credit: UInt32) {
        self.deadlineMilliseconds = deadlineMilliseconds
        self.credit = credit
    }

    func encode(into bytes: inout [UInt8]) {
        bytes.append(littleEndian: deadlineMilliseconds)
        bytes.append(littleEndian: credit)
    }

    init(decoding payload: RawSpan) throws(WireError) {
        var reader = WireReader(payload, message: "Request")
        deadlineMilliseconds = try reader.uint32()
        credit = try reader.uint32()
    }
}

extension [UInt8] {
    /// Appends a frame whose payload `body` writes straight behind the header.
    ///
    /// - Returns: bytes of payload.
    @discardableResult
    package mutating func appendFrame(
        _ type: UInt8, flags: UInt16 = 0, stream: UInt32, body: (inout [UInt8]) -> Void
    ) -> Int {
        let start = count
        append(littleEndian: FrameHeader.magic)
        append(FrameHeader.layoutVersion)
        append(type)
        append(littleEndian: flags)
        append(littleEndian: stream)
        append(littleEndian: UInt64(0))
        body(&self)
        let length = count - start - FrameHeader.size
        replace(at: start + 12, littleEndian: UInt32(length))
        let header = CRC32C.of(rawSpan.extracting(start..<start + FrameHeader.checkedSize))
        let checksum = CRC32C.of(rawSpan.extracting(start + FrameHeader.size..<count), continuing: header)
        replace(at: start + 16, littleEndian: checksum)
        return length
    }
}
