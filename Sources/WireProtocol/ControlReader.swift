import ByteCoding

/// Reads one control message (protobuf), telling every fault the message's name.
struct ControlReader: ~Escapable {
    private var reader: ProtobufReader
    private let message: String

    /// A field's number and wire type.
    typealias Field = (number: Int, type: ProtobufReader.WireType)

    @_lifetime(copy bytes)
    init(_ bytes: RawSpan, message: String) {
        self.reader = ProtobufReader(bytes)
        self.message = message
    }

    /// The next field's number and type; nil at the end.
    @_lifetime(self: copy self)
    mutating func next() throws(WireError) -> Field? {
        do { return try reader.nextField() } catch { throw WireError(error, in: message) }
    }

    /// A varint value.
    @_lifetime(self: copy self)
    mutating func varint() throws(WireError) -> UInt64 {
        do { return try reader.readVarint() } catch { throw WireError(error, in: message) }
    }

    /// A varint value of two's complement.
    @_lifetime(self: copy self)
    mutating func int64() throws(WireError) -> Int64 { Int64(bitPattern: try varint()) }

    /// A 64-bit fixed value as a number, every bit kept.
    @_lifetime(self: copy self)
    mutating func double() throws(WireError) -> Double {
        do { return try reader.readDouble() } catch { throw WireError(error, in: message) }
    }

    /// A string value.
    @_lifetime(self: copy self)
    mutating func string() throws(WireError) -> String {
        do { return try reader.readString() } catch { throw WireError(error, in: message) }
    }

    /// An embedded message's bytes.
    @_lifetime(self: copy self)
    @_lifetime(copy self)
    mutating func span() throws(WireError) -> RawSpan {
        do { return try reader.readSpan() } catch { throw WireError(error, in: message) }
    }

    /// Passes over a field that this version does not know, or knows by another type.
    @_lifetime(self: copy self)
    mutating func skip(_ field: Field) throws(WireError) {
        do { try reader.skip(field.type) } catch { throw WireError(error, in: message) }
    }

    /// The fault of a field that was read but holds what it cannot hold.
    borrowing func malformed(_ field: String, found: UInt64 = 0) -> WireError {
        WireError(.malformed, in: "\(message).\(field)", offset: reader.offset, found: found)
    }

    /// The fault of a list that is longer than `expected`.
    borrowing func limitExceeded(_ field: String, found: Int, expected: Int) -> WireError {
        WireError(
            .limitExceeded, in: "\(message).\(field)", offset: reader.offset, found: UInt64(found),
            expected: UInt64(expected))
    }
}

/// Fields that are left out when they hold proto3's default value.
extension [UInt8] {
    mutating func field(_ number: Int, _ value: UInt64) {
        if value != 0 { ProtobufWriter.varint(number, value, into: &self) }
    }

    mutating func field(_ number: Int, _ value: Int64) {
        if value != 0 { ProtobufWriter.int64(number, value, into: &self) }
    }

    mutating func field(_ number: Int, _ value: String) {
        if !value.isEmpty { ProtobufWriter.string(number, value, into: &self) }
    }
}

extension String {
    /// The longest beginning that takes at most `limit` bytes and ends with a whole scalar.
    func cut(toBytes limit: Int) -> String {
        guard utf8.count > limit else { return self }
        var end = utf8.index(utf8.startIndex, offsetBy: limit)
        while end.samePosition(in: unicodeScalars) == nil { end = utf8.index(before: end) }
        return String(self[..<end])
    }
}
