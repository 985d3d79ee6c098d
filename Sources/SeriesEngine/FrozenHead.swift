internal import ChunkCoding
internal import MetricModel

/// Everything that was in the head when a seal began: immutable, readable from any thread.
///
/// It shares the engine's segments and pages; the engine goes on in its own copies.
package struct FrozenHead: Sendable {
    let states: SegmentedArray<SeriesState>
    let identities: SegmentedArray<SeriesIdentity>
    let chunks: SegmentedArray<[HeadChunk]>
    let pages: OpenPages
    let late: [UInt32: LateSamples]
    /// Native histograms by row.
    let histograms: [UInt32: HeadHistograms]
    let metadata: MetadataTable
    let servers: ServerTable
    let slotBits: Int
    /// Samples in it, histograms by their weight.
    package let sampleCount: Int

    /// The samples of a row of the series table; none where the row was not in use.
    func samples(row: Int) -> HeadSamples {
        var result = HeadSamples()
        guard row < states.count else { return result }
        let state = states[row]
        result.chunks = chunks[row]
        pages.copy(
            chain: state.page, count: Int(state.openCount), timestamps: &result.openTimestamps,
            values: &result.openValues)
        result.late = late[UInt32(row)] ?? LateSamples()
        if !histograms.isEmpty { result.histograms = histograms[UInt32(row)] }
        return result
    }

    /// Whether a row has samples within the range; of a chunk its first and last time are looked at.
    func overlaps(row: Int, _ start: Int64, _ end: Int64) -> Bool {
        guard row < states.count else { return false }
        let state = states[row]
        return pages.contains(chain: state.page, count: Int(state.openCount), start: start, end: end)
            || chunks[row].contains { $0.last >= start && $0.first <= end }
            || late[UInt32(row)]?.timestamps.contains { $0 >= start && $0 <= end } ?? false
            || histograms[UInt32(row)]?.overlaps(start, end) ?? false
    }

    /// The rows that hold samples, by slot; slots ascend.
    package func rowsBySlot() -> [(slot: UInt16, rows: [Int])] {
        var bySlot: [UInt16: [Int]] = [:]
        for row in 0..<states.count {
            guard
                states[row].openCount > 0 || !chunks[row].isEmpty || late[UInt32(row)] != nil
                    || histograms[UInt32(row)] != nil
            else { continue }
            bySlot[identities[row].placement.slot(bits: slotBits), default: []].append(row)
        }
        return bySlot.keys.sorted().map { ($0, bySlot[$0] ?? []) }
    }

    /// Encodes one slot's rows as a slot block, with the metadata and servers that belong to them.
    package func encodeSlot(_ slot: UInt16, rows: [Int]) throws(BlockError) -> EncodedSlotBlock {
        var encoder = ChunkEncoder()
        var writer = SlotBlockWriter(slot: slot, slotBits: UInt8(slotBits))
        var listedServers: Set<UInt32> = []
        var listedMetrics: Set<ExactString> = []
        let sorted = rows.sorted { SlotBlockWriter.precedes(identities[$0], identities[$1]) }
        for row in sorted {
            let identity = identities[row]
            let chunks = try blockChunks(samples(row: row), with: &encoder)
            writer.add(identity, chunks: chunks.numbers, histogramChunks: chunks.histograms)
            let server = states[row].server
            if listedServers.insert(server).inserted, let summary = servers.summary(row: Int(server)) {
                writer.add(summary, tenant: identity.tenant)
            }
            if let metric = identity.labels.metricName,
                listedMetrics.insert(ExactString(identity.tenant.name + "\u{0}" + metric)).inserted,
                let known = metadata.metadata(tenant: identity.tenant, metric: metric)
            {
                writer.add(TenantMetadata(tenant: identity.tenant, metadata: known))
            }
        }
        return writer.finish()
    }

    /// Chunks of each kind in time order without overlap: as they are where all are numbers and came in order, else encoded anew.
    private func blockChunks(
        _ samples: HeadSamples, with encoder: inout ChunkEncoder
    ) throws(BlockError) -> (numbers: [HeadChunk], histograms: [HeadChunk]) {
        if samples.isOrdered {
            if samples.openTimestamps.isEmpty { return (samples.chunks, []) }
            let open = HeadChunk(encoding: samples.openTimestamps, samples.openValues, with: &encoder)
            return (samples.chunks + [open], [])
        }
        var run = SampleRun()
        try samples.merge(into: &run, start: .min, end: .max)
        run.settle()
        var result: [HeadChunk] = []
        var from = 0
        while from < run.count {
            let to = min(from + EngineConfiguration.chunkSamplesMax, run.count)
            result.append(
                HeadChunk(encoding: Array(run.timestamps[from..<to]), Array(run.values[from..<to]), with: &encoder))
            from = to
        }
        return (result, HeadChunk.chunks(of: run.histograms))
    }
}
