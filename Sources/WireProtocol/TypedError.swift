import ByteCoding

/// An error that one node answers another with: a code to act on, a text to read, and when a retry makes sense.
///
/// Wire form: `murmuration.TypedError` in control.proto.
package struct TypedError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What the receiver can do about it. Raw values are wire values and never reused.
    package enum Code: UInt8, CaseIterable, Sendable {
        /// The request itself is wrong; a retry would be, too.
        case badRequest = 1
        /// What was asked for does not exist.
        case notFound = 2
        /// The request or its answer exceeds a limit; ask for less.
        case tooLarge = 3
        /// A queue is full; retry after a pause.
        case overloaded = 4
        /// The node cannot serve now (starting, stopping, not connected); retry, here or elsewhere.
        case unavailable = 5
        /// The deadline in the opening frame passed; the outcome of a write is unknown.
        case deadlineExceeded = 6
        /// The opener cancelled the stream.
        case cancelled = 7
        /// A series reference is not of this engine generation; define the series again.
        case unknownReference = 8
        /// The two nodes share no protocol version, or one needs a feature that the other lacks.
        case versionMismatch = 9
        /// A fault of the answering node.
        case `internal` = 10
        /// The answering node's part of the data does not allow an operation of a fragment; evaluate it over all the data.
        case evaluation = 11
    }

    /// What the receiver can do about it.
    package var code: Code
    /// One line for a person; at most `WireLimits.errorMessageBytesMax` bytes cross the wire.
    package var message: String
    /// The least pause before a retry; nil where a retry would not help or needs no pause.
    package var retryAfterMilliseconds: UInt32?

    /// An error of kind `code` that says `message`.
    package init(_ code: Code, _ message: String, retryAfterMilliseconds: UInt32? = nil) {
        self.code = code
        self.message = message
        self.retryAfterMilliseconds = retryAfterMilliseconds
    }

    /// Code and message on one line.
    package var description: String { "\(code): \(message)" }
}

extension TypedError {
    /// Appends the wire form; a longer message is cut at a character.
    package func encode(into bytes: inout [UInt8]) {
        ProtobufWriter.varint(1, UInt64(code.rawValue), into: &bytes)
        bytes.field(2, message.cut(toBytes: WireLimits.errorMessageBytesMax))
        if let retryAfterMilliseconds { ProtobufWriter.varint(3, UInt64(retryAfterMilliseconds), into: &bytes) }
    }

    /// Reads the wire form; a code of a later version reads as `internal`.
    package init(decoding bytes: RawSpan) throws(WireError) {
        var reader = ControlReader(bytes, message: "TypedError")
        self.init(.internal, "")
        while let field = try reader.next() {
            switch field {
            case (1, .varint): code = Code(rawValue: UInt8(clamping: try reader.varint())) ?? .internal
            case (2, .bytes): message = try reader.string()
            case (3, .varint): retryAfterMilliseconds = UInt32(clamping: try reader.varint())
            default: try reader.skip(field)
            }
        }
    }
}
