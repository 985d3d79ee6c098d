import ByteCoding
import EngineStorage
import MetricModel
import SeededRandom
import SeriesEngine
import SlotMovement
import Testing

@Suite("Histograms in a host")
struct HistogramHostTests {
    private static let slotBits = 1

    private static func open(_ folder: TemporaryFolder, _ clock: ManualClock) async throws -> EngineHost {
        try await openHost(folder, clock: clock) {
            $0.engine.slotBits = slotBits
            $0.engine.retention = 0
            $0.engine.lateWindow = 1 << 40
        }
    }

    private static func fill(
        _ host: EngineHost, _ clock: ManualClock, _ told: inout Acknowledged, seed: UInt64
    ) async throws {
        var random = SplitMix64(seed: seed)
        for round in 0..<90 {
            clock.advance(60_000)
            let samples = try (0..<8).map { server in
                (
                    try definition(server % 2 == 0 ? histogramMetric : "cpu", "web-\(server)"),
                    clock.now - Int64.random(in: 0...3, using: &random) * 60_000,
                    Double(Int.random(in: 1..<9, using: &random))
                )
            }
            let outcome = try await host.append(batch(samples))
            #expect(outcome.rejections.isEmpty)
            told.take(samples)
            if round == 30 || round == 60 { try await host.seal() }
        }
    }

    @Test("what was acknowledged is there after a crash, after seals, and in what another replica gets")
    func everywhere() async throws {
        let (folder, clock) = (TemporaryFolder(), ManualClock())
        var told = Acknowledged()
        let host = try await Self.open(folder, clock)
        try await Self.fill(host, clock, &told, seed: 1)
        #expect(try await host.everything() == told.columns)

        // The process dies.
        let copy = try folder.copy()
        let again = try await Self.open(copy, clock)
        #expect(try await again.everything() == told.columns)
        try await again.seal()
        #expect(try await again.everything() == told.columns)
        let some = try #require(told.columns.values.first { !$0.histograms.isEmpty }).histograms.timestamps
        let (start, end) = (some[10], some[40])
        for (labels, columns) in try await again.everything(start: start, end: end) {
            let all = try #require(told.columns[labels])
            #expect(columns.histograms == all.histograms.within(start, end))
        }

        // Equal content has equal digests, wherever the samples lie; and pages carry all of it.
        for slot in 0..<2 {
            let (one, other) = (
                try await host.windowDigests(slot: slot, before: .max),
                try await again.windowDigests(slot: slot, before: .max)
            )
            #expect(one == other && !one.isEmpty)
            var found: [Labels: HistogramColumns] = [:]
            var cursor: Int? = 0
            while let from = cursor {
                let page = try await again.page(ofSlot: slot, cursor: from, bytesMax: 700)
                for series in try SampleBundle(decoding: page.bundle.rawSpan).series {
                    found[series.definition.labels, default: HistogramColumns()].merge(series.histograms)
                }
                cursor = page.next
            }
            for (labels, histograms) in found { #expect(told.columns[labels]?.histograms == histograms) }
        }
        try await host.close()
        try await again.close()
    }

    @Test("a selection across files reads histograms, and a deletion hides them")
    func selected() async throws {
        let (folder, clock) = (TemporaryFolder(), ManualClock())
        var told = Acknowledged()
        let host = try await openHost(folder, clock: clock) {
            $0.engine.retention = 0
            $0.engine.lateWindow = 1 << 40
        }
        try await Self.fill(host, clock, &told, seed: 2)
        let selection = SeriesSelection(tenant: .default, matchers: [], start: .min, end: .max)
        let slots = SlotSet(below: 1 << 14)
        for _ in 0..<2 {
            var found: [Labels: SeriesColumns] = [:]
            let stored = try await host.selected([selection], slots: slots, onlyWhole: false, seriesMax: .max)
            var cursor = stored.selections[0].cursor
            while let series = try cursor.next() { found[series.labels] = series }
            #expect(found == told.columns)
            // Again with a file more: what was together is put together anew.
            try await host.seal()
        }
        let whole = try #require(told.columns.values.first { !$0.histograms.isEmpty })
        let range = whole.histograms.timestamps[5]...whole.histograms.timestamps[20]
        let deletion = try Deletion(
            tenant: .default, matchers: [try Matcher(Labels.metricName, .equal, histogramMetric)],
            start: range.lowerBound, end: range.upperBound, created: clock.now)
        let stored = try await host.selected(
            [selection], without: [deletion], slots: slots, onlyWhole: false, seriesMax: .max)
        var cursor = stored.selections[0].cursor
        while let series = try cursor.next() {
            var wanted = try #require(told.columns[series.labels])
            if wanted.labels.metricName == histogramMetric { wanted.remove(range) }
            #expect(series == wanted)
        }
        try await host.close()
    }
}
