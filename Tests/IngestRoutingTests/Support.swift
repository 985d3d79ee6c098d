import IngestFormats
import IngestRouting
import MetricModel
import Placement
import SlotMovement
import WireProtocol

/// An aggregator as the router sees it: gives references, knows them for one generation, keeps every sample.
struct FakeAggregator {
    private(set) var generation: UInt64
    private var definitions: [SeriesDefinition] = []
    private var numbers: [SeriesDefinition: UInt32] = [:]
    /// Each sample that was stored, by its series.
    private(set) var stored: [SeriesDefinition: [Int64: Double]] = [:]
    private(set) var metadata: [WriteBatch.TenantMetadata] = []
    /// Timestamps that are refused.
    var tooOldBefore = Int64.min

    init(generation: UInt64) {
        self.generation = generation
    }

    /// A restart: references are forgotten, samples are not.
    mutating func restart() {
        generation += 1
        definitions = []
        numbers = [:]
    }

    mutating func write(_ batch: WriteBatch) -> WriteAcknowledgement {
        var answer = WriteAcknowledgement(generation: generation)
        answer.references = batch.definitions.map { definition in
            if let known = numbers[definition] { return known }
            let number = UInt32(definitions.count)
            definitions.append(definition)
            numbers[definition] = number
            return number
        }
        metadata += batch.metadata
        for row in 0..<batch.rows.count {
            let number = batch.rows.series[row]
            let definition: SeriesDefinition
            if number & SeriesReference.definitionBit != 0 {
                definition = batch.definitions[Int(number & ~SeriesReference.definitionBit)]
            } else if batch.generation == generation, Int(number) < definitions.count {
                definition = definitions[Int(number)]
            } else {
                answer.unknownReferences.append(UInt32(row))
                continue
            }
            if batch.rows.timestamps[row] < tooOldBefore {
                answer.rejections.append(SampleRejection(row: row, reason: .tooOld))
                continue
            }
            stored[definition, default: [:]][batch.rows.timestamps[row]] = batch.rows.values[row]
        }
        return answer
    }

    /// What is stored of one tenant, by labels.
    func samples(of tenant: TenantID) -> [Labels: [Int64: Double]] {
        var result: [Labels: [Int64: Double]] = [:]
        for (definition, samples) in stored where definition.tenant == tenant {
            result[definition.labels, default: [:]].merge(samples) { _, new in new }
        }
        return result
    }
}

/// Owners of each slot at one rank; nobody stands in.
func owners(table: [UInt16]) -> SlotOwners {
    SlotOwners(
        MovementView(
            members: Set(table).sorted().map { NodeID(UInt32($0)) }, orders: table.map { [NodeID(UInt32($0))] },
            replicationFactor: 1, assuredFactor: 1))
}

/// The only aggregator.
let one = SlotOwners(all: NodeID(0))

/// An answer of an aggregator that logs everything and knows of nobody who must have it as well.
func logged(_ batch: RoutedBatch) -> StoreReply {
    let group = StoreReply.Group(
        slots: batch.request.slots, attempt: 1, role: .holder, outcome: .logged(skipping: []), peers: [],
        copiesWanted: 1)
    return StoreReply(batch: batch.request.batch, node: batch.node, boot: 1, groups: [group])
}

extension WriteRouter {
    /// As `route`, at time 0.
    mutating func route(_ parsed: ParsedWrite, owners: SlotOwners = one) throws -> WriteInProgress {
        try route(
            parsed, tenant: .default, arrival: Timestamp(milliseconds: 0), owners: owners, clock: Clock(now: 0))
    }
}

/// Sends a push to its end, as the router role does.
func push(
    _ parsed: ParsedWrite, tenant: TenantID = .default, arrival: Int64 = 1_000, key: String? = nil,
    owners: SlotOwners = one, router: inout WriteRouter, aggregators: inout [FakeAggregator]
) throws -> WriteReport {
    let clock = WriteRouter.Clock(now: 0)
    var write = try router.route(
        parsed, tenant: tenant, arrival: Timestamp(milliseconds: arrival), idempotencyKey: key, owners: owners,
        clock: clock)
    while write.state == .underWay {
        for batch in write.takeBatches() {
            let answer = aggregators[Int(batch.node.number)].write(batch.batch)
            try router.acknowledge(batch, answer, logged(batch), of: &write, clock: clock)
        }
    }
    return router.finish(write)
}

/// A push of one sample for each series, as remote write would parse it.
func parsed(
    _ series: [[(String, String)]], timestamp: Int64 = 1_000, value: Double = 1, tenant: TenantID = .default
) throws -> ParsedWrite {
    var lines: [UInt8] = []
    for labels in series {
        var run: [UInt8] = []
        for (name, value) in labels { LabelRun.append(name: Array(name.utf8), value: Array(value.utf8), to: &run) }
        var encoder = RemoteWriteEncoder()
        encoder.append(labelRun: run, timestamp: timestamp, value: value)
        lines += encoder.request
    }
    return try RemoteWriteFormat().parse(
        decompressed: lines, seed: RunSeed.of(tenant, process: 99), limits: Limits())
}
