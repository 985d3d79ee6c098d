internal import ByteCoding
package import CheckpointPlan
internal import MetricModel
internal import SeriesEngine
internal import SlotMovement

/// A block file that the checkpoint does not have yet.
package struct PendingBlockFile: Equatable, Sendable {
    package let number: UInt32
    /// Bytes of the file.
    package let size: Int
    /// All that was acknowledged before this time is in this file or in earlier ones; Unix milliseconds.
    package let watermark: Int64
    /// Of its first sample, Unix milliseconds.
    package let minTime: Int64

    fileprivate init(_ file: BlockFile) {
        number = file.number
        size = file.size
        watermark = file.directory.createdAt
        minTime = file.minTime
    }
}

extension EngineHost {
    /// The block files that the checkpoint does not have yet, in order of sealing.
    package func pendingBlockFiles() async throws -> [PendingBlockFile] {
        try await onThread { thread in
            thread.blocks.filter { !thread.uploaded.contains($0.number) }.map(PendingBlockFile.init)
        }
    }

    /// All block files, those that a checkpoint has or had included; in order of their numbers.
    package func sealedFiles() async throws -> [PendingBlockFile] {
        try await onThread { thread in thread.blocks.map(PendingBlockFile.init) }
    }

    /// Whether other aggregators keep the same slots, so that whose checkpoint is this node's to write changes.
    package var isAmongOthers: Bool { movementQueueBytesMax > 0 }

    /// Which slots a block file has blocks of.
    package func slots(inFile number: UInt32) async throws -> Set<UInt16> {
        try await onThread { thread in
            Set(thread.blocks.first { $0.number == number }?.directory.entries.map(\.slot) ?? [])
        }
    }

    /// Of some slots, those whose checkpoint is this node's to write; all of them where no machine keeps them.
    ///
    /// - Returns: also whether of each slot somebody is known who writes it.
    package func checkpointDuty(of slots: Set<UInt16>) async throws -> (mine: Set<UInt16>, isDecided: Bool) {
        try await onThread { thread in
            guard let keeper = thread.movement?.keeper else { return (slots, true) }
            var mine: Set<UInt16> = []
            var isDecided = true
            for slot in slots {
                switch keeper.checkpointWriter(Int(slot)) {
                case keeper.me?: mine.insert(slot)
                case nil: isDecided = false
                case _?: break
                }
            }
            return (mine, isDecided)
        }
    }

    /// Slots that block files here have blocks of.
    package func sealedSlots() async throws -> Set<UInt16> {
        try await onThread { thread in
            var slots: Set<UInt16> = []
            for file in thread.blocks { for entry in file.directory.entries { slots.insert(entry.slot) } }
            return slots
        }
    }

    /// The slot blocks of a file with what a store wants to know of them; nil when retention has dropped the file.
    ///
    /// The ID of a slot block is the 128-bit hash of its bytes: the same ID always means the same samples, on every node.
    /// - Parameters:
    ///   - number: of the file.
    ///   - slots: whose blocks are wanted.
    ///   - known: blocks that are not wanted; their samples are not looked at.
    /// - Returns: in order of slots.
    /// - Throws: `EngineError`.
    /// - Complexity: O(samples) of the blocks that are wanted: each is decoded for its digest.
    @concurrent
    package func checkpointBlocks(
        file number: UInt32, slots: Set<UInt16>, besides known: Set<BlockID> = []
    ) async throws -> [CheckpointBlock]? {
        let file = try await onThread { thread in thread.blocks.first { $0.number == number } }
        guard let file else { return nil }
        return try file.directory.entries.lazy.filter { slots.contains($0.slot) }.compactMap { entry in
            do {
                let bytes = try file.bytes(of: entry)
                let id = Self.blockID(of: bytes)
                if known.contains(id) { return nil }
                let block = try LoadedSlotBlock(bytes)
                return CheckpointBlock(
                    record: BlockRecord(
                        slot: entry.slot, id: id, minTime: entry.minTime, maxTime: entry.maxTime,
                        sampleCount: entry.sampleCount, digest: try block.digest(), retention: .raw,
                        byteCount: bytes.count),
                    bytes: bytes)
            } catch {
                throw cache.unreadable(file, entry, error)
            }
        }
    }

    /// Notes durably that the checkpoint has all of a file.
    package func markUploaded(file number: UInt32) async throws {
        try await onThread { thread throws(EngineError) in
            guard let file = thread.blocks.first(where: { $0.number == number }) else { return }
            do throws(FileError) { try file.markUploaded() } catch {
                throw EngineError(.directoryUnusable, "\(error)")
            }
            thread.uploaded.insert(number)
        }
    }

    /// Takes slot blocks from the checkpoint into a local block file, durably, with their servers and metadata.
    ///
    /// - Parameters:
    ///   - blocks: any number of any slots.
    ///   - isUploaded: whether the checkpoint that this node writes has them; else they wait for it.
    /// - Throws: `EngineError.blockUnreadable` when one of them is damaged; then none is taken.
    @concurrent
    package func install(_ blocks: [CheckpointBlock], isUploaded: Bool = true) async throws {
        guard !blocks.isEmpty else { return }
        var encoded: [EncodedSlotBlock] = []
        var catalog = Catalog()
        for block in blocks.sorted(by: { $0.record.slot < $1.record.slot }) {
            do throws(BlockError) {
                let loaded = try LoadedSlotBlock(block.bytes)
                catalog.servers.append(contentsOf: loaded.index.servers)
                catalog.metadata.append(contentsOf: loaded.index.metadata)
                encoded.append(EncodedSlotBlock(header: loaded.index.header, bytes: block.bytes))
            } catch {
                throw EngineError(
                    .blockUnreadable, "checkpoint block \(block.record.id) of slot \(block.record.slot): \(error)")
            }
        }
        // One directory entry a slot: blocks of one slot go into several files.
        while !encoded.isEmpty {
            var slots: Set<UInt16> = []
            let file = encoded.filter { slots.insert($0.header.slot).inserted }
            slots = []
            encoded = encoded.filter { !slots.insert($0.header.slot).inserted }
            try await write(file, isUploaded: isUploaded)
        }
        let restored = catalog
        try await onThread { $0.engine.restore(restored) }
    }

    private func write(_ blocks: [EncodedSlotBlock], isUploaded: Bool) async throws {
        let number = try await onThread { thread in
            defer { thread.nextBlockNumber += 1 }
            return thread.nextBlockNumber
        }
        var rest = blocks[...]
        let file = try BlockFile.write(
            folder: directory.blocksPath, number: number, coversSegmentsBefore: 0, createdAt: 0
        ) { rest.popFirst() }
        if isUploaded {
            try file.markUploaded()
        } else {
            try LocalMark.set(file.path, minTime: file.minTime, maxTime: file.maxTime)
        }
        try await onThread { thread in
            thread.engine.changes.noteEverything()
            thread.blocks.append(thread.visible(file))
            thread.blocks.sort { $0.number < $1.number }
            if isUploaded { thread.uploaded.insert(number) }
        }
    }

    /// Notes that all that the checkpoint has is here.
    ///
    /// - Parameter losses: how often blocks had been lost before it was looked what is here: with another loss since, it is not all here.
    /// - Throws: `EngineError.directoryUnusable`, `.closed`.
    func restoreIsDone(upTo losses: Int) async throws {
        try await onThread { thread throws(EngineError) in
            guard thread.directory.lossCount == losses else { return }
            thread.noteRestored()
            try thread.directory.restoreIsDone(upTo: losses)
        }
    }

    /// Slot and ID of every slot block on local disk, by the number of its file: what a restore need not fetch.
    ///
    /// - Parameter known: files that are passed over; the others are read whole.
    /// - Returns: what the other files hold.
    /// - Throws: `FileError` for a file that cannot be read, `CancellationError`.
    @concurrent
    package func localBlocks(besides known: Set<UInt32>) async throws -> [UInt32: [(slot: UInt16, id: BlockID)]] {
        var found: [UInt32: [(slot: UInt16, id: BlockID)]] = [:]
        for file in try await onThread({ $0.blocks }) where !known.contains(file.number) {
            try Task.checkCancellation()
            found[file.number] = try file.directory.entries.compactMap { entry throws(FileError) in
                do throws(FileError) {
                    return (entry.slot, Self.blockID(of: try file.bytes(of: entry)))
                } catch  where BlockFile.isDamage(error) {
                    _ = cache.unreadable(file, entry, error)
                    return nil
                }
            }
        }
        return found
    }

    private static func blockID(of bytes: [UInt8]) -> BlockID {
        let hash = XXH3.hash128(bytes.rawSpan)
        return BlockID(high: hash.high, low: hash.low)
    }
}
