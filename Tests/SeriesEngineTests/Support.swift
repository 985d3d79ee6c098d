import ByteCoding
import MetricModel
import SeriesEngine

/// A series as tests name it.
func definition(_ labels: [String: String], tenant: String = "default") throws -> SeriesDefinition {
    let set = try Labels(labels.map { Label($0.key, $0.value) })
    let server = labels["instance"]
    let tenant = try TenantID(validating: tenant)
    let placed = XXH3.hash64(Array("\(tenant.name)/\(server ?? set.description)".utf8).rawSpan)
    return SeriesDefinition(
        tenant: tenant, labels: set,
        placement: PlacementKey(
            hash: UInt32(truncatingIfNeeded: placed), labelIndex: server == nil ? PlacementKey.wholeLabelSet : 1))
}

/// A batch that defines its series itself: one sample a definition.
func batch(_ samples: [(SeriesDefinition, Int64, Double)], metadata: [TenantMetadata] = []) -> AppendInput {
    var rows = SampleColumns()
    for (index, sample) in samples.enumerated() {
        rows.append(
            series: UInt32(index) | SeriesReference.definitionBit, timestamp: sample.1, value: sample.2)
    }
    return AppendInput(definitions: samples.map(\.0), rows: rows, metadata: metadata)
}

/// The last bits of a log: header of a segment.
func segment(_ number: UInt32, version: UInt8 = WALSegmentHeader.version) -> [UInt8] {
    var bytes: [UInt8] = []
    WALSegmentHeader(number: number, generation: 7, createdAt: 1_700_000_000_000, version: version).encode(into: &bytes)
    return bytes
}

/// An engine with its log and blocks in memory: what a host does, without files and threads.
struct MemoryStore: ~Copyable {
    var engine: Engine
    var segments: [UInt32: [UInt8]] = [:]
    var current: UInt32 = 1
    var blocks: [[UInt8]] = []
    var catalog = Catalog()
    let configuration: EngineConfiguration
    private let logVersion: UInt8?

    init(_ configuration: EngineConfiguration = EngineConfiguration(generation: 7), logVersion: UInt8? = nil) {
        self.configuration = configuration
        self.logVersion = logVersion
        engine = Engine(configuration: configuration)
        engine.beginSegment(1)
        segments[1] = segment(1, version: version)
    }

    /// A store whose default slot bits are not its own is one of a cluster.
    private var version: UInt8 {
        logVersion ?? (configuration.slotBits == 14 ? WALSegmentHeader.version : WALSegmentHeader.clusterVersion)
    }

    /// Takes samples of another replica.
    mutating func take(_ bundle: SampleBundle, number: UInt64) {
        let prepared = engine.prepare(
            bundle, bundle.encoded, as: BatchMark(number: number, slots: [0]),
            into: &segments[current, default: []])
        engine.apply(prepared)
    }

    /// Drops slots in log and head.
    mutating func drop(_ slots: [Int], throughBlock: UInt32) {
        Engine.note(DroppedSlots(slots: slots, throughBlock: throughBlock), into: &segments[current, default: []])
        engine.dropSlots(slots.map { UInt16($0) })
    }

    mutating func append(_ input: AppendInput, now: Int64) -> AppendOutcome {
        let prepared = engine.prepare(input, now: now, into: &segments[current, default: []])
        engine.apply(prepared)
        return prepared.outcome
    }

    mutating func rotate() {
        current += 1
        segments[current] = segment(current, version: version)
        engine.beginSegment(current)
    }

    /// Seals; `between` runs while the head is frozen.
    mutating func seal(now: Int64, between: (inout MemoryStore) throws -> Void = { _ in }) throws {
        rotate()
        let covered = current
        let head = engine.beginSeal()
        try between(&self)
        for (slot, rows) in head.rowsBySlot() { blocks.append(try head.encodeSlot(slot, rows: rows).bytes) }
        catalog = engine.catalog
        engine.finishSeal(now: now)
        for number in segments.keys where number < covered { segments[number] = nil }
    }

    /// Forgets the engine and builds it anew from log and catalog.
    mutating func restart(generation: UInt64, wanting wanted: Set<UInt64> = []) throws -> [WALReplay] {
        var next = EngineConfiguration(generation: generation)
        next.adopt(configuration)
        engine = Engine(configuration: next)
        engine.restore(catalog)
        var replays: [WALReplay] = []
        for number in segments.keys.sorted() {
            let bytes = segments[number] ?? []
            replays.append(try engine.replay(segment: bytes.rawSpan, wanting: wanted))
        }
        rotate()
        return replays
    }

    /// What a query sees: blocks, frozen head and head, merged.
    func select(_ selection: SeriesSelection) throws -> [Labels: SeriesColumns] {
        var runs: [Labels: SampleRun] = [:]
        for bytes in blocks {
            let index = try SlotIndex(decoding: bytes.rawSpan)
            let data = bytes.rawSpan.extracting(index.header.dataOffset..<bytes.count)
            for series in index.matching(selection) {
                try index.merge(
                    series: series, data: data, into: &runs[index.labels(of: series), default: SampleRun()],
                    start: selection.start, end: selection.end)
            }
        }
        let head = try engine.select(selection, seriesMax: .max)
        for (index, series) in head.series.enumerated() {
            try head.merge(
                at: index, into: &runs[head.labels(of: series), default: SampleRun()], start: selection.start,
                end: selection.end)
        }
        var result: [Labels: SeriesColumns] = [:]
        for (labels, var run) in runs where !run.isEmpty { result[labels] = run.columns(labels) }
        return result
    }
}
