/// Why bytes are not a chunk.
package struct ChunkError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The kinds of failure.
    package enum Code: Equatable, Sendable {
        /// The bytes end before the samples do, or a number in them is malformed.
        case truncated
        /// The version byte is not one that this code reads.
        case unknownVersion
        /// A codec, or a mode within one, that does not exist.
        case unknownCodec
        /// A number of samples or exceptions outside its range.
        case badCount
        /// Timestamps that do not ascend, or do not end where the header says.
        case badTimes
        /// Bytes that are no histogram.
        case badHistogram
        /// Bytes follow the last sample.
        case trailingBytes
    }

    /// The kind of failure.
    package let code: Code
    /// Where in the chunk the failing read began.
    package let offset: Int
    /// The number found there; 0 where there is none.
    package let found: UInt64

    init(_ code: Code, offset: Int, found: UInt64 = 0) {
        self.code = code
        self.offset = offset
        self.found = found
    }

    package var description: String {
        switch code {
        case .truncated: "chunk ends too early, or a number in it is malformed, at offset \(offset)"
        case .unknownVersion: "chunk version \(found) is not known (this program reads \(Chunk.version))"
        case .unknownCodec: "chunk codec \(found) at offset \(offset) is not known"
        case .badCount: "chunk count \(found) at offset \(offset) is out of range"
        case .badTimes: "chunk timestamps do not ascend to the last one (offset \(offset), found \(found))"
        case .badHistogram: "chunk has a histogram that is none at offset \(offset)"
        case .trailingBytes: "chunk has \(found) bytes after its last sample, from offset \(offset)"
        }
    }
}
