internal import ByteCoding
internal import MetricModel

/// Slots that were dropped, and up to which block file: their blocks in those files are not there any more.
///
/// A mark in the place of rewriting files. Source: docs/formats/block.md, section 8.
package struct DropMask: Equatable, Sendable {
    /// The version written here, the only one that is read.
    package static let version: UInt8 = 1
    static let magic: [UInt8] = Array("MDRP".utf8)

    /// The last file in which a slot is hidden.
    package private(set) var throughBlock: [UInt16: UInt32] = [:]

    package init() {}

    /// Whether nothing is hidden.
    package var isEmpty: Bool { throughBlock.isEmpty }

    /// The greatest number of a file that it speaks of; 0 when there is none.
    package var numberMax: UInt32 { throughBlock.values.max() ?? 0 }

    /// Whether a slot's block in a file is hidden.
    package func hides(_ slot: UInt16, inFile number: UInt32) -> Bool {
        throughBlock[slot].map { number <= $0 } ?? false
    }

    /// Hides what was dropped.
    package mutating func add(_ dropped: DroppedSlots) {
        for slot in dropped.slots {
            let slot = UInt16(truncatingIfNeeded: slot)
            throughBlock[slot] = max(throughBlock[slot] ?? 0, dropped.throughBlock)
        }
    }

    /// Forgets what hides nothing, since all files that are there have greater numbers.
    ///
    /// - Parameter number: of the first file that is there or may come.
    package mutating func forget(before number: UInt32) {
        throughBlock = throughBlock.filter { $0.value >= number }
    }

    /// The mark's bytes.
    package var encoded: [UInt8] {
        var bytes = Self.magic
        bytes.append(Self.version)
        bytes.append(varint: throughBlock.count)
        for slot in throughBlock.keys.sorted() {
            bytes.append(littleEndian: slot)
            bytes.append(littleEndian: throughBlock[slot] ?? 0)
        }
        bytes.append(littleEndian: CRC32C.of(bytes.rawSpan))
        return bytes
    }

    /// Reads what `encoded` gives.
    ///
    /// - Throws: `BlockError`: not a mark, an unknown version, or damaged.
    package init(decoding bytes: [UInt8]) throws(BlockError) {
        guard bytes.count >= 10, Array(bytes[0..<4]) == Self.magic else {
            throw BlockError(.badMagic, offset: 0, found: 0, context: "mark of dropped slots")
        }
        guard bytes[4] == Self.version else {
            throw BlockError(.unknownVersion, offset: 4, found: UInt64(bytes[4]), context: "mark of dropped slots")
        }
        let body = bytes.count - 4
        do {
            var tail = ByteReader(bytes.rawSpan.extracting(body..<bytes.count))
            let checksum = try tail.readUInt32()
            guard checksum == CRC32C.of(bytes.rawSpan.extracting(0..<body)) else {
                throw BlockError(
                    .badChecksum, offset: body, found: UInt64(checksum), context: "mark of dropped slots")
            }
            var reader = ByteReader(bytes.rawSpan.extracting(5..<body))
            for _ in 0..<(try reader.readCount(unit: 6)) {
                let slot = try reader.readUInt16()
                throughBlock[slot] = try reader.readUInt32()
            }
        } catch let error as BlockError {
            throw error
        } catch {
            throw BlockError(.malformed, offset: 5, found: 0, context: "mark of dropped slots: \(error)")
        }
    }
}
