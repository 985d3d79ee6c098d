/// Why bytes could not be read.
package struct ByteError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The kinds of failure.
    package enum Code: Equatable, Sendable {
        /// Fewer bytes remain than are needed.
        case truncated
        /// A varint runs past 10 bytes or past 64 bits.
        case varintTooLong
        /// A string is not UTF-8.
        case invalidUTF8
        /// A protobuf tag has field number 0 or a wire type that does not exist.
        case badTag
        /// Numbers that do not ascend, or go too far.
        case outOfRange
    }

    /// The kind of failure.
    package var code: Code
    /// Where in the input the failed read began.
    package var offset: Int
    /// How many bytes (or counted things) were asked for; 0 where that says nothing.
    package var needed: Int

    @inlinable
    package init(_ code: Code, offset: Int, needed: Int) {
        self.code = code
        self.offset = offset
        self.needed = needed
    }

    package var description: String {
        switch code {
        case .truncated: "input ends too early: \(needed) needed at offset \(offset)"
        case .varintTooLong: "varint longer than 64 bits at offset \(offset)"
        case .invalidUTF8: "invalid UTF-8 at offset \(offset)"
        case .outOfRange: "a number out of its range at offset \(offset)"
        case .badTag: "invalid protobuf tag at offset \(offset)"
        }
    }
}
