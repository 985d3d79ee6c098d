/// Reads the protobuf wire format field by field, in place.
///
/// Source: protobuf.dev, "Encoding". Groups (wire types 3 and 4) are refused: no schema of ours or of remote write has them.
package struct ProtobufReader: ~Escapable {
    package private(set) var reader: ByteReader

    /// The wire types that exist here.
    package enum WireType: UInt8, Sendable {
        case varint = 0
        case fixed64 = 1
        case bytes = 2
        case fixed32 = 5
    }

    /// - Parameter bytes: one message; must stay alive as long as the reader.
    @_lifetime(copy bytes)
    package init(_ bytes: RawSpan) {
        self.reader = ByteReader(bytes)
    }

    /// Bytes consumed so far.
    package var offset: Int { reader.offset }

    /// Consumes the next field's tag; nil at the end of the message.
    @_lifetime(self: copy self)
    package mutating func nextField() throws(ByteError) -> (number: Int, type: WireType)? {
        if reader.isAtEnd { return nil }
        let at = reader.offset
        let tag = try reader.readVarint()
        guard let type = WireType(rawValue: UInt8(tag & 7)), tag >> 3 > 0, tag >> 3 <= 536_870_911 else {
            throw ByteError(.badTag, offset: at, needed: 0)
        }
        return (Int(tag >> 3), type)
    }

    /// Consumes a varint value.
    @_lifetime(self: copy self)
    package mutating func readVarint() throws(ByteError) -> UInt64 { try reader.readVarint() }

    /// Consumes an int64 value (two's complement varint).
    @_lifetime(self: copy self)
    package mutating func readInt64() throws(ByteError) -> Int64 { Int64(bitPattern: try reader.readVarint()) }

    /// Consumes a 64-bit fixed value as a double, every bit kept.
    @_lifetime(self: copy self)
    package mutating func readDouble() throws(ByteError) -> Double { try reader.readDouble() }

    /// Consumes a length-delimited value without a copy.
    @_lifetime(self: copy self)
    @_lifetime(copy self)
    package mutating func readSpan() throws(ByteError) -> RawSpan {
        let count = try reader.readCount()
        return try reader.readSpan(count: count)
    }

    /// Consumes a length-delimited value as UTF-8.
    @_lifetime(self: copy self)
    package mutating func readString() throws(ByteError) -> String { try reader.readString() }

    /// Consumes a value of `type` that the schema does not know.
    @_lifetime(self: copy self)
    package mutating func skip(_ type: WireType) throws(ByteError) {
        switch type {
        case .varint: _ = try reader.readVarint()
        case .fixed64: try reader.skip(8)
        case .fixed32: try reader.skip(4)
        case .bytes:
            let count = try reader.readCount()
            try reader.skip(count)
        }
    }
}

/// Writes protobuf messages by appending to `[UInt8]`; fields with proto3's default value are left out by the caller.
package enum ProtobufWriter {
    /// Appends a field's tag.
    package static func tag(_ number: Int, _ type: ProtobufReader.WireType, into bytes: inout [UInt8]) {
        bytes.append(varint: UInt64(number) << 3 | UInt64(type.rawValue))
    }

    /// Appends a varint field.
    package static func varint(_ number: Int, _ value: UInt64, into bytes: inout [UInt8]) {
        tag(number, .varint, into: &bytes)
        bytes.append(varint: value)
    }

    /// Appends an int64 field (two's complement varint).
    package static func int64(_ number: Int, _ value: Int64, into bytes: inout [UInt8]) {
        varint(number, UInt64(bitPattern: value), into: &bytes)
    }

    /// Appends a double field.
    package static func double(_ number: Int, _ value: Double, into bytes: inout [UInt8]) {
        tag(number, .fixed64, into: &bytes)
        bytes.append(littleEndian: value)
    }

    /// Appends a string field.
    package static func string(_ number: Int, _ value: String, into bytes: inout [UInt8]) {
        tag(number, .bytes, into: &bytes)
        bytes.append(prefixed: value)
    }

    /// Appends a bytes field, or an embedded message already encoded.
    package static func bytes(_ number: Int, _ value: [UInt8], into bytes: inout [UInt8]) {
        tag(number, .bytes, into: &bytes)
        bytes.append(prefixed: value)
    }

    /// Appends an embedded message that `body` writes.
    package static func message(_ number: Int, into bytes: inout [UInt8], _ body: (inout [UInt8]) -> Void) {
        var inner: [UInt8] = []
        body(&inner)
        self.bytes(number, inner, into: &bytes)
    }
}
