internal import ByteCoding

/// What a block file says of one slot block in it.
package struct BlockDirectoryEntry: Equatable, Sendable {
    package var slot: UInt16
    package var seriesCount: Int
    package var sampleCount: Int
    /// Where the slot block lies in the file.
    package var offset: Int
    package var length: Int
    /// First and last timestamp, Unix milliseconds.
    package var minTime: Int64
    package var maxTime: Int64

    /// The entry of a slot block that is written at `offset`.
    package init(_ header: SlotBlockHeader, offset: Int) {
        slot = header.slot
        seriesCount = header.seriesCount
        sampleCount = header.sampleCount
        self.offset = offset
        length = header.length
        minTime = header.minTime
        maxTime = header.maxTime
    }

    /// Whether it is most likely of the same slot block, in another file.
    package func hasSameContent(as other: BlockDirectoryEntry) -> Bool {
        var moved = self
        moved.offset = other.offset
        return moved == other
    }

    init(reading reader: inout ByteReader) throws(ByteError) {
        slot = try reader.readUInt16()
        try reader.skip(2)
        seriesCount = Int(try reader.readUInt32())
        sampleCount = Int(truncatingIfNeeded: try reader.readUInt64())
        offset = Int(truncatingIfNeeded: try reader.readUInt64())
        length = Int(truncatingIfNeeded: try reader.readUInt64())
        minTime = try reader.readInt64()
        maxTime = try reader.readInt64()
    }
}

/// A block file: a header, slot blocks, a directory, a trailer. Source: docs/formats/block.md, section 4.
package struct BlockDirectory: Equatable, Sendable {
    /// The version written here, the only one that is read.
    package static let version: UInt8 = 1
    /// Bytes before the first slot block.
    package static let headerSize = 8
    /// Bytes behind the directory.
    package static let trailerSize = 16
    static let entrySize = 48
    static let headerMagic: [UInt8] = Array("MBLK".utf8)
    static let trailerMagic: [UInt8] = Array("MBLE".utf8)

    /// All log segments with a smaller number are in this block or in earlier ones; 0 says nothing.
    package var coversSegmentsBefore: UInt32
    /// When it was written, Unix milliseconds.
    package var createdAt: Int64
    /// By ascending slot.
    package var entries: [BlockDirectoryEntry]

    package init(coversSegmentsBefore: UInt32, createdAt: Int64, entries: [BlockDirectoryEntry]) {
        self.coversSegmentsBefore = coversSegmentsBefore
        self.createdAt = createdAt
        self.entries = entries
    }

    /// First timestamp in the file; `Int64.max` when it is empty.
    package var minTime: Int64 { entries.reduce(.max) { min($0, $1.minTime) } }
    /// Last timestamp in the file; `Int64.min` when it is empty.
    package var maxTime: Int64 { entries.reduce(.min) { max($0, $1.maxTime) } }
    /// Samples in the file.
    package var sampleCount: Int { entries.reduce(0) { $0 + $1.sampleCount } }

    /// The bytes before the first slot block.
    package static var fileHeader: [UInt8] { headerMagic + [version, 0, 0, 0] }

    /// Checks the bytes before the first slot block.
    ///
    /// - Parameter header: the file's first `headerSize` bytes.
    /// - Throws: `BlockError`: not a block file, or an unknown version.
    package static func check(header: RawSpan) throws(BlockError) {
        do {
            var reader = ByteReader(header)
            guard try reader.readBytes(count: 4) == headerMagic else {
                throw BlockError(.badMagic, offset: 0, found: 0, context: "block file header")
            }
            let version = try reader.readUInt8()
            guard version == Self.version else {
                throw BlockError(.unknownVersion, offset: 4, found: UInt64(version), context: "block file")
            }
        } catch let error as BlockError {
            throw error
        } catch {
            throw BlockError(.truncated, offset: 0, found: UInt64(header.byteCount), context: "block file header")
        }
    }

    /// The bytes behind the last slot block: directory and trailer.
    package func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: coversSegmentsBefore)
        bytes.append(littleEndian: UInt32(entries.count))
        bytes.append(littleEndian: createdAt)
        for entry in entries {
            bytes.append(littleEndian: entry.slot)
            bytes.append(littleEndian: UInt16(0))
            bytes.append(littleEndian: UInt32(entry.seriesCount))
            bytes.append(littleEndian: UInt64(entry.sampleCount))
            bytes.append(littleEndian: UInt64(entry.offset))
            bytes.append(littleEndian: UInt64(entry.length))
            bytes.append(littleEndian: entry.minTime)
            bytes.append(littleEndian: entry.maxTime)
        }
        let length = bytes.count
        let checksum = CRC32C.of(bytes.rawSpan)
        bytes.append(littleEndian: UInt32(length))
        bytes.append(littleEndian: checksum)
        bytes.append(contentsOf: [Self.version, 0, 0, 0])
        bytes.append(contentsOf: Self.trailerMagic)
        return bytes
    }

    /// The directory's length, from the file's last 16 bytes.
    ///
    /// - Throws: `BlockError`: not the end of a block file, or an unknown version.
    package static func length(trailer: RawSpan) throws(BlockError) -> Int {
        do {
            var reader = ByteReader(trailer)
            let length = Int(try reader.readUInt32())
            try reader.skip(4)
            let version = try reader.readUInt8()
            try reader.skip(3)
            guard try reader.readBytes(count: 4) == trailerMagic else {
                throw BlockError(.badMagic, offset: 0, found: 0, context: "block file trailer")
            }
            guard version == Self.version else {
                throw BlockError(.unknownVersion, offset: 8, found: UInt64(version), context: "block file")
            }
            return length
        } catch let error as BlockError {
            throw error
        } catch {
            throw BlockError(.truncated, offset: 0, found: UInt64(trailer.byteCount), context: "block file trailer")
        }
    }

    /// Reads directory and trailer.
    ///
    /// - Parameters:
    ///   - bytes: the file's end, from the directory on.
    ///   - fileSize: bytes of the whole file; entries must lie before the directory.
    /// - Throws: `BlockError`: not a block file's end, an unknown version, damaged.
    package init(decoding bytes: RawSpan, fileSize: Int) throws(BlockError) {
        let trailer = bytes.byteCount - Self.trailerSize
        guard trailer >= 0 else {
            throw BlockError(.truncated, offset: 0, found: UInt64(bytes.byteCount), context: "block file")
        }
        let length = try Self.length(trailer: bytes.extracting(trailer..<bytes.byteCount))
        guard length == trailer else {
            throw BlockError(.malformed, offset: 0, found: UInt64(length), context: "block file directory")
        }
        do {
            var end = ByteReader(bytes.extracting(trailer + 4..<trailer + 8))
            guard try end.readUInt32() == CRC32C.of(bytes.extracting(0..<trailer)) else {
                throw BlockError(.badChecksum, offset: 0, found: 0, context: "block file directory")
            }
            var reader = ByteReader(bytes.extracting(0..<trailer))
            coversSegmentsBefore = try reader.readUInt32()
            let count = Int(try reader.readUInt32())
            createdAt = try reader.readInt64()
            entries = []
            guard count == reader.remaining / Self.entrySize else {
                throw BlockError(.malformed, offset: 4, found: UInt64(count), context: "block file directory")
            }
            for _ in 0..<count {
                let entry = try BlockDirectoryEntry(reading: &reader)
                guard entry.offset >= Self.headerSize, entry.length >= SlotBlockHeader.size,
                    entry.length <= fileSize, entry.offset <= fileSize - trailer - Self.trailerSize - entry.length
                else { throw BlockError(.malformed, offset: 16, found: UInt64(entry.slot), context: "block directory") }
                entries.append(entry)
            }
        } catch let error as BlockError {
            throw error
        } catch {
            throw BlockError(.truncated, offset: 0, found: 0, context: "block file directory")
        }
    }
}
