internal import ByteCoding

/// The header of a log segment: 32 bytes. Source: docs/formats/wal.md, section 2.
package struct WALSegmentHeader: Equatable, Sendable {
    /// The version of a segment without records of slots.
    package static let version: UInt8 = 1
    /// The version of a segment that may have such records: those of a node of a cluster.
    package static let clusterVersion: UInt8 = 2
    /// The version of a segment that may have native histograms as well, of a node that is alone or not.
    package static let histogramVersion: UInt8 = 3
    /// Bytes of the header.
    package static let size = 32
    /// `wal_record_bytes_max`: a longer record is not written and not believed.
    package static let recordBytesMax = 256 << 20

    static let magic: [UInt8] = Array("MWAL".utf8)

    /// Which kinds of records there may be: `version`, `clusterVersion` or `histogramVersion`.
    package var version: UInt8
    /// The segment's number, at least 1; also its file's name.
    package var number: UInt32
    /// The engine generation that wrote it.
    package var generation: UInt64
    /// When it was begun, Unix milliseconds.
    package var createdAt: Int64

    package init(number: UInt32, generation: UInt64, createdAt: Int64, version: UInt8 = WALSegmentHeader.version) {
        self.version = version
        self.number = number
        self.generation = generation
        self.createdAt = createdAt
    }

    /// Appends the 32 bytes.
    package func encode(into bytes: inout [UInt8]) {
        let start = bytes.count
        bytes.append(contentsOf: Self.magic)
        bytes.append(version)
        bytes.append(contentsOf: [0, 0, 0])
        bytes.append(littleEndian: number)
        bytes.append(littleEndian: generation)
        bytes.append(littleEndian: createdAt)
        bytes.append(littleEndian: CRC32C.of(bytes.rawSpan.extracting(start..<bytes.count)))
    }

    /// Reads the header at the beginning of a segment.
    ///
    /// - Throws: `WALError`: too short, not a segment, an unknown version, or damaged. The version is looked at before the
    ///   checksum, so that a later format is named as such.
    package init(decoding bytes: RawSpan) throws(WALError) {
        guard bytes.byteCount >= Self.size else {
            throw WALError(.headerTooShort, offset: 0, found: UInt64(bytes.byteCount))
        }
        var reader = ByteReader(bytes.extracting(0..<Self.size))
        do {
            guard try reader.readBytes(count: 4) == Self.magic else {
                throw WALError(.notASegment, offset: 0, found: 0)
            }
            version = try reader.readUInt8()
            guard version >= Self.version && version <= Self.histogramVersion else {
                throw WALError(.unknownVersion, offset: 4, found: UInt64(version))
            }
            try reader.skip(3)
            number = try reader.readUInt32()
            generation = try reader.readUInt64()
            createdAt = try reader.readInt64()
            let checksum = try reader.readUInt32()
            guard checksum == CRC32C.of(bytes.extracting(0..<28)) else {
                throw WALError(.headerDamaged, offset: 0, found: UInt64(checksum))
            }
        } catch let error as WALError {
            throw error
        } catch {
            throw WALError(.headerTooShort, offset: 0, found: UInt64(bytes.byteCount))
        }
    }
}

/// Why a log segment, or the rest of one, cannot be read.
package struct WALError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The kinds of failure.
    package enum Code: Equatable, Sendable {
        /// The file ends inside its header: a crash while it was created.
        case headerTooShort
        /// The magic is not that of a segment.
        case notASegment
        /// A version that this program does not know.
        case unknownVersion
        /// The header's checksum does not hold.
        case headerDamaged
        /// The file ends inside a record: a crash while it was written.
        case recordTooShort
        /// A record's length is impossible.
        case badLength
        /// A record's checksum does not hold.
        case badChecksum
        /// A record of a kind that the segment's version does not have.
        case unknownRecord
        /// A record's payload contradicts itself.
        case badRecord
        /// A sample's series is not defined before it in the segment.
        case undefinedSeries
    }

    /// The kind of failure.
    package var code: Code
    /// Offset in the segment at which the header or record in question begins.
    package var offset: Int
    /// The offending version, length, kind or checksum.
    package var found: UInt64

    package init(_ code: Code, offset: Int, found: UInt64) {
        self.code = code
        self.offset = offset
        self.found = found
    }

    package var description: String {
        switch code {
        case .headerTooShort: "the segment ends inside its header, after \(found) bytes"
        case .notASegment: "not a log segment"
        case .unknownVersion:
            "log format version \(found) is not known here"
                + " (known: \(WALSegmentHeader.version) to \(WALSegmentHeader.histogramVersion))"
        case .headerDamaged: "the segment's header is damaged"
        case .recordTooShort: "the segment ends inside the record at offset \(offset)"
        case .badLength: "impossible record length \(found) at offset \(offset)"
        case .badChecksum: "checksum mismatch in the record at offset \(offset)"
        case .unknownRecord: "unknown record kind \(found) at offset \(offset)"
        case .badRecord: "contradictory record at offset \(offset)"
        case .undefinedSeries: "series \(found) is not defined before the record at offset \(offset)"
        }
    }
}
