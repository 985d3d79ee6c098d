import IngestFormats
import MetricModel
import Placement
import SlotMovement
import WireProtocol

// A push is cut into pieces, each a batch with a number of its own: what an aggregator has logged of a piece in a slot is all of it.

extension WriteRouter {
    /// Counts the samples of series that are none.
    func rejectRefusedSeries(of write: inout WriteInProgress) {
        if write.plan.refusals.isEmpty { return }
        var refused: [UInt32: Int] = [:]
        for series in write.source.samples.series where write.plan.isRefused(Int(series)) {
            refused[series, default: 0] += 1
        }
        for (series, count) in refused.sorted(by: { $0.key < $1.key }) {
            let reason = write.plan.refusals[write.source.series[Int(series)].hash] ?? ""
            write.reject(series: Int(series), samples: count, reason: reason)
            write.samplesWithoutSeries += count
        }
    }

    /// Cuts a resolved push into pieces and begins to write each.
    mutating func beginPieces(of write: inout WriteInProgress, clock: Clock) {
        let count = write.source.samples.count
        let isSmall =
            count <= routerLimits.batchRowsMax
            && runBytes(of: write.source) + write.source.samples.histograms.memorySize
                <= routerLimits.batchDefinitionBytesMax
        if count > write.samplesWithoutSeries {
            if isSmall, write.plan.refusals.isEmpty {
                begin(.everything, slots: write.plan.allSlots, of: &write, clock: clock)
            } else {
                for range in cut(&write) {
                    begin(.ordered(range), slots: slots(of: range, in: &write), of: &write, clock: clock)
                }
            }
        }
        for range in metadataPieces(of: write) {
            let slots = Set(write.source.metadata[range].map { metadataSlot($0, tenant: write.tenant) }).sorted()
            begin(.metadata(range), slots: slots, of: &write, clock: clock)
        }
    }

    /// Begins a piece: its first requests are made.
    mutating func begin(
        _ content: WritePiece.Content, slots: [Int], tries: Int = 0, of write: inout WriteInProgress, clock: Clock
    ) {
        let attempt = WriteAttempt(
            slots: slots, batch: nextBatch, view: write.plan.owners.view, limits: movementLimits, now: clock.time)
        nextBatch &+= 1
        write.pieces.append(WritePiece(content: content, attempt: attempt, tries: tries))
        var requests: [AddressedStore] = []
        write.pieces[write.pieces.count - 1].attempt.advance(
            now: clock.time, isSuspect: clock.suspects.contains, into: &requests)
        send(requests, piece: write.pieces.count - 1, of: &write)
    }

    /// Makes the batches of requests, for the shell to send.
    mutating func send(_ requests: [AddressedStore], piece: Int, of write: inout WriteInProgress) {
        write.pieces[piece].unanswered += requests.count
        for request in requests { write.outbox.append(makeBatch(request, piece: piece, of: &write)) }
    }

    /// Label bytes of all series, defined or not: no aggregator's batch can have more.
    private func runBytes(of source: borrowing ParsedWrite) -> Int {
        if source.bytes.count <= routerLimits.batchDefinitionBytesMax { return source.bytes.count }
        return source.series.reduce(0) { $0 + Int($1.length) }
    }

    /// Ranges of the ordered samples that each stay within a batch's limits.
    private func cut(_ write: inout WriteInProgress) -> [Range<Int>] {
        let order = orderedSamples(of: &write)
        let histograms = write.source.samples.histograms
        var ranges: [Range<Int>] = []
        var start = 0
        var bytes = 0
        var last: UInt32?
        for (position, sample) in order.samples.enumerated() {
            let series = write.source.samples.series[Int(sample)]
            if position - start >= routerLimits.batchRowsMax || bytes >= routerLimits.batchDefinitionBytesMax {
                ranges.append(start..<position)
                start = position
                bytes = 0
                last = nil
            }
            if series != last { bytes += Int(write.source.series[Int(series)].length) }
            last = series
            if !histograms.isEmpty { bytes += histograms[Int(sample)]?.memorySize ?? 0 }
        }
        if start < order.samples.count { ranges.append(start..<order.samples.count) }
        return ranges
    }

    private func slots(of range: Range<Int>, in write: inout WriteInProgress) -> [Int] {
        let order = orderedSamples(of: &write)
        var slots: [Int] = []
        for sample in order.samples[range] {
            let slot = Int(write.plan.slots[Int(write.source.samples.series[Int(sample)])])
            if slot != slots.last { slots.append(slot) }
        }
        return slots
    }

    /// Ranges of the metadata that each stay within a batch's limit; none when all owners have everything.
    private func metadataPieces(of write: borrowing WriteInProgress) -> [Range<Int>] {
        let plan = write.plan
        let tenant = write.tenant
        let isNews = write.source.metadata.contains { entry in
            let slot = metadataSlot(entry, tenant: tenant)
            return (0..<plan.owners.copies).contains { rank in
                let share = plan.shares[plan.owners.owner(of: UInt16(slot), rank: rank)]
                return !metadataMemory.contains(
                    metadataMemory.key(tenant: tenant, metadata: entry, epoch: share.epoch))
            }
        }
        guard isNews else { return [] }
        var ranges: [Range<Int>] = []
        var start = 0
        var bytes = 0
        for (index, entry) in write.source.metadata.enumerated() {
            bytes += entry.metric.utf8.count + entry.help.utf8.count + entry.unit.utf8.count + 16
            guard bytes >= routerLimits.batchMetadataBytesMax || index == write.source.metadata.count - 1 else {
                continue
            }
            ranges.append(start..<index + 1)
            start = index + 1
            bytes = 0
        }
        return ranges
    }

    /// Metadata goes where a series of the metric's bare name would.
    func metadataSlot(_ metadata: MetricMetadata, tenant: TenantID) -> Int {
        let name = Labels(sortedUnique: [Label(Labels.metricName, metadata.metric)])
        return Int(placement.placement(of: name, tenant: tenant).slot(bits: slotBits))
    }
}
