import ByteCoding

/// Why bytes from a peer were refused: what was wrong, in which message, and where.
///
/// Input that does not decode is a fault of the peer or of the line, never of this program; the connection it came on is closed.
package struct WireError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The kinds of fault.
    package enum Code: String, Equatable, Sendable {
        /// The first four bytes of a frame are not the magic.
        case badMagic
        /// The frame layout's version is not one we know.
        case unsupportedVersion
        /// A frame flag that must be understood is not.
        case unknownFlags
        /// A frame type that may not be skipped is not known.
        case unknownFrameType
        /// The header announces a longer payload than its kind may have.
        case payloadTooLarge
        /// The checksum does not fit header and payload.
        case badChecksum
        /// The message ends before a field of it does.
        case truncated
        /// Bytes are left behind the last field.
        case trailingBytes
        /// A field holds what it cannot hold.
        case malformed
        /// A count or length exceeds a named limit.
        case limitExceeded
        /// The frame is not allowed in this state of the connection or stream.
        case unexpectedFrame
        /// More was sent on a stream than was granted.
        case creditExceeded
    }

    /// The kind of fault.
    package var code: Code
    /// The message or field, as docs/protocol.md names it.
    package var place: String
    /// Bytes from the beginning of the frame or message to the fault.
    package var offset: Int
    /// What was found there: a value, count or bit set; 0 where that says nothing.
    package var found: UInt64
    /// The limit or value that would have been right; 0 where that says nothing.
    package var expected: UInt64

    /// A fault of kind `code` in `place`, `offset` bytes from its beginning.
    package init(_ code: Code, in place: String, offset: Int = 0, found: UInt64 = 0, expected: UInt64 = 0) {
        self.code = code
        self.place = place
        self.offset = offset
        self.found = found
        self.expected = expected
    }

    /// The fault of a reader, told of `place`.
    init(_ error: ByteError, in place: String) {
        let code: Code = error.code == .truncated ? .truncated : .malformed
        self.init(code, in: place, offset: error.offset, found: UInt64(clamping: error.needed))
    }

    /// One line for logs and go-away frames.
    package var description: String {
        "\(place): \(code.rawValue) at offset \(offset) (found \(found), expected \(expected))"
    }
}
