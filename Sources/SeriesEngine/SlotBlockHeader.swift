internal import ByteCoding

/// The first 56 bytes of a slot block. Source: docs/formats/block.md, section 2.
package struct SlotBlockHeader: Equatable, Sendable {
    /// The version of a block of numbers alone.
    package static let version: UInt8 = 1
    /// The version of a block that has histograms.
    package static let histogramVersion: UInt8 = 2
    /// Bytes of the header.
    package static let size = 56
    static let magic: [UInt8] = Array("MSLB".utf8)

    /// `version` or `histogramVersion`.
    package var version = SlotBlockHeader.version
    /// The slot of all its series, at `slotBits` bits.
    package var slot: UInt16
    /// Slot bits of the cluster when it was written.
    package var slotBits: UInt8
    /// First and last timestamp, Unix milliseconds.
    package var minTime: Int64
    package var maxTime: Int64
    package var sampleCount: Int
    package var seriesCount: Int
    /// Bytes of the index, which follows the header.
    package var indexLength: Int
    /// Bytes of the chunk data, which follows the index.
    package var dataLength: Int
    var indexChecksum: UInt32
    var dataChecksum: UInt32

    /// Where the chunk data begins in the slot block.
    package var dataOffset: Int { Self.size + indexLength }

    /// Bytes of the whole slot block.
    package var length: Int { dataOffset + dataLength }

    func encode(into bytes: inout [UInt8]) {
        let start = bytes.count
        bytes.append(contentsOf: Self.magic)
        bytes.append(version)
        bytes.append(slotBits)
        bytes.append(littleEndian: slot)
        bytes.append(littleEndian: minTime)
        bytes.append(littleEndian: maxTime)
        bytes.append(littleEndian: UInt64(sampleCount))
        bytes.append(littleEndian: UInt32(seriesCount))
        bytes.append(littleEndian: UInt32(indexLength))
        bytes.append(littleEndian: UInt32(dataLength))
        bytes.append(littleEndian: indexChecksum)
        bytes.append(littleEndian: dataChecksum)
        bytes.append(littleEndian: CRC32C.of(bytes.rawSpan.extracting(start..<bytes.count)))
    }
}

extension SlotBlockHeader {
    /// Reads a header and checks its checksum.
    ///
    /// - Throws: `BlockError`: too short, not a slot block, damaged, an unknown version.
    package init(decoding bytes: RawSpan) throws(BlockError) {
        guard bytes.byteCount >= Self.size else {
            throw BlockError(.truncated, offset: bytes.byteCount, found: UInt64(bytes.byteCount), context: "slot block")
        }
        do {
            var reader = ByteReader(bytes.extracting(0..<Self.size))
            guard try reader.readBytes(count: 4) == Self.magic else {
                throw BlockError(.badMagic, offset: 0, found: 0, context: "slot block")
            }
            // In every version it is there: what it does not fit is damaged, not of another version.
            var end = ByteReader(bytes.extracting(Self.size - 4..<Self.size))
            let checksum = try end.readUInt32()
            guard checksum == CRC32C.of(bytes.extracting(0..<Self.size - 4)) else {
                throw BlockError(
                    .badChecksum, offset: Self.size - 4, found: UInt64(checksum), context: "slot block header")
            }
            version = try reader.readUInt8()
            guard version == Self.version || version == Self.histogramVersion else {
                throw BlockError(.unknownVersion, offset: 4, found: UInt64(version), context: "slot block")
            }
            slotBits = try reader.readUInt8()
            slot = try reader.readUInt16()
            minTime = try reader.readInt64()
            maxTime = try reader.readInt64()
            sampleCount = Int(truncatingIfNeeded: try reader.readUInt64())
            seriesCount = Int(try reader.readUInt32())
            indexLength = Int(try reader.readUInt32())
            dataLength = Int(try reader.readUInt32())
            indexChecksum = try reader.readUInt32()
            dataChecksum = try reader.readUInt32()
        } catch let error as BlockError {
            throw error
        } catch {
            throw BlockError(.truncated, offset: 0, found: 0, context: "slot block header")
        }
    }
}
