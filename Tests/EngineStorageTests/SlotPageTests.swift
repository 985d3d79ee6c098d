import ByteCoding
import EngineStorage
import MetricModel
import SeededRandom
import SeriesEngine
import SlotMovement
import Testing

@Suite("Pages and digests of a slot")
struct SlotPageTests {
    private static let slotBits = 1

    /// A host with samples of two slots, partly in blocks, some late, some far apart.
    private static func host(_ folder: TemporaryFolder, _ random: inout SplitMix64) async throws -> EngineHost {
        let clock = ManualClock()
        let host = try await openHost(folder, clock: clock) {
            $0.engine.slotBits = slotBits
            $0.engine.lateWindow = 1 << 40
            $0.engine.retention = 0
        }
        let universe = try (0..<30).map { try definition("cpu", "web-\($0)") }
        for round in 0..<30 {
            clock.advance(120_000)
            var samples: [(SeriesDefinition, Int64, Double)] = []
            for definition in universe where Int.random(in: 0..<3, using: &random) > 0 {
                let isLate = Int.random(in: 0..<10, using: &random) == 0
                let age = isLate ? Int64.random(in: 0..<1 << 34, using: &random) : 0
                samples.append((definition, clock.now - age, Double(Int.random(in: 0..<9, using: &random))))
            }
            _ = try await host.append(batch(samples))
            if round == 10 || round == 20 { try await host.seal() }
        }
        return host
    }

    private static func everything(_ host: EngineHost, slot: Int) async throws -> [Labels: SeriesColumns] {
        try await host.everything().filter { labels, _ in
            let placed = try definition("cpu", labels["instance"] ?? "").placement
            return Int(placed.slot(bits: slotBits)) == slot
        }
    }

    @Test("the pages of a slot have every sample once, however small they are", arguments: [1, 300, 5000, 1 << 20])
    func pages(bytesMax: Int) async throws {
        var random = SplitMix64(seed: UInt64(bytesMax))
        let folder = TemporaryFolder()
        let host = try await Self.host(folder, &random)
        for slot in 0..<2 {
            var cursor: Int? = 0
            var found: [Labels: [Int64: Double]] = [:]
            var pages = 0
            while let from = cursor {
                let page = try await host.page(ofSlot: slot, cursor: from, bytesMax: bytesMax)
                let bundle = try SampleBundle(decoding: page.bundle.rawSpan)
                for series in bundle.series {
                    for (time, value) in zip(series.timestamps, series.values) {
                        let old = found[series.definition.labels, default: [:]].updateValue(value, forKey: time)
                        #expect(old == nil)
                    }
                }
                pages += 1
                #expect(page.next.map { $0 != from } ?? true)
                cursor = page.next
            }
            #expect(pages == 1 || bytesMax < 1 << 20)
            let wanted = try await Self.everything(host, slot: slot)
            #expect(found.mapValues { $0.keys.sorted() } == wanted.mapValues(\.timestamps))
            for (labels, columns) in wanted {
                #expect(columns.timestamps.map { found[labels]?[$0] } == columns.values.map { $0 })
            }
        }
        try await host.close()
    }

    @Test("digests tell samples, not where they lie: in the head, in blocks, or in another engine")
    func digests() async throws {
        var random = SplitMix64(seed: 9)
        let folder = TemporaryFolder()
        let host = try await Self.host(folder, &random)
        let before = try await host.windowDigests(slot: 0, before: .max)
        var model: [Int64: WindowDigest] = [:]
        for (labels, columns) in try await Self.everything(host, slot: 0) {
            let fingerprint = Fingerprint(tenant: .default, labels: labels).hash
            for (time, value) in zip(columns.timestamps, columns.values) {
                let window = time >= 0 ? time / 600_000 : (time - 599_999) / 600_000
                model[window * 600_000, default: WindowDigest()].add(
                    WindowDigest.hash(
                        fingerprint: (fingerprint.high, fingerprint.low), timestamp: time, value: value))
            }
        }
        #expect(before == model)
        try await host.seal()
        #expect(try await host.windowDigests(slot: 0, before: .max) == before)
        try await host.close()
    }
}
