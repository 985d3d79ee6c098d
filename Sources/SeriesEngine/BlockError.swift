/// Why block bytes cannot be read.
package struct BlockError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The kinds of failure.
    package enum Code: Equatable, Sendable {
        /// The magic is another's.
        case badMagic
        /// A version that this program does not know.
        case unknownVersion
        /// A checksum does not hold.
        case badChecksum
        /// Fewer bytes than the lengths in it promise.
        case truncated
        /// Lengths, counts or strings that contradict each other.
        case malformed
        /// A chunk that does not decode.
        case badChunk
    }

    /// The kind of failure.
    package var code: Code
    /// Offset of the part in question, in the slot block or file.
    package var offset: Int
    /// The offending version, length or checksum.
    package var found: UInt64
    /// Which part, and what else is known.
    package var context: String

    package init(_ code: Code, offset: Int, found: UInt64, context: String) {
        self.code = code
        self.offset = offset
        self.found = found
        self.context = context
    }

    package var description: String {
        switch code {
        case .badMagic: "\(context): not what it should be (magic)"
        case .unknownVersion: "\(context): format version \(found) is not known here"
        case .badChecksum: "\(context): checksum mismatch at offset \(offset)"
        case .truncated: "\(context): ends too early at offset \(offset)"
        case .malformed: "\(context): malformed at offset \(offset)"
        case .badChunk: "\(context): chunk does not decode at offset \(offset)"
        }
    }
}
