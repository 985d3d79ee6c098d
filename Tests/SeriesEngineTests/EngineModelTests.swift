import MetricModel
import SeededRandom
import SeriesEngine
import Testing

/// The naive twin: every accepted sample in a dictionary.
private struct Twin {
    struct Key: Hashable {
        var tenant: TenantID
        var labels: Labels
    }

    var samples: [Key: [Int64: Double]] = [:]

    mutating func take(_ definition: SeriesDefinition, _ timestamp: Int64, _ value: Double) {
        let key = Key(tenant: definition.tenant, labels: definition.labels)
        let old = samples[key]?[timestamp]
        samples[key, default: [:]][timestamp] = old.map { SampleResolution.winner($0, value) } ?? value
    }

    func select(_ selection: SeriesSelection) -> [Labels: SeriesColumns] {
        var result: [Labels: SeriesColumns] = [:]
        for (key, all) in samples where key.tenant == selection.tenant {
            guard selection.matchers.allSatisfy({ $0.matches(key.labels[$0.name] ?? "") }) else { continue }
            let kept = all.filter { $0.key >= selection.start && $0.key <= selection.end }.sorted { $0.key < $1.key }
            guard !kept.isEmpty else { continue }
            result[key.labels] = SeriesColumns(
                labels: key.labels, timestamps: kept.map(\.key), values: kept.map(\.value))
        }
        return result
    }
}

/// What a client remembers of references.
private struct Known {
    var generation: UInt64 = 0
    var references: [Int: UInt32] = [:]
}

@Suite("The engine against a naive twin")
struct EngineModelTests {
    private static let base: Int64 = 1_700_000_000_000

    private static func universe() throws -> [SeriesDefinition] {
        var all: [SeriesDefinition] = []
        for tenant in ["default", "other"] {
            for server in 0..<4 {
                for metric in ["cpu", "memory", "disk"] {
                    var labels = ["__name__": metric, "instance": "web-\(server)"]
                    if metric == "cpu" { labels["mode"] = server % 2 == 0 ? "idle" : "user" }
                    all.append(try definition(labels, tenant: tenant))
                }
            }
            all.append(try definition(["__name__": "alone", "zone": "e\u{301}"], tenant: tenant))
            all.append(try definition(["__name__": "alone", "zone": "\u{e9}"], tenant: tenant))
        }
        return all
    }

    private static func value(_ random: inout SplitMix64) -> Double {
        switch Int.random(in: 0..<12, using: &random) {
        case 0: StaleMarker.value
        case 1: Double(bitPattern: 0x7FF8_0000_0000_0000 | UInt64.random(in: 0..<1000, using: &random))
        case 2: -0.0
        case 3: .infinity
        case 4: Double(bitPattern: random.next())
        case 5: 42
        default: (Double.random(in: -100...100, using: &random) * 100).rounded() / 100
        }
    }

    private static func timestamp(_ clock: Int64, _ random: inout SplitMix64) -> Int64 {
        switch Int.random(in: 0..<20, using: &random) {
        case 0: clock - Int64.random(in: 0..<40_000_000, using: &random)
        case 1, 2: clock - Int64.random(in: 0..<200_000, using: &random)
        case 3: clock + Int64.random(in: 0..<700_000, using: &random)
        case 4: Self.base + 1000 * Int64.random(in: 0..<20, using: &random)
        default: clock - clock % 1000
        }
    }

    private static let selections: [[Matcher]] = {
        let regex = try? Matcher("instance", .regex, "web-[12]")
        let notRegex = try? Matcher("mode", .notRegex, "idle|nothing")
        let not = try? Matcher("__name__", .notEqual, "disk")
        return [
            [], [Matcher(equal: "__name__", "cpu")], [Matcher(equal: "mode", "")],
            [Matcher(equal: "zone", "\u{e9}")], [regex, not].compactMap { $0 }, [notRegex].compactMap { $0 },
        ]
    }()

    private static func check(_ store: borrowing MemoryStore, _ twin: Twin, _ random: inout SplitMix64) throws {
        for tenant in ["default", "other", "nobody"] {
            for matchers in selections {
                let from = base + Int64.random(in: -50_000_000..<2_000_000, using: &random)
                let ranges = [(Int64.min, Int64.max), (from, from + Int64.random(in: 0..<50_000_000, using: &random))]
                for (start, end) in ranges {
                    let selection = SeriesSelection(
                        tenant: try TenantID(validating: tenant), matchers: matchers, start: start, end: end)
                    let found = try store.select(selection)
                    let wanted = twin.select(selection)
                    #expect(found == wanted, "tenant \(tenant), \(matchers), \(start) ... \(end)")
                    let listed = Set(try store.engine.series(selection, seriesMax: .max))
                    #expect(listed.isSubset(of: wanted.keys))
                }
            }
        }
    }

    @Test(
        "every query sees every accepted sample once, through late, equal and stale samples, seals and restarts",
        arguments: UInt64(1)...UInt64(12))
    func everyQueryIsExact(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let universe = try Self.universe()
        var store = MemoryStore()
        var twin = Twin()
        var known = Known()
        var generation: UInt64 = 7
        var clock = Self.base
        for step in 0..<160 {
            clock += Int64.random(in: 0..<20_000, using: &random)
            try Self.appendBatch(universe, &store, &twin, &known, clock, &random)
            switch Int.random(in: 0..<40, using: &random) {
            case 0, 1:
                try store.seal(now: clock) { store in
                    try Self.appendBatch(universe, &store, &twin, &known, clock, &random)
                    try Self.check(store, twin, &random)
                }
            case 2:
                generation += 1
                for replay in try store.restart(generation: generation) { #expect(replay.stoppedBy == nil) }
            case 3:
                store.rotate()
            default:
                break
            }
            if step % 8 == 0 { try Self.check(store, twin, &random) }
        }
        try Self.check(store, twin, &random)
    }

    /// Appends random rows, some by reference (often of an old generation), and tells the twin what was accepted.
    private static func appendBatch(
        _ universe: [SeriesDefinition], _ store: inout MemoryStore, _ twin: inout Twin,
        _ known: inout Known, _ clock: Int64, _ random: inout SplitMix64
    ) throws {
        var input = AppendInput(rows: SampleColumns(), generation: known.generation)
        var chosen: [Int] = []
        var definitions: [Int] = []
        for _ in 0..<Int.random(in: 1...120, using: &random) {
            let index = Int.random(in: 0..<universe.count, using: &random)
            chosen.append(index)
            var series: UInt32
            if let reference = known.references[index], Bool.random(using: &random) {
                series = reference
            } else {
                series = UInt32(definitions.count) | SeriesReference.definitionBit
                definitions.append(index)
            }
            if Int.random(in: 0..<200, using: &random) == 0 { series = 1_000_000 }
            input.rows.append(
                series: series, timestamp: timestamp(clock, &random), value: value(&random))
        }
        input.definitions = definitions.map { universe[$0] }
        let outcome = store.append(input, now: clock)
        #expect(outcome.references.count == definitions.count)
        var untaken = Set(outcome.rejections.map(\.row))
        for row in outcome.unknownReferences { untaken.insert(Int(row)) }
        for row in chosen.indices where !untaken.contains(row) {
            twin.take(universe[chosen[row]], input.rows.timestamps[row], input.rows.values[row])
        }
        if outcome.generation != known.generation || Int.random(in: 0..<30, using: &random) == 0 {
            known = Known(generation: outcome.generation)
        }
        for row in outcome.unknownReferences { known.references[chosen[Int(row)]] = nil }
        for (position, index) in definitions.enumerated() { known.references[index] = outcome.references[position] }
    }
}
