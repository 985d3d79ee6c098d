/// Decides what a restore lists and fetches next: newest blocks first, since those are asked for first.
///
/// A value: ask `next`, do what it says, report what came back; after a failure simply ask again. Blocks that lie on local disk already
/// are passed over, so a restore that was cut short - even by the end of the process - goes on where it stopped.
package struct RestoreCursor: Sendable {
    /// What to do next.
    package enum Step: Sendable, Equatable {
        /// Ask the store for this page, then call `listed`.
        case list(BlockListRequest)
        /// Ask the store for these blocks, store them, then call `fetched`.
        case fetch([BlockRecord])
        /// Everything that the store has is here.
        case finished
    }

    private let slots: [UInt16]?
    private let since: Int64
    private let pageCount: Int
    private let fetchBytes: Int
    private var known: Set<BlockKey>
    private var wanted: [BlockRecord] = []
    private var lastListed: BlockRecord?
    private var isListedWhole = false

    /// Blocks fetched so far.
    package private(set) var fetchedCount = 0
    /// Their bytes.
    package private(set) var fetchedBytes = 0

    private struct BlockKey: Hashable {
        var slot: UInt16
        var id: BlockID
    }

    /// - Parameters:
    ///   - slots: what to restore; nil for all slots.
    ///   - since: Unix milliseconds; older blocks are behind retention.
    ///   - known: blocks that lie on local disk, by slot and ID.
    ///   - pageCount: records listed at a time, 1 ... `CheckpointLimits.listPageMax`.
    ///   - fetchBytes: bytes fetched at a time, unless a single block is larger.
    package init(
        slots: [UInt16]?, since: Int64, known: [(slot: UInt16, id: BlockID)] = [], pageCount: Int = 1_000,
        fetchBytes: Int = 8 << 20
    ) {
        precondition((1...CheckpointLimits.listPageMax).contains(pageCount), "page of \(pageCount) records")
        self.slots = slots
        self.since = since
        self.known = Set(known.map { BlockKey(slot: $0.slot, id: $0.id) })
        self.pageCount = pageCount
        self.fetchBytes = min(fetchBytes, CheckpointLimits.fetchBytesMax)
    }

    /// The next step; the same again until `listed` or `fetched` is called.
    package var next: Step {
        if !wanted.isEmpty { return .fetch(batch) }
        if isListedWhole { return .finished }
        return .list(BlockListRequest(slots: slots, since: since, after: lastListed, count: pageCount))
    }

    private var batch: [BlockRecord] {
        var total = 0
        let batch = wanted.prefix { record in
            total += record.byteCount
            return total <= fetchBytes
        }
        return batch.isEmpty ? Array(wanted.prefix(1)) : Array(batch)
    }

    /// A page has come, as `next` asked for it.
    ///
    /// - Throws: `CheckpointError.corrupt` for a page out of order: it would make the restore skip blocks, or never end.
    package mutating func listed(_ page: [BlockRecord]) throws(CheckpointError) {
        var last = lastListed
        for record in page {
            if let last, !last.isListed(before: record) {
                throw .corrupt(
                    reason: "list out of order: block \(record.id) of slot \(record.slot) after block \(last.id)")
            }
            last = record
        }
        lastListed = last
        isListedWhole = page.count < pageCount
        wanted = page.filter { !known.contains(BlockKey(slot: $0.slot, id: $0.id)) }
    }

    /// The blocks of the last fetch are stored here; those that the store no longer had are gone for good.
    package mutating func fetched(_ records: [BlockRecord]) {
        for record in records {
            fetchedCount += 1
            fetchedBytes += record.byteCount
            known.insert(BlockKey(slot: record.slot, id: record.id))
        }
        // What was asked for and did not come was dropped by retention in between.
        wanted.removeFirst(batch.count)
    }
}
