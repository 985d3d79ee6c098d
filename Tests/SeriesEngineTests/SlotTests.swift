import ByteCoding
import MetricModel
import SeededRandom
import SeriesEngine
import Testing

@Suite("Whole slots in the engine")
struct SlotTests {
    private static let base: Int64 = 1_700_000_000_000
    private static let everything = SeriesSelection(tenant: .default, matchers: [], start: .min, end: .max)

    private static func universe() throws -> [SeriesDefinition] {
        try (0..<6).flatMap { server in
            try ["cpu", "memory"].map { try definition(["__name__": $0, "instance": "web-\(server)"]) }
        }
    }

    private static func configuration() -> EngineConfiguration {
        var configuration = EngineConfiguration(generation: 7)
        configuration.slotBits = 2
        return configuration
    }

    private static func slot(_ definition: SeriesDefinition) -> Int { Int(definition.placement.slot(bits: 2)) }

    /// A run of samples of random density and age; often one that was there before.
    private static func bundle(_ universe: [SeriesDefinition], _ random: inout SplitMix64) -> SampleBundle {
        var bundle = SampleBundle()
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let start = base - 60_000 * Int64.random(in: 0..<50_000, using: &random)
            let count = Int.random(in: 1...400, using: &random)
            let step = 1000 * Int64.random(in: 1...30, using: &random)
            bundle.series.append(
                SampleBundle.Series(
                    definition: universe[Int.random(in: 0..<universe.count, using: &random)],
                    timestamps: (0..<Int64(count)).map { start + step * $0 },
                    values: (0..<count).map { _ in Double(Int.random(in: 0..<100, using: &random)) }))
        }
        return bundle
    }

    @Test(
        "what other replicas have is taken whatever its age and order, each sample once",
        arguments: UInt64(1)...UInt64(10))
    func bundlesAreTaken(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let universe = try Self.universe()
        var store = MemoryStore(Self.configuration())
        var told: [Labels: [Int64: Double]] = [:]
        var last = SampleBundle()
        for step in 0..<40 {
            let bundle = step % 5 == 4 ? last : Self.bundle(universe, &random)
            last = bundle
            for series in bundle.series {
                for (time, value) in zip(series.timestamps, series.values) {
                    let known = told[series.definition.labels]?[time]
                    told[series.definition.labels, default: [:]][time] =
                        known.map { SampleResolution.winner($0, value) } ?? value
                }
            }
            store.take(bundle, number: UInt64(step))
            switch Int.random(in: 0..<8, using: &random) {
            case 0: try store.seal(now: Self.base)
            case 1: _ = try store.restart(generation: UInt64(100 + step))
            default: break
            }
        }
        let found = try store.select(Self.everything)
        #expect(found.count == told.count)
        for (labels, samples) in told {
            let sorted = samples.sorted { $0.key < $1.key }
            #expect(found[labels]?.timestamps == sorted.map(\.key))
            #expect(found[labels]?.values == sorted.map(\.value))
        }
    }

    @Test("a dropped slot is gone with its references; the other slots stay")
    func dropped() throws {
        let universe = try Self.universe()
        var store = MemoryStore(Self.configuration())
        let outcome = store.append(batch(universe.map { ($0, Self.base, 1) }), now: Self.base)
        let slot = Self.slot(universe[0])
        store.drop([slot], throughBlock: 0)
        let kept = universe.filter { Self.slot($0) != slot }
        #expect(try Set(store.select(Self.everything).keys) == Set(kept.map(\.labels)))
        #expect(store.engine.head(ofSlot: UInt16(slot)).series.isEmpty)
        #expect(store.engine.headSamples == kept.count)
        // The references that were given out are not known any more: the sender defines the series again.
        let rows = SampleColumns(
            series: outcome.references, timestamps: universe.map { _ in Self.base + 1000 },
            values: universe.map { _ in 2 })
        let again = store.append(AppendInput(rows: rows, generation: outcome.generation), now: Self.base)
        #expect(again.unknownReferences.count == universe.count - kept.count)
        _ = store.append(batch([(universe[0], Self.base + 2000, 3)]), now: Self.base)
        let found = try store.select(Self.everything)
        #expect(found[universe[0].labels]?.timestamps == [Self.base + 2000])
        #expect(found[kept[0].labels]?.timestamps == [Self.base, Self.base + 1000])
    }

    @Test("a slot dropped while a seal runs does not come back through it, though its series do", arguments: [1, 2])
    func droppedDuringSeal(seals: Int) throws {
        let universe = try Self.universe()
        var store = MemoryStore(Self.configuration())
        _ = store.append(batch(universe.map { ($0, Self.base, 1) }), now: Self.base)
        let slot = Self.slot(universe[0])
        try store.seal(now: Self.base) { store in
            store.drop([slot], throughBlock: 1)
            // New series take no row that the frozen head still reads.
            let more = try (0..<8).map { try definition(["__name__": "new", "instance": "db-\($0)"]) }
            _ = store.append(
                batch((more + [universe[0]]).map { ($0, Self.base + 1000, 2) }), now: Self.base)
            let found = try store.select(Self.everything)
            for series in more + [universe[0]] { #expect(found[series.labels]?.timestamps == [Self.base + 1000]) }
            #expect(found[universe[1].labels] == nil || Self.slot(universe[1]) != slot)
        }
        for _ in 1..<seals { try store.seal(now: Self.base) }
        let live = store.engine.head(ofSlot: UInt16(slot))
        #expect(live.series.allSatisfy { (live.extent($0)?.first ?? .max) > Self.base })
    }

    @Test("a drop is a place in the log: what came before is gone after a restart, what came after is not")
    func droppedInTheLog() throws {
        let universe = try Self.universe()
        var store = MemoryStore(Self.configuration())
        _ = store.append(batch(universe.map { ($0, Self.base, 1) }), now: Self.base)
        let slot = Self.slot(universe[0])
        store.drop([slot], throughBlock: 4)
        _ = store.append(batch([(universe[0], Self.base + 1000, 2)]), now: Self.base)
        let before = try store.select(Self.everything)
        let replays = try store.restart(generation: 8)
        #expect(try store.select(Self.everything) == before)
        #expect(replays.flatMap(\.movements) == [.dropped(DroppedSlots(slots: [slot], throughBlock: 4))])
    }

    @Test("a numbered batch is found again in the log by its number, as what others need of it")
    func numberedBatches() throws {
        let universe = try Self.universe()
        var store = MemoryStore(Self.configuration())
        let slot = Self.slot(universe[0])
        let mark = BatchMark(number: 77, slots: [slot])
        let wanted = universe.filter { Self.slot($0) == slot }
        let samples = universe.map { ($0, Self.base, 5.0) }
        let part = store.engine.part(of: batch(samples), in: SlotSet([slot]))
        #expect(part.rows == universe.indices.filter { Self.slot(universe[$0]) == slot })
        let prepared = store.engine.prepare(
            part.input, now: Self.base, as: mark, into: &store.segments[1, default: []])
        let kept = store.engine.numbered(prepared, as: mark)
        store.engine.apply(prepared)
        store.engine.rewrite([kept], into: &store.segments[1, default: []])
        let replays = try store.restart(generation: 8, wanting: [77])
        #expect(replays.flatMap(\.movements) == [.batch(mark), .batch(mark)])
        let again = try #require(replays.first?.batches[77])
        let owed = again.part(in: SlotSet([slot]))
        #expect(again.part(in: SlotSet([slot + 1])).count == 0)
        let bundle = SampleBundle([owed, owed], store.engine.definitions(of: [owed]))
        #expect(Set(bundle.series.map(\.definition)) == Set(wanted))
        #expect(bundle.series.allSatisfy { $0.timestamps == [Self.base] && $0.values == [5] })
    }

    @Test("rows that another slot rejects keep their numbers in the batch")
    func partsOfOutcomes() throws {
        var outcome = AppendOutcome(generation: 1)
        outcome.rejections = [SampleRejection(row: 1, reason: .tooOld)]
        outcome.unknownReferences = [0]
        let whole = outcome.ofWhole(rows: [4, 9])
        #expect(whole.rejections.map(\.row) == [9] && whole.unknownReferences == [4])
        #expect(outcome.ofWhole(rows: nil) == outcome)
    }

    @Test("records of slots are damage in a segment of the first version")
    func versions() throws {
        var store = MemoryStore(Self.configuration())
        store.segments[1] = segment(1)
        Engine.note([5], into: &store.segments[1, default: []])
        let replay = try store.restart(generation: 8)[0]
        #expect(replay.stoppedBy?.code == .unknownRecord)
    }

    @Test("what the slots' machine notes is found without reading the rest")
    func notes() throws {
        var store = MemoryStore(Self.configuration())
        _ = store.append(batch(try Self.universe().map { ($0, Self.base, 1) }), now: Self.base)
        Engine.note([5, 6], into: &store.segments[1, default: []])
        Engine.note([7], into: &store.segments[1, default: []])
        let bytes = store.segments[1] ?? []
        #expect(Engine.movementRecords(in: bytes.rawSpan) == [[5, 6], [7]])
        #expect(try store.restart(generation: 8)[0].movements == [.record([5, 6]), .record([7])])
    }
}
