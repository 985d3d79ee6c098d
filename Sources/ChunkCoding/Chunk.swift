/// A chunk is a run of one series' samples, compressed to the bit without loss.
///
/// What arrives are two columns, timestamps (Unix milliseconds, strictly ascending) and values (any bit pattern); what leaves is
/// a run of bytes without a checksum of its own: blocks carry one. `ChunkEncoder.swift` writes, `ChunkDecoder.swift` reads;
/// the integers of both pass through `PackedRun.swift`. The format is specified in docs/formats/chunk.md.
package enum Chunk {
    /// The format version written, and the only one read.
    package static let version: UInt8 = 1

    /// The most samples that one chunk holds.
    package static let sampleCountMax = 65_535
}

/// How a chunk's timestamps are written: the low half of the second byte.
enum TimestampCodec: UInt8 {
    /// One interval throughout, known from the header alone.
    case regular = 0
    /// One interval with a short list of exceptions: a sender that paused.
    case interval = 1
    /// Differences in packed runs: jitter.
    case packed = 2
}

/// How a chunk's values are written: the high half of the second byte.
enum ValueCodec: UInt8 {
    /// One bit pattern throughout.
    case constant = 0
    /// Integers over a power of ten, differences in packed runs, exceptions aside.
    case scaled = 1
    /// XOR with the value before, in blocks: the exact fallback.
    case xor = 2
    /// Native histograms: `HistogramChunk` alone reads and writes them.
    case histogram = 3
}

/// What can be known of a chunk without decoding its samples.
package struct ChunkHeader: Equatable, Sendable {
    /// Number of samples, 1 ... `Chunk.sampleCountMax`.
    package let count: Int
    /// Time of the first sample, Unix milliseconds.
    package let firstTime: Int64
    /// Time of the last sample, Unix milliseconds; equal to `firstTime` exactly when `count` is 1.
    package let lastTime: Int64

    let timestampCodec: TimestampCodec
    let valueCodec: ValueCodec

    /// Reads the header at the start of a chunk.
    ///
    /// - Parameter bytes: the chunk; its samples, behind the header, are not looked at.
    /// - Throws: `ChunkError` for an unknown version or codec, an impossible count or range, or missing bytes.
    package init(decoding bytes: RawSpan) throws(ChunkError) {
        var cursor = ChunkCursor(bytes)
        try self.init(from: &cursor)
    }

    init(from cursor: inout ChunkCursor) throws(ChunkError) {
        let version = try cursor.byte()
        guard version == Chunk.version else { throw ChunkError(.unknownVersion, offset: 0, found: UInt64(version)) }
        let codecs = try cursor.byte()
        guard let timestampCodec = TimestampCodec(rawValue: codecs & 0x0F),
            let valueCodec = ValueCodec(rawValue: codecs >> 4)
        else { throw ChunkError(.unknownCodec, offset: 1, found: UInt64(codecs)) }
        let count = try cursor.varint()
        guard count >= 1, count <= UInt64(Chunk.sampleCountMax) else {
            throw ChunkError(.badCount, offset: 2, found: count)
        }
        let firstTime = try cursor.zigzag()
        let at = cursor.offset
        let range = try cursor.varint()
        // The range may need all 64 bits, so the sum wraps; a sound one never lands below the first time.
        let lastTime = firstTime &+ Int64(bitPattern: range)
        guard range == 0 ? count == 1 : lastTime > firstTime && count > 1 && range >= count - 1 else {
            throw ChunkError(.badTimes, offset: at, found: range)
        }
        self.count = Int(count)
        self.firstTime = firstTime
        self.lastTime = lastTime
        self.timestampCodec = timestampCodec
        self.valueCodec = valueCodec
    }

    /// Reads a chunk's header and says where its samples begin.
    ///
    /// - Throws: as `init(decoding:)`.
    package static func split(_ bytes: RawSpan) throws(ChunkError) -> (header: ChunkHeader, size: Int) {
        var cursor = ChunkCursor(bytes)
        let header = try ChunkHeader(from: &cursor)
        return (header, cursor.offset)
    }

    /// A header that is kept in parts, as a reader of chunks does that keeps count and times in an index of its own.
    ///
    /// - Parameters:
    ///   - codecs: as another header told it.
    ///   - count: number of samples, of that header.
    ///   - firstTime: of that header, Unix milliseconds.
    ///   - lastTime: of that header, Unix milliseconds.
    /// - Throws: `ChunkError` for codecs that do not exist.
    @inline(__always)
    package init(codecs: UInt8, count: Int, firstTime: Int64, lastTime: Int64) throws(ChunkError) {
        guard let timestampCodec = TimestampCodec(rawValue: codecs & 0x0F),
            let valueCodec = ValueCodec(rawValue: codecs >> 4)
        else { throw ChunkError(.unknownCodec, offset: 1, found: UInt64(codecs)) }
        self.count = count
        self.firstTime = firstTime
        self.lastTime = lastTime
        self.timestampCodec = timestampCodec
        self.valueCodec = valueCodec
    }

    /// Both codecs, as they stand in a chunk.
    package var codecs: UInt8 { timestampCodec.rawValue | valueCodec.rawValue << 4 }

    /// `lastTime` - `firstTime`, which may need all 64 bits.
    var range: UInt64 { UInt64(bitPattern: lastTime &- firstTime) }
}
