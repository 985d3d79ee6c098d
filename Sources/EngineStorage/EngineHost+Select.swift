package import MetricModel
internal import SeriesEngine

/// What a selection read.
package struct SelectSummary: Equatable, Sendable {
    package var seriesCount = 0
    package var sampleCount = 0
    /// The slots that this node could answer for alone at that moment; nil for all.
    package var answered: SlotSet?

    /// Nothing.
    package init() {}
}

/// The head's answer and the blocks as they were at one moment: nothing is in both or in neither.
struct StoreSnapshot: Sendable {
    let head: HeadSelection
    /// By ascending number.
    let blocks: [BlockFile]
    /// The slots that this node could answer for alone at that moment; nil for all.
    let answered: SlotSet?
}

extension EngineHost {
    /// Reads the series that a selection names, merged from blocks and head, slot by slot; within a slot by labels.
    ///
    /// The engine's thread only hands out references; decoding, reading and merging happen on the caller's.
    /// - Parameters:
    ///   - selection: tenant, matchers and time range.
    ///   - seriesMax: series that may be read.
    ///   - samplesMax: samples that may be read.
    ///   - emit: gets batches of some 65,536 samples; a series is never split.
    /// - Returns: how much was emitted.
    /// - Throws: `EngineError.limitExceeded` naming the limit, `.blockUnreadable`, or what `emit` throws.
    @concurrent
    package func select(
        _ selection: SeriesSelection, seriesMax: Int, samplesMax: Int,
        emit: @Sendable ([SeriesColumns]) async throws -> Void
    ) async throws -> SelectSummary {
        let snapshot = try await snapshot(selection, slots: nil, seriesMax: seriesMax)
        var reader = SelectionReader(
            selection: selection, snapshot: snapshot, cache: cache,
            slotBits: configuration.engine.slotBits)
        var summary = SelectSummary()
        summary.answered = snapshot.answered
        var batch: [SeriesColumns] = []
        var batchSamples = 0
        while let slot = reader.nextSlot() {
            try Task.checkCancellation()
            let found = try reader.series(of: slot)
            for parts in found {
                let columns = try reader.columns(of: parts)
                guard !columns.timestamps.isEmpty else { continue }
                summary.seriesCount += 1
                summary.sampleCount += columns.timestamps.count
                try Self.check(summary.seriesCount, "query_series_max", seriesMax)
                try Self.check(summary.sampleCount, "query_samples_max", samplesMax)
                batchSamples += columns.timestamps.count
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

    /// What a selection reads, and for which of `slots` (nil: of all) that is all there is.
    func snapshot(_ selection: SeriesSelection, slots: SlotSet?, seriesMax: Int) async throws -> StoreSnapshot {
        try await onThread { thread throws(EngineError) in
            StoreSnapshot(
                head: try Self.limited { () throws(EngineLimitError) in
                    try thread.engine.select(selection, seriesMax: seriesMax)
                },
                blocks: thread.blocks.filter { $0.maxTime >= selection.start && $0.minTime <= selection.end },
                answered: thread.wholeSlots(of: slots))
        }
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
    var head: HeadSeries?
    /// In order of sealing.
    var blocks: [(block: LoadedSlotBlock, series: Int)] = []
}

/// Puts a selection together slot by slot: all of a series lies in one slot, so memory holds one slot's blocks at a time.
struct SelectionReader {
    private let selection: SeriesSelection
    private let snapshot: StoreSnapshot
    private let cache: BlockCache
    private var slots: ArraySlice<UInt16>
    private var headBySlot: [UInt16: [HeadSeries]] = [:]
    private var blocksBySlot: [UInt16: [(BlockFile, BlockDirectoryEntry)]] = [:]

    init(selection: SeriesSelection, snapshot: StoreSnapshot, cache: BlockCache, slotBits: Int) {
        self.selection = selection
        self.snapshot = snapshot
        self.cache = cache
        for series in snapshot.head.series {
            headBySlot[series.placement.slot(bits: slotBits), default: []].append(series)
        }
        for file in snapshot.blocks {
            for entry in file.directory.entries
            where entry.maxTime >= selection.start && entry.minTime <= selection.end {
                blocksBySlot[entry.slot, default: []].append((file, entry))
            }
        }
        slots = Set(headBySlot.keys).union(blocksBySlot.keys).sorted()[...]
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
        for series in headBySlot[slot] ?? [] {
            let fresh = SeriesParts(labels: series.labels, labelIndex: series.placement.labelIndex)
            parts[series.labels, default: fresh].head = series
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
                try snapshot.head.merge(head, into: &run, start: selection.start, end: selection.end)
            }
        } catch {
            throw EngineError(.blockUnreadable, "series \(parts.labels): \(error)")
        }
        return SeriesColumns(labels: parts.labels, timestamps: run.timestamps, values: run.values)
    }
}
