import IngestFormats
import MetricModel
import WireProtocol

/// Puts the rows of one aggregator's share together, beginning a new batch whenever a limit of the batch is reached.
struct BatchBuilder {
    private let share: RoutingPlan.Share
    private let attempt: Int
    private let limits: RouterLimits
    private(set) var batches: [RoutedBatch] = []
    private var rows = SampleColumns()
    private var rowSamples: [UInt32] = []
    private var definitions: [SeriesDefinition] = []
    private var definitionSeries: [UInt32] = []
    private var definitionBytes = 0
    /// For a definition of the share, its index in the batch being built.
    private var localDefinitions: [UInt32: UInt32] = [:]

    init(share: RoutingPlan.Share, attempt: Int, limits: RouterLimits) {
        self.share = share
        self.attempt = attempt
        self.limits = limits
    }

    /// Adds one row; `number` is as in `RoutingPlan.resolved`.
    mutating func add(sample: Int, number: UInt32, timestamp: Int64, value: Double) {
        if rows.count >= limits.batchRowsMax || definitionBytes >= limits.batchDefinitionBytesMax { flush() }
        rows.append(series: local(number), timestamp: timestamp, value: value)
        rowSamples.append(UInt32(sample))
    }

    private mutating func local(_ number: UInt32) -> UInt32 {
        guard number & SeriesReference.definitionBit != 0 else { return number }
        let index = number & ~SeriesReference.definitionBit
        if let local = localDefinitions[index] { return local | SeriesReference.definitionBit }
        let local = UInt32(definitions.count)
        let definition = share.definitions[Int(index)]
        definitions.append(definition)
        definitionSeries.append(share.definitionSeries[Int(index)])
        definitionBytes += definition.labels.bytes.count
        localDefinitions[index] = local
        return local | SeriesReference.definitionBit
    }

    /// Ends the batch being built; an empty one is not made.
    mutating func flush() {
        guard rows.count > 0 else { return }
        batches.append(
            RoutedBatch(
                aggregator: share.aggregator,
                batch: WriteBatch(definitions: definitions, rows: rows, generation: share.generation),
                definitionSeries: definitionSeries, rowSamples: .list(rowSamples), epoch: share.epoch, attempt: attempt)
        )
        rows = SampleColumns()
        rowSamples = []
        definitions = []
        definitionSeries = []
        definitionBytes = 0
        localDefinitions = [:]
    }

    /// Adds batches that hold nothing but the share's metadata, each within `batch_metadata_bytes_max`.
    mutating func addMetadata() {
        var start = 0
        var bytes = 0
        for (index, entry) in share.metadata.enumerated() {
            bytes +=
                entry.metadata.metric.utf8.count + entry.metadata.help.utf8.count + entry.metadata.unit.utf8.count + 16
            guard bytes >= limits.batchMetadataBytesMax || index == share.metadata.count - 1 else { continue }
            batches.append(
                RoutedBatch(
                    aggregator: share.aggregator,
                    batch: WriteBatch(metadata: Array(share.metadata[start...index]), generation: share.generation),
                    definitionSeries: [], rowSamples: .list([]), metadataKeys: Array(share.metadataKeys[start...index]),
                    epoch: share.epoch, attempt: attempt))
            start = index + 1
            bytes = 0
        }
    }
}

extension WriteRouter {
    /// Cuts a resolved push into batches and counts the samples of refused series.
    func makeBatches(of write: inout WriteInProgress, plan: RoutingPlan) -> [RoutedBatch] {
        if plan.isWhole, let share = plan.shares.first, let whole = wholeBatch(of: write, plan: plan, share: share) {
            return whole
        }
        var builders = plan.shares.map { BatchBuilder(share: $0, attempt: 0, limits: routerLimits) }
        var refused: [UInt32: Int] = [:]
        let samples = write.source.samples
        for sample in 0..<samples.count {
            let series = samples.series[sample]
            let owner = plan.owners.isEmpty ? 0 : plan.owners[Int(series)]
            if owner == RoutingPlan.refused {
                refused[series, default: 0] += 1
            } else {
                builders[Int(owner)].add(
                    sample: sample, number: plan.resolved[Int(series)], timestamp: samples.timestamps[sample],
                    value: samples.values[sample])
            }
        }
        for (series, count) in refused.sorted(by: { $0.key < $1.key }) {
            write.reject(series: Int(series), samples: count, reason: plan.refusals[series] ?? "")
        }
        for place in builders.indices {
            builders[place].flush()
            builders[place].addMetadata()
        }
        return builders.flatMap(\.batches)
    }

    /// The common case: everything in one batch, the columns of pass 1 handed on as they are. Nil when a limit stands against it.
    private func wholeBatch(
        of write: borrowing WriteInProgress, plan: RoutingPlan, share: RoutingPlan.Share
    ) -> [RoutedBatch]? {
        guard write.source.samples.count > 0, write.source.samples.count <= routerLimits.batchRowsMax,
            share.definitionBytes <= routerLimits.batchDefinitionBytesMax
        else { return nil }
        var rows = write.source.samples
        for row in rows.series.indices { rows.series[row] = plan.resolved[Int(rows.series[row])] }
        let batch = RoutedBatch(
            aggregator: share.aggregator,
            batch: WriteBatch(definitions: share.definitions, rows: rows, generation: share.generation),
            definitionSeries: share.definitionSeries, rowSamples: .all, epoch: share.epoch, attempt: 0)
        guard !share.metadata.isEmpty else { return [batch] }
        var rest = BatchBuilder(share: share, attempt: 0, limits: routerLimits)
        rest.addMetadata()
        return [batch] + rest.batches
    }
}
