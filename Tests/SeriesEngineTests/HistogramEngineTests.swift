import ByteCoding
import MetricModel
import SeededRandom
import SeriesEngine
import Testing

@Suite("Histograms in the engine")
struct HistogramEngineTests {
    private static let start: Int64 = 1_700_000_000_000
    private static let everything = SeriesSelection(tenant: .default, matchers: [], start: .min, end: .max)

    private static func store(slotBits: Int = 14) -> MemoryStore {
        var configuration = EngineConfiguration(generation: 7)
        configuration.lateWindow = 1 << 40
        configuration.retention = 0
        configuration.slotBits = slotBits
        return MemoryStore(configuration, logVersion: WALSegmentHeader.histogramVersion)
    }

    /// Samples of some rounds, a third of them histograms, some late and some twice.
    private static func round(
        _ round: Int, _ universe: [SeriesDefinition], _ random: inout SplitMix64
    ) -> [(SeriesDefinition, Int64, AnySample)] {
        universe.compactMap { definition in
            guard Int.random(in: 0..<4, using: &random) > 0 else { return nil }
            let age = Int.random(in: 0..<5, using: &random) == 0 ? Int64.random(in: 0...9, using: &random) : 0
            let time = start + (Int64(round) - age) * 15_000
            let sample: AnySample =
                Int.random(in: 0..<3, using: &random) == 0
                ? .number(Double(Int.random(in: 0..<9, using: &random))) : .histogram(.random(using: &random))
            return (definition, time, sample)
        }
    }

    @Test(
        "whatever comes in whatever order, through seals and crashes, a query sees one sample a time",
        arguments: 0..<6 as Range<UInt64>)
    func model(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var store = Self.store()
        var model = MixedModel()
        let universe = try (0..<5).map { try definition(["__name__": "h", "instance": "web-\($0)"]) }
        for round in 0..<150 {
            let samples = Self.round(round, universe, &random)
            for (definition, time, sample) in samples { model.take(definition.labels, time, sample) }
            let outcome = store.append(batch(samples), now: Self.start + 150 * 15_000)
            #expect(outcome.rejections.isEmpty && outcome.unknownReferences.isEmpty)
            switch Int.random(in: 0..<40, using: &random) {
            case 0: try store.seal(now: Self.start)
            case 1:
                let replays = try store.restart(generation: 8 + UInt64(round))
                #expect(replays.allSatisfy { $0.stoppedBy == nil })
            default: break
            }
        }
        #expect(try store.select(Self.everything) == model.columns)
        let (from, to) = (Self.start + 300_000, Self.start + 600_000)
        let part = try store.select(SeriesSelection(tenant: .default, matchers: [], start: from, end: to))
        for (labels, columns) in part {
            let whole = try #require(model.columns[labels])
            #expect(columns.histograms == whole.histograms.within(from, to))
            #expect(columns.timestamps == whole.timestamps.filter { $0 >= from && $0 <= to })
        }
        try store.seal(now: Self.start)
        #expect(store.engine.headSamples == 0)
        #expect(try store.select(Self.everything) == model.columns)
    }

    @Test("two replicas with the same samples in another order have blocks of equal digests")
    func digests() throws {
        var random = SplitMix64(seed: 3)
        let one = try definition(["__name__": "h", "instance": "a"])
        let samples = (0..<100).map { step -> (SeriesDefinition, Int64, AnySample) in
            (one, Self.start + Int64(step) * 1000, step % 3 == 0 ? .number(1) : .histogram(.random(using: &random)))
        }
        var digests: [XXH3.Hash128] = []
        for order in [samples, samples.reversed(), samples.shuffled(using: &random) + samples] {
            var store = Self.store()
            for sample in order { _ = store.append(batch([sample]), now: Self.start) }
            try store.seal(now: Self.start)
            let bytes = store.blocks[0]
            let index = try SlotIndex(decoding: bytes.rawSpan)
            #expect(index.header.version == SlotBlockHeader.histogramVersion)
            digests.append(try index.digest(data: bytes.rawSpan.extracting(index.header.dataOffset..<bytes.count)))
        }
        #expect(digests[0] == digests[1] && digests[0] == digests[2])
    }

    @Test("the head counts the histogram that won, and not the one that came first")
    func replaced() throws {
        var store = Self.store()
        let one = try definition(["__name__": "h"])
        let narrow = NativeHistogram(schema: 0, count: 1, sum: 1)
        let wide = NativeHistogram(
            schema: 0, count: 1000, sum: 1,
            positive: .init(spans: [.init(offset: 0, length: 1000)], counts: Array(repeating: 1, count: 1000)))
        _ = store.append(batch([(one, Self.start, .histogram(narrow))]), now: Self.start)
        let before = store.engine.headSamples
        _ = store.append(batch([(one, Self.start, .histogram(wide))]), now: Self.start)
        #expect(store.engine.headSamples == before + wide.weight - narrow.weight)
        // Each alone is light enough to stay open, all together are not: they are encoded, which makes them lighter.
        for step in 1..<40 {
            let time = Self.start + Int64(step)
            _ = store.append(batch([(one, time, .histogram(narrow))]), now: Self.start)
            _ = store.append(batch([(one, time, .histogram(wide))]), now: Self.start)
        }
        #expect(store.engine.headSamples < 32 * wide.weight)
    }

    @Test("a block, a log and a bundle of numbers alone are as they were")
    func versions() throws {
        var store = Self.store()
        let one = try definition(["__name__": "n"])
        _ = store.append(batch([(one, Self.start, .number(1))]), now: Self.start)
        try store.seal(now: Self.start)
        let block = store.blocks[0]
        #expect(try SlotIndex(decoding: block.rawSpan).header.version == SlotBlockHeader.version)
        let bundle = SampleBundle(series: [.init(definition: one, timestamps: [1], values: [2])])
        #expect(bundle.encoded.first == BundleWriter.version)
    }

    @Test("a bundle of several slots, filtered by slot, is what each slot had", arguments: 0..<4 as Range<UInt64>)
    func bundlesBySlot(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let universe = try (0..<12).map { try definition(["__name__": "h", "instance": "web-\($0)"]) }
        var columns: [SampleBundle.Series] = []
        for definition in universe {
            var histograms = HistogramColumns()
            for step in 0..<Int64.random(in: 0...90, using: &random) {
                histograms.append(timestamp: Self.start + step * 10, .random(using: &random))
            }
            let times = (0..<Int64.random(in: 0...9, using: &random)).map { Self.start + $0 * 10 + 5 }
            columns.append(
                .init(
                    definition: definition, timestamps: times, values: times.map { Double($0) }, histograms: histograms)
            )
        }
        let bundle = SampleBundle(series: columns.filter { $0.sampleCount > 0 })
        let bytes = bundle.encoded
        #expect(bytes.first == BundleWriter.histogramVersion)
        #expect(try SampleBundle(decoding: bytes.rawSpan) == bundle)
        for slot in 0..<2 {
            let part = SampleBundle(series: bundle.series.filter { $0.definition.placement.slot(bits: 1) == slot })
            let partBytes = part.encoded
            #expect(try SampleBundle(decoding: partBytes.rawSpan) == part)
            var store = Self.store(slotBits: 1)
            store.take(part, number: 1)
            store.take(part, number: 2)
            let found = try store.select(Self.everything)
            #expect(found.count == part.series.count)
            for series in part.series { #expect(found[series.definition.labels]?.histograms == series.histograms) }
            _ = try store.restart(generation: 9)
            #expect(try store.select(Self.everything) == found)
        }
    }

    @Test("of a numbered batch a member that missed it gets the histograms of its slots")
    func numbered() throws {
        var random = SplitMix64(seed: 11)
        var store = Self.store(slotBits: 1)
        let universe = try (0..<9).map { try definition(["__name__": "h", "instance": "web-\($0)"]) }
        var samples: [(SeriesDefinition, Int64, AnySample)] = []
        for (index, definition) in universe.enumerated() {
            samples.append((definition, Self.start, index % 3 == 0 ? .number(4) : .histogram(.random(using: &random))))
        }
        let mark = BatchMark(number: 5, slots: [0, 1])
        let prepared = store.engine.prepare(
            batch(samples), now: Self.start, as: mark, into: &store.segments[store.current, default: []])
        store.engine.apply(prepared)
        let kept = store.engine.numbered(prepared, as: mark)
        let replays = try store.restart(generation: 8, wanting: [5])
        let replayed = try #require(replays.compactMap { $0.batches[5] }.first)
        for (batch, slot) in [(kept, 0), (kept, 1), (replayed, 0), (replayed, 1)] {
            let part = batch.part(in: SlotSet([slot]))
            let bundle = SampleBundle([part], store.engine.definitions(of: [part]))
            let wanted = samples.filter { Int($0.0.placement.slot(bits: 1)) == slot }
            #expect(bundle.sampleCount == wanted.count)
            for (definition, time, sample) in wanted {
                let series = try #require(bundle.series.first { $0.definition == definition })
                switch sample {
                case .number(let value): #expect(series.values == [value] && series.histograms.isEmpty)
                case .histogram(let histogram):
                    #expect(series.values.isEmpty && series.histograms.timestamps == [time])
                    #expect(series.histograms.values == [histogram])
                }
            }
        }
    }

    @Test("what is refused of a batch leaves the other histograms in their rows")
    func judgement() throws {
        var random = SplitMix64(seed: 13)
        var configuration = EngineConfiguration(generation: 7)
        configuration.lateWindow = 1000
        var store = MemoryStore(configuration, logVersion: WALSegmentHeader.histogramVersion)
        let universe = try (0..<4).map { try definition(["__name__": "h", "instance": "web-\($0)"]) }
        let kept = NativeHistogram.random(using: &random)
        let outcome = store.append(
            batch([
                (universe[0], Self.start + (1 << 40), .histogram(.random(using: &random))),
                (universe[1], Self.start, .number(3)),
                (universe[2], Self.start + (1 << 40), .number(1)),
                (universe[3], Self.start, .histogram(kept)),
            ]), now: Self.start)
        #expect(outcome.rejections.map(\.row) == [0, 2])
        let found = try store.select(Self.everything)
        #expect(found.count == 2)
        #expect(found[universe[3].labels]?.histograms.values == [kept])
        #expect(found[universe[1].labels]?.values == [3])
    }

    @Test("dropped slots leave no histogram behind")
    func drop() throws {
        var random = SplitMix64(seed: 17)
        var store = Self.store(slotBits: 1)
        let one = try definition(["__name__": "h"])
        for step in 0..<200 {
            _ = store.append(
                batch([(one, Self.start + Int64(step), .histogram(.random(using: &random)))]), now: Self.start)
        }
        store.drop([0, 1], throughBlock: 0)
        #expect(store.engine.headSamples == 0)
        #expect(try store.select(Self.everything).isEmpty)
    }
}
