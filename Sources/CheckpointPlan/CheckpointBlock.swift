package import ByteCoding

/// A block's number, unique among all blocks of its slot for ever: the same ID always means the same samples.
package struct BlockID: Hashable, Sendable, Comparable, CustomStringConvertible {
    package var high: UInt64
    package var low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Takes 16 bytes, big-endian, as `bytes` gives them; nil for another length.
    package init?(bytes: [UInt8]) {
        guard bytes.count == 16 else { return nil }
        self.init(
            high: bytes[..<8].reduce(0) { $0 << 8 | UInt64($1) }, low: bytes[8...].reduce(0) { $0 << 8 | UInt64($1) })
    }

    /// 16 bytes, big-endian: databases order them as `<` does.
    package var bytes: [UInt8] {
        (0..<16).map { UInt8(truncatingIfNeeded: ($0 < 8 ? high : low) >> UInt64(56 - $0 % 8 * 8)) }
    }

    package static func < (left: BlockID, right: BlockID) -> Bool {
        left.high == right.high ? left.low < right.low : left.high < right.high
    }

    /// 32 hexadecimal digits.
    package var description: String {
        [high, low].map { half in
            let digits = String(half, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }
}

/// Blocks of one class are kept equally long; partitions are by class, then by time.
package struct RetentionClass: Hashable, Sendable, CustomStringConvertible {
    package let number: UInt8

    /// Samples as they were pushed.
    package static let raw = RetentionClass(number: 0)

    package init(number: UInt8) {
        self.number = number
    }

    package var description: String { "class \(number)" }
}

/// What a store knows of a block without its bytes.
package struct BlockRecord: Hashable, Sendable {
    /// The slot that all of the block's series lie in.
    package var slot: UInt16
    package var id: BlockID
    /// Time of the first sample, Unix milliseconds.
    package var minTime: Int64
    /// Time of the last sample, Unix milliseconds; not before `minTime`.
    package var maxTime: Int64
    /// Number of samples.
    package var sampleCount: Int
    /// Digest of the samples, independent of order and codec, as the engine defines it.
    package var digest: XXH3.Hash128
    package var retention: RetentionClass
    /// Length of the block's bytes.
    package var byteCount: Int

    package init(
        slot: UInt16, id: BlockID, minTime: Int64, maxTime: Int64, sampleCount: Int, digest: XXH3.Hash128,
        retention: RetentionClass, byteCount: Int
    ) {
        self.slot = slot
        self.id = id
        self.minTime = minTime
        self.maxTime = maxTime
        self.sampleCount = sampleCount
        self.digest = digest
        self.retention = retention
        self.byteCount = byteCount
    }

    /// Whether `self` comes before `other` in a list: newest first, then by slot and ID.
    package func isListed(before other: BlockRecord) -> Bool {
        if maxTime != other.maxTime { return maxTime > other.maxTime }
        return slot == other.slot ? id < other.id : slot < other.slot
    }
}

/// A sealed slot block: what the engine wrote, to the byte, with its record.
package struct CheckpointBlock: Hashable, Sendable {
    package let record: BlockRecord
    /// The block as it lies on local disk; stores do not look inside.
    package let bytes: [UInt8]

    /// - Parameters:
    ///   - record: its `byteCount` must be that of `bytes`.
    ///   - bytes: the block.
    package init(record: BlockRecord, bytes: [UInt8]) {
        precondition(record.byteCount == bytes.count, "record says \(record.byteCount) bytes, block has \(bytes.count)")
        self.record = record
        self.bytes = bytes
    }
}

/// A writer's right to a slot: good until somebody claims the slot again.
package struct SlotClaim: Hashable, Sendable {
    package var slot: UInt16
    /// The slot's epoch when it was claimed; 1 is the first.
    package var epoch: Int64

    package init(slot: UInt16, epoch: Int64) {
        self.slot = slot
        self.epoch = epoch
    }
}

/// One addition: blocks, the claims that cover them, and how far their slots are now complete.
package struct CheckpointBatch: Hashable, Sendable {
    /// One for each slot of `blocks`, and for any other slot whose watermark moves.
    package var claims: [SlotClaim]
    package var blocks: [CheckpointBlock]
    /// Unix milliseconds of arrival: whatever the writer acknowledged before it in the claimed slots is in the store once this batch
    /// is. A store keeps the greatest.
    package var watermark: Int64

    package init(claims: [SlotClaim], blocks: [CheckpointBlock], watermark: Int64) {
        self.claims = claims
        self.blocks = blocks
        self.watermark = watermark
    }

    /// Throws what is wrong with the batch before any store sees it: sizes, and blocks without a claim.
    package func validate() throws(CheckpointError) {
        guard blocks.count <= CheckpointLimits.batchBlocksMax else {
            throw .tooLarge(
                limit: "checkpoint_batch_blocks_max", maximum: CheckpointLimits.batchBlocksMax, found: blocks.count)
        }
        let claimed = Set(claims.map(\.slot))
        var total = 0
        for block in blocks {
            guard claimed.contains(block.record.slot) else { throw .unclaimed(slot: block.record.slot) }
            guard block.bytes.count <= CheckpointLimits.blockBytesMax else {
                throw .tooLarge(
                    limit: "checkpoint_block_bytes_max", maximum: CheckpointLimits.blockBytesMax,
                    found: block.bytes.count)
            }
            total += block.bytes.count
        }
        guard blocks.count == 1 || total <= CheckpointLimits.batchBytesMax else {
            throw .tooLarge(limit: "checkpoint_batch_bytes_max", maximum: CheckpointLimits.batchBytesMax, found: total)
        }
    }
}

/// What a store knows of a slot.
package struct SlotState: Hashable, Sendable {
    package var slot: UInt16
    /// The current epoch.
    package var epoch: Int64
    /// Who claimed it last.
    package var writer: String
    /// Unix milliseconds, as in `CheckpointBatch`; nil before the first addition.
    package var watermark: Int64?

    package init(slot: UInt16, epoch: Int64, writer: String, watermark: Int64?) {
        self.slot = slot
        self.epoch = epoch
        self.writer = writer
        self.watermark = watermark
    }
}

/// Asks for one page of a list.
package struct BlockListRequest: Hashable, Sendable {
    /// The slots wanted; nil for all.
    package var slots: [UInt16]?
    /// Blocks whose last sample is before this are left out; Unix milliseconds.
    package var since: Int64
    /// The last record of the page before; nil for the first page.
    package var after: BlockRecord?
    /// 1 ... `CheckpointLimits.listPageMax`.
    package var count: Int

    package init(slots: [UInt16]? = nil, since: Int64 = .min, after: BlockRecord? = nil, count: Int = 1_000) {
        self.slots = slots
        self.since = since
        self.after = after
        self.count = count
    }
}
