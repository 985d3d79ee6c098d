import IngestFormats
import MetricModel
import SlotMovement
import WireProtocol

/// Puts the rows of one request together.
struct BatchBuilder {
    private(set) var rows = SampleColumns()
    private(set) var rowSamples: [UInt32] = []
    private(set) var definitions: [SeriesDefinition] = []
    private(set) var definitionSeries: [UInt32] = []
    /// For a definition of the plan, its index in the batch plus one.
    private var localDefinitions: [UInt32] = []

    /// Adds one row; `number` is as in `RoutingPlan.numbers`.
    mutating func add(sample: UInt32, number: UInt32, timestamp: Int64, value: Double, plan: RoutingPlan) {
        rows.append(series: local(number, plan), timestamp: timestamp, value: value)
        rowSamples.append(sample)
    }

    /// Makes rows of samples that are histograms, those that they are.
    mutating func addHistograms(of samples: SampleColumns) {
        if samples.histograms.isEmpty { return }
        rows.histograms = samples.histograms.part(rows: rowSamples.map { Int($0) })
    }

    private mutating func local(_ number: UInt32, _ plan: RoutingPlan) -> UInt32 {
        guard number & SeriesReference.definitionBit != 0 else { return number }
        let index = Int(number & ~SeriesReference.definitionBit)
        if localDefinitions.count < plan.definitions.count {
            localDefinitions.append(
                contentsOf: repeatElement(0, count: plan.definitions.count - localDefinitions.count))
        }
        if localDefinitions[index] == 0 {
            definitions.append(plan.definitions[index])
            definitionSeries.append(plan.definitionSeries[index])
            localDefinitions[index] = UInt32(definitions.count)
        }
        return (localDefinitions[index] - 1) | SeriesReference.definitionBit
    }
}

extension WriteRouter {
    /// The batch that a request of one of the push's attempts asks for.
    mutating func makeBatch(_ addressed: AddressedStore, piece: Int, of write: inout WriteInProgress) -> RoutedBatch {
        let (node, request) = (addressed.node, addressed.request)
        if request.isRepeated { return routed(addressed, piece, WriteBatch(), .list([])) }
        switch write.pieces[piece].content {
        case .everything:
            let isWhole = request.slots.count == write.pieces[piece].attempt.slots.count
            let isOnlyOwner = write.plan.owners.isOne && write.plan.owners.nodes[0] == node
            if isWhole, isOnlyOwner, !write.plan.shares[0].isStale {
                return wholeBatch(addressed, piece, of: write)
            }
            let order = orderedSamples(of: &write)
            return batch(addressed, piece, of: &write) { slot in order.samples[order.range(of: slot)] }
        case .ordered(let range):
            let order = orderedSamples(of: &write)
            return batch(addressed, piece, of: &write) { slot in order.samples[order.range(of: slot).clamped(to: range)]
            }
        case .again(let samples):
            let (slots, series) = (write.plan.slots, write.source.samples.series)
            let bySlot = Dictionary(grouping: samples) { Int(slots[Int(series[Int($0)])]) }
            return batch(addressed, piece, of: &write) { slot in (bySlot[slot] ?? [])[...] }
        case .metadata(let range):
            return metadataBatch(addressed, piece, range, of: write)
        }
    }

    /// The samples by slots, ordered at the first need.
    func orderedSamples(of write: inout WriteInProgress) -> SlotOrder {
        if let order = write.order { return order }
        let order = SlotOrder(write.plan, series: write.source.samples.series)
        write.order = order
        return order
    }

    private func routed(
        _ addressed: AddressedStore, _ piece: Int, _ batch: WriteBatch, _ rowSamples: RowSamples,
        definitionSeries: [UInt32] = [], metadataKeys: [UInt64] = [], epoch: UInt32 = 0
    ) -> RoutedBatch {
        RoutedBatch(
            node: addressed.node, request: addressed.request, batch: batch, piece: piece,
            definitionSeries: definitionSeries, rowSamples: rowSamples, metadataKeys: metadataKeys, epoch: epoch)
    }

    /// The common case: everything in one batch, the columns of pass 1 handed on as they are.
    private func wholeBatch(_ addressed: AddressedStore, _ piece: Int, of write: borrowing WriteInProgress)
        -> RoutedBatch
    {
        var rows = write.source.samples
        let numbers = write.plan.numbers[0]
        for row in rows.series.indices { rows.series[row] = numbers[Int(rows.series[row])] }
        let share = write.plan.shares[0]
        return routed(
            addressed, piece,
            WriteBatch(definitions: write.plan.definitions, rows: rows, generation: share.generation), .all,
            definitionSeries: write.plan.definitionSeries, epoch: share.epoch)
    }

    /// The rows of the request's slots, each slot's as `samples` gives them.
    private mutating func batch(
        _ addressed: AddressedStore, _ piece: Int, of write: inout WriteInProgress,
        samples: (Int) -> ArraySlice<UInt32>
    ) -> RoutedBatch {
        let share = share(of: addressed.node, in: write.plan)
        let place = write.plan.owners.place(of: addressed.node)
        var builder = BatchBuilder()
        let columns = write.source.samples
        for slot in addressed.request.slots {
            let rank = place.flatMap { write.plan.owners.rank(of: $0, in: UInt16(slot)) }
            for sample in samples(slot) {
                let series = Int(columns.series[Int(sample)])
                let number =
                    if let rank, !share.isStale {
                        write.plan.numbers[rank][series]
                    } else {
                        self.number(of: series, at: share, in: &write)
                    }
                if number == RoutingPlan.refused { continue }
                builder.add(
                    sample: sample, number: number, timestamp: columns.timestamps[Int(sample)],
                    value: columns.values[Int(sample)], plan: write.plan)
            }
        }
        builder.addHistograms(of: columns)
        return routed(
            addressed, piece,
            WriteBatch(definitions: builder.definitions, rows: builder.rows, generation: share.generation),
            .list(builder.rowSamples), definitionSeries: builder.definitionSeries, epoch: share.epoch)
    }

    /// What is known of an aggregator: for an owner as it was when the push was resolved.
    func share(of node: NodeID, in plan: RoutingPlan) -> RoutingPlan.Share {
        if let place = plan.owners.place(of: node) { return plan.shares[place] }
        return aggregators[node].map { RoutingPlan.Share(epoch: $0.epoch, generation: $0.generation) }
            ?? RoutingPlan.Share()
    }

    /// The number of a series at an aggregator that does not own its slot, or has begun a new generation.
    private mutating func number(
        of series: Int, at share: RoutingPlan.Share, in write: inout WriteInProgress
    ) -> UInt32 {
        if !share.isStale, let column = spareColumn,
            let place = cache.find(write.source.series[series].hash, tenant: write.tenantNumber)
        {
            let known = cache.copy(place, column: column)
            if known.epoch == share.epoch, known.epoch != 0 { return known.reference }
        }
        return number(ofDefined: series, in: write.source, tenant: write.tenant, &write.plan)
    }

    private func metadataBatch(
        _ addressed: AddressedStore, _ piece: Int, _ range: Range<Int>, of write: borrowing WriteInProgress
    ) -> RoutedBatch {
        let share = share(of: addressed.node, in: write.plan)
        var metadata: [WriteBatch.TenantMetadata] = []
        var keys: [UInt64] = []
        let wanted = Set(addressed.request.slots)
        for entry in write.source.metadata[range] where wanted.contains(metadataSlot(entry, tenant: write.tenant)) {
            metadata.append(.init(tenant: write.tenant, metadata: entry))
            keys.append(metadataMemory.key(tenant: write.tenant, metadata: entry, epoch: share.epoch))
        }
        return routed(
            addressed, piece, WriteBatch(metadata: metadata, generation: share.generation), .list([]),
            metadataKeys: keys, epoch: share.epoch)
    }
}
