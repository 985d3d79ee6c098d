internal import ByteCoding
internal import SeriesEngine
internal import Synchronization

/// A slot block in memory: the parsed index and the block's bytes, both checked.
final class LoadedSlotBlock: Sendable {
    let index: SlotIndex
    private let bytes: [UInt8]
    /// Number of the file and where it lies in it; nil where it is in none.
    private let place: (file: UInt32, offset: Int)?

    /// - Throws: `BlockError` when index or chunk data are damaged.
    init(_ bytes: [UInt8], at place: (file: UInt32, offset: Int)? = nil) throws(BlockError) {
        index = try SlotIndex(decoding: bytes.rawSpan)
        self.bytes = bytes
        self.place = place
        try index.verify(data: bytes.rawSpan.extracting(index.header.dataOffset..<bytes.count))
    }

    /// Adds a series' samples within `start ... end` to `run`.
    func merge(series: Int, into run: inout SampleRun, start: Int64, end: Int64) throws(BlockError) {
        // A reference of our own: a span cannot borrow from a property of a class.
        let bytes = bytes
        let data = bytes.rawSpan.extracting(index.header.dataOffset..<bytes.count)
        do throws(BlockError) {
            try index.merge(series: series, data: data, into: &run, start: start, end: end)
        } catch {
            guard let place else { throw error }
            throw BlockError(
                error.code, offset: place.offset + index.header.dataOffset + error.offset, found: error.found,
                context: "block \(place.file), \(error.context)")
        }
    }

    /// The digest of its samples.
    func digest() throws(BlockError) -> XXH3.Hash128 {
        let bytes = bytes
        return try index.digest(data: bytes.rawSpan.extracting(index.header.dataOffset..<bytes.count))
    }

    /// Bytes in memory, roughly.
    var memorySize: Int { bytes.count + index.memorySize }
}

/// Slot blocks lately used, within a number of bytes.
///
/// Two generations: what is used moves to the young one; when that holds half the limit, the old one is forgotten. As good as
/// least-recently-used for our purpose, with nothing to keep in order.
final class BlockCache: Sendable {
    private struct Key: Hashable {
        var file: UInt32
        var slot: UInt16
    }

    private struct State {
        var young: [Key: LoadedSlotBlock] = [:]
        var old: [Key: LoadedSlotBlock] = [:]
        var youngBytes = 0
        var hits = 0
        var misses = 0
    }

    private let state = Mutex(State())
    private let bytesMax: Int
    private let onDamage: @Sendable (_ file: UInt32, _ slot: UInt16) -> Void

    /// - Parameters:
    ///   - bytesMax: `block_cache_bytes_max`.
    ///   - onDamage: called when a slot block turns out to be damaged, by whoever reads it.
    init(bytesMax: Int, onDamage: @escaping @Sendable (_ file: UInt32, _ slot: UInt16) -> Void) {
        self.bytesMax = bytesMax
        self.onDamage = onDamage
    }

    /// The slot block of an entry, read and checked on a miss.
    ///
    /// - Throws: `EngineError.blockUnreadable` naming file and slot.
    func load(_ file: BlockFile, _ entry: BlockDirectoryEntry) throws(EngineError) -> LoadedSlotBlock {
        let key = Key(file: file.number, slot: entry.slot)
        if let found = find(key) { return found }
        let loaded: LoadedSlotBlock
        do {
            loaded = try LoadedSlotBlock(file.bytes(of: entry), at: (file.number, entry.offset))
        } catch {
            throw unreadable(file, entry, error)
        }
        state.withLock { Self.insert(loaded, key, into: &$0, bytesMax: bytesMax) }
        return loaded
    }

    /// Why a slot block cannot be read, as whoever asked for it is told; damage is told to who keeps the files, too.
    func unreadable(_ file: BlockFile, _ entry: BlockDirectoryEntry, _ error: any Error) -> EngineError {
        if BlockFile.isDamage(error) { onDamage(file.number, entry.slot) }
        return EngineError(.blockUnreadable, "block \(file.path), slot \(entry.slot): \(error)")
    }

    /// Times that a block was found, and that it was not.
    var counts: (hits: Int, misses: Int) { state.withLock { ($0.hits, $0.misses) } }

    private func find(_ key: Key) -> LoadedSlotBlock? {
        state.withLock { state in
            if let found = state.young[key] {
                state.hits += 1
                return found
            }
            if let found = state.old[key] {
                state.hits += 1
                state.old[key] = nil
                Self.insert(found, key, into: &state, bytesMax: bytesMax)
                return found
            }
            state.misses += 1
            return nil
        }
    }

    private static func insert(_ block: LoadedSlotBlock, _ key: Key, into state: inout State, bytesMax: Int) {
        if state.youngBytes + block.memorySize > bytesMax / 2 {
            state.old = state.young
            state.young = [:]
            state.youngBytes = 0
        }
        if state.young.updateValue(block, forKey: key) == nil { state.youngBytes += block.memorySize }
    }
}
