package import MetricModel
internal import SeriesEngine
package import SlotMovement

/// Which slots' data is read.
package enum SlotScope: Sendable {
    /// All that the node has.
    case all
    /// That of these slots; where `onlyWhole` is true, of those among them that the node may be read alone for at that moment.
    case slots(SlotSet, onlyWhole: Bool)
}

/// The head's answer and the blocks as they were at one moment: nothing is in both or in neither.
struct StoreSnapshot: Sendable {
    let head: HeadSelection
    /// By ascending number.
    let blocks: [BlockFile]
}

/// What a node had for some selections, and what it was to the slots, all at one moment.
///
/// Were it judged earlier whether a slot is whole, the slot might be gone by the time that its samples are taken: a process may be stopped in between.
struct StoreMoment: Sendable {
    /// One a selection.
    let snapshots: [StoreSnapshot]
    /// The slots whose data counts; nil for all.
    let slots: SlotSet?
    let standing: StoreStanding
}

/// What an answer must say of the store, as it was when the samples were taken.
package struct StoreStanding: Equatable, Sendable {
    /// What a coordinator is told of the slots that were asked for; nil where no machine keeps them.
    package var reply: ReadReply?
    /// Whether what the checkpoint has may be missing.
    package var needsRestore = false
    /// What is missing for good.
    package var lostBlocks: [LostBlock] = []
}

/// What a selection read.
package struct SelectSummary: Equatable, Sendable {
    package var seriesCount = 0
    package var sampleCount = 0
    package var standing = StoreStanding()

    /// Nothing.
    package init() {}
}

extension EngineHost {
    /// Reads the series that a selection names, merged from blocks and head, slot by slot; within a slot by labels.
    ///
    /// The engine's thread only hands out references; decoding, reading and merging happen on the caller's.
    /// - Parameters:
    ///   - selection: tenant, matchers and time range.
    ///   - scope: slots whose series are read.
    ///   - seriesMax: series that may be read.
    ///   - samplesMax: samples that may be read.
    ///   - emit: gets batches of some 65,536 samples; a series is never split.
    /// - Returns: how much was emitted.
    /// - Throws: `EngineError.limitExceeded` naming the limit, `.blockUnreadable`, or what `emit` throws.
    @concurrent
    package func select(
        _ selection: SeriesSelection, of scope: SlotScope = .all, seriesMax: Int, samplesMax: Int,
        emit: @Sendable ([SeriesColumns]) async throws -> Void
    ) async throws -> SelectSummary {
        let moment = try await moment([selection], of: scope, seriesMax: seriesMax)
        let mask = mask(of: selection, and: [])
        var reader = SelectionReader(
            selection: selection, snapshot: moment.snapshots[0], slots: moment.slots, cache: cache,
            slotBits: configuration.engine.slotBits)
        var summary = SelectSummary()
        summary.standing = moment.standing
        var batch: [SeriesColumns] = []
        var batchSamples = 0
        while let slot = reader.nextSlot() {
            try Task.checkCancellation()
            let found = try reader.series(of: slot)
            for parts in found {
                let columns = mask.apply(to: try reader.columns(of: parts))
                guard !columns.isEmpty else { continue }
                summary.seriesCount += 1
                summary.sampleCount += columns.sampleWeight
                try Self.check(summary.seriesCount, "query_series_max", seriesMax)
                try Self.check(summary.sampleCount, "query_samples_max", samplesMax)
                batchSamples += columns.sampleWeight
                batch.append(columns)
                guard batchSamples >= configuration.selectBatchSamplesMax else { continue }
                try await emit(batch)
                batch = []
                batchSamples = 0
            }
        }
        if !batch.isEmpty { try await emit(batch) }
        return summary
    }

    static func check(_ found: Int, _ limit: String, _ maximum: Int) throws(EngineError) {
        guard found > maximum else { return }
        throw EngineError(.limitExceeded, "\(EngineLimitError(name: limit, maximum: maximum, found: found))")
    }

    /// What of a selection is not shown, by what is known here now and by what else is named.
    func mask(of selection: SeriesSelection, and others: [Deletion]) -> SelectionMask {
        let known = configuration.deletions(selection.tenant)
        // Most often both know the same.
        if others.isEmpty || others == known { return SelectionMask(selection, known) }
        let all = Set(known)
        return SelectionMask(selection, known + others.filter { !all.contains($0) })
    }

    /// What selections read, and what the node is to the slots, in one turn of the engine's thread.
    func moment(
        _ selections: [SeriesSelection], of scope: SlotScope, seriesMax: Int
    ) async throws -> StoreMoment {
        try await onThread { thread throws(EngineError) in
            let (slots, standing) = thread.standing(in: scope)
            var snapshots: [StoreSnapshot] = []
            for selection in selections {
                let head = try Self.limited { () throws(EngineLimitError) in
                    try thread.engine.select(selection, seriesMax: seriesMax)
                }
                let blocks = thread.blocks.filter { $0.maxTime >= selection.start && $0.minTime <= selection.end }
                snapshots.append(StoreSnapshot(head: head, blocks: blocks))
            }
            return StoreMoment(snapshots: snapshots, slots: slots, standing: standing)
        }
    }

    /// What an answer must say of the store now.
    ///
    /// - Throws: `EngineError.closed`.
    package func standing() async throws -> StoreStanding {
        try await onThread { $0.standing(in: .all).standing }
    }

    /// The engine's answer, or its limit as the host's error.
    static func limited<T>(_ answer: () throws(EngineLimitError) -> T) throws(EngineError) -> T {
        do throws(EngineLimitError) { return try answer() } catch {
            throw EngineError(.limitExceeded, "\(error)")
        }
    }
}

/// Where one series' samples lie.
struct SeriesParts {
    var labels: Labels
    /// Which placement label placed it.
    var labelIndex: UInt8
    /// Index in the head's selection.
    var head: Int?
    /// In order of sealing.
    var blocks: [(block: LoadedSlotBlock, series: Int)] = []
}

/// Puts a selection together slot by slot: all of a series lies in one slot, so memory holds one slot's blocks at a time.
struct SelectionReader {
    private let selection: SeriesSelection
    private let snapshot: StoreSnapshot
    private let cache: BlockCache
    private var slots: ArraySlice<UInt16>
    private var headBySlot: [UInt16: [Int]] = [:]
    private var blocksBySlot: [UInt16: [(BlockFile, BlockDirectoryEntry)]] = [:]

    /// Of the slots only those of `slots` are read; nil for all.
    init(selection: SeriesSelection, snapshot: StoreSnapshot, slots: SlotSet?, cache: BlockCache, slotBits: Int) {
        self.selection = selection
        self.snapshot = snapshot
        self.cache = cache
        for (index, series) in snapshot.head.series.enumerated() {
            headBySlot[series.placement.slot(bits: slotBits), default: []].append(index)
        }
        for file in snapshot.blocks {
            for entry in file.directory.entries
            where entry.maxTime >= selection.start && entry.minTime <= selection.end {
                blocksBySlot[entry.slot, default: []].append((file, entry))
            }
        }
        let found = Set(headBySlot.keys).union(blocksBySlot.keys).sorted()
        self.slots = found.filter { slots?.contains($0) ?? true }[...]
    }

    mutating func nextSlot() -> UInt16? { slots.popFirst() }

    /// The series of one slot, sorted by labels.
    func series(of slot: UInt16) throws(EngineError) -> [SeriesParts] {
        var parts: [Labels: SeriesParts] = [:]
        for (file, entry) in blocksBySlot[slot] ?? [] {
            let block = try cache.load(file, entry)
            for series in block.index.matching(selection) {
                let labels = block.index.labels(of: series)
                let labelIndex = block.index.placement(of: series).labelIndex
                parts[labels, default: SeriesParts(labels: labels, labelIndex: labelIndex)].blocks
                    .append((block, series))
            }
        }
        for index in headBySlot[slot] ?? [] {
            let series = snapshot.head.series[index]
            let labels = snapshot.head.labels(of: series)
            let fresh = SeriesParts(labels: labels, labelIndex: series.placement.labelIndex)
            parts[labels, default: fresh].head = index
        }
        return parts.values.sorted { $0.labels.bytes.lexicographicallyPrecedes($1.labels.bytes) }
    }

    /// One series' samples, merged.
    func columns(of parts: SeriesParts) throws(EngineError) -> SeriesColumns {
        var run = SampleRun()
        do throws(BlockError) {
            for (block, series) in parts.blocks {
                try block.merge(series: series, into: &run, start: selection.start, end: selection.end)
            }
            if let head = parts.head {
                try snapshot.head.merge(at: head, into: &run, start: selection.start, end: selection.end)
            }
        } catch {
            throw EngineError(.blockUnreadable, "series \(parts.labels): \(error)")
        }
        return run.columns(parts.labels)
    }
}
