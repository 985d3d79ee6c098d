import ByteCoding
import EngineStorage
import MetricModel
import SeededRandom
import SeriesEngine
import Testing

@Suite("Reading a selection series by series")
struct StoredSelectionTests {
    private static let allSlots = SlotSet(below: 1 << 14)

    /// An empty host with so much room for open files, and when it began. Its folder goes with it.
    private final class Bench {
        let clock = ManualClock()
        let first: Int64
        let host: EngineHost
        private let folder = TemporaryFolder()

        init(cacheBytes: Int) async throws {
            first = clock.now
            host = try await openHost(folder, clock: clock) { $0.blockCacheBytesMax = cacheBytes }
        }

        func close() async throws { try await host.close() }
    }

    /// Everything that a cursor hands out.
    private func read(
        _ host: EngineHost, _ selection: SeriesSelection, _ slots: SlotSet = allSlots, times: SampleTimes? = nil
    ) async throws -> (series: [Labels: SeriesColumns], placements: PlacementKinds) {
        let selected = try await host.selected(
            [selection], times: times.map { [$0] } ?? [], slots: slots, onlyWhole: true, seriesMax: .max)
        #expect(selected.standing.reply == nil, "no machine keeps the slots")
        var cursor = try #require(selected.selections.first).cursor
        var found: [Labels: SeriesColumns] = [:]
        while let series = try cursor.next() { #expect(found.updateValue(series, forKey: series.labels) == nil) }
        return (found, cursor.placements)
    }

    /// Five blocks and a head; late samples lie across them, servers come and go, one series has no placement label.
    private func filled(_ host: EngineHost, _ clock: ManualClock) async throws -> Int64 {
        var random = SplitMix64(seed: 9)
        let first = clock.now
        for round in 0..<6 {
            try await append(host, clock, round, since: first, using: &random)
            if round < 5 { try await host.seal() }
        }
        return first
    }

    /// Four hundred seconds of samples.
    private func append(
        _ host: EngineHost, _ clock: ManualClock, _ round: Int, since first: Int64, using random: inout SplitMix64
    ) async throws {
        let bare = SeriesDefinition(
            tenant: .default, labels: try Labels([Label("__name__", "cpu")]),
            placement: PlacementKey(hash: 77 << 18, labelIndex: PlacementKey.wholeLabelSet))
        for _ in 0..<40 {
            clock.advance(10_000)
            var samples = [(bare, clock.now, Double(round))]
            for server in round..<round + 12 {
                let late = Int64.random(in: 0..<8, using: &random) == 0 ? Int64(450_000) : 0
                let time = max(first + 1, clock.now - late + Int64(server))
                samples.append((try definition("cpu", "web-\(server)"), time, Double(time % 1000)))
                samples.append((try definition("mem", "web-\(server)"), time, 1))
            }
            _ = try await host.append(batch(samples))
        }
    }

    @Test(
        "across open files, and slot by slot where they do not fit, a cursor reads what a select reads",
        arguments: [0, 256 << 20])
    func sameAsSelect(cacheBytes: Int) async throws {
        let clock = ManualClock()
        let folder = TemporaryFolder()
        let host = try await openHost(folder, clock: clock) { $0.blockCacheBytesMax = cacheBytes }
        let first = try await filled(host, clock)
        let matchers = [
            [Matcher(equal: "__name__", "cpu")], [try Matcher("instance", .regex, "web-1.*")], [],
            [try Matcher("instance", .equal, "")], [Matcher(equal: "__name__", "none")],
        ]
        for matchers in matchers {
            for (start, end) in [
                (Int64.min, Int64.max), (first + 500_000, first + 900_000), (clock.now, clock.now), (0, first),
            ] {
                let expected = try await host.everything(matchers, start: start, end: end)
                let selection = SeriesSelection(tenant: .default, matchers: matchers, start: start, end: end)
                for _ in 0..<2 {
                    let found = try await read(host, selection)
                    try await settled(host)
                    #expect(found.series == expected)
                    let bare = expected.keys.contains { $0["instance"] == nil }
                    #expect(found.placements.contains(.wholeLabelSet) == bare)
                }
            }
        }
        let misses = host.blockCacheCounts.misses
        _ = try await read(host, SeriesSelection(tenant: .default, matchers: [], start: .min, end: .max))
        #expect((host.blockCacheCounts.misses == misses) == (cacheBytes > 0))
        try await host.close()
    }

    @Test(
        "files that are sealed, opened and evicted between questions are read whole by each",
        arguments: [40_000, 100_000, 250_000, 256 << 20])
    func comingAndGoing(cacheBytes: Int) async throws {
        let bench = try await Bench(cacheBytes: cacheBytes)
        let (clock, host, first) = (bench.clock, bench.host, bench.first)
        var random = SplitMix64(seed: 21)
        for round in 0..<8 {
            try await append(host, clock, round, since: first, using: &random)
            if round != 5 { try await host.seal() }
            for question in 0..<10 {
                if question % 2 == 0 { try await settled(host) }
                let start = Int64.random(in: first - 1_000...clock.now, using: &random)
                let end = start + Int64.random(in: 0...900_000, using: &random)
                let selection = SeriesSelection(tenant: .default, matchers: [], start: start, end: end)
                let expected = try await host.everything(start: start, end: end)
                #expect(try await read(host, selection).series == expected)
            }
        }
        #expect(cacheBytes < 1 << 20 || host.selectionReads.acrossFiles > host.selectionReads.slotBySlot)
        try await bench.close()
    }

    @Test("a file is open before any question can read it")
    func preparing() async throws {
        let clock = ManualClock()
        let folder = TemporaryFolder()
        let host = try await openHost(folder, clock: clock)
        defer { withExtendedLifetime(folder) {} }
        var random = SplitMix64(seed: 3)
        let first = clock.now
        let all = SeriesSelection(tenant: .default, matchers: [], start: .min, end: .max)
        var before = 0
        for round in 0..<5 {
            try await append(host, clock, round, since: first, using: &random)
            try await host.seal()
            let open = host.joinedChunkBytes
            #expect(open > before)
            before = open
            guard round % 2 == 1 else { continue }
            let expected = try await host.everything()
            #expect(try await read(host, all).series == expected)
        }
        #expect(host.selectionReads.slotBySlot == 0)
        try await host.close()
    }

    @Test(
        "questions that are asked while a block is sealed and opened read the same, and nothing twice",
        arguments: [60_000, 150_000, 256 << 20])
    func sealingMeanwhile(cacheBytes: Int) async throws {
        let bench = try await Bench(cacheBytes: cacheBytes)
        let (clock, host, first) = (bench.clock, bench.host, bench.first)
        var random = SplitMix64(seed: 31)
        for round in 0..<8 {
            try await append(host, clock, round, since: first, using: &random)
            let now = clock.now
            let spans = (0..<12).map { _ in first + Int64.random(in: 0...now - first, using: &random) }
            let expected = try await host.everything()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await host.seal() }
                for start in spans {
                    group.addTask {
                        let all = SeriesSelection(tenant: .default, matchers: [], start: .min, end: .max)
                        #expect(try await self.read(host, all).series == expected)
                        // Other files than those that are together: what is prepared meanwhile comes to nothing, or waits.
                        let some = SeriesSelection(tenant: .default, matchers: [], start: start, end: start + 200_000)
                        let part = try await host.everything(start: some.start, end: some.end)
                        #expect(try await self.read(host, some).series == part)
                    }
                }
                try await group.waitForAll()
            }
            #expect(host.joinedChunkBytes <= cacheBytes)
        }
        #expect(cacheBytes < 1 << 20 || host.selectionReads.acrossFiles > 0)
        try await bench.close()
    }

    @Test(
        "what questions at work hold of block files stays within its bound, and each reads its own moment",
        arguments: [60_000, 150_000, 256 << 20])
    func held(cacheBytes: Int) async throws {
        let bench = try await Bench(cacheBytes: cacheBytes)
        let (clock, host, first) = (bench.clock, bench.host, bench.first)
        var random = SplitMix64(seed: 5)
        let all = SeriesSelection(tenant: .default, matchers: [], start: .min, end: .max)
        var moments: [(selection: StoredSelection, expected: [Labels: SeriesColumns])] = []
        var mostBytes = 0
        for round in 0..<12 {
            try await append(host, clock, round, since: first, using: &random)
            try await host.seal()
            let selected = try await host.selected([all], slots: Self.allSlots, onlyWhole: true, seriesMax: .max)
            // Some questions end while others go on.
            if round % 5 == 4 { moments.removeFirst(3) }
            moments.append((try #require(selected.selections.first), try await host.everything()))
            try await settled(host)
            mostBytes = max(mostBytes, host.joinedChunkBytes)
            #expect(mostBytes <= cacheBytes)
            for moment in moments {
                var cursor = moment.selection.cursor
                var found: [Labels: SeriesColumns] = [:]
                while let series = try cursor.next() { found[series.labels] = series }
                #expect(found == moment.expected)
            }
        }
        #expect(mostBytes > 0, "files were read together")
        moments = []
        let now = clock.now
        let newest = SeriesSelection(tenant: .default, matchers: [], start: now, end: now)
        for _ in 0..<40 {
            #expect(try await read(host, newest).series == host.everything(start: now, end: now))
            try await settled(host)
            clock.advance(1_000)
        }
        #expect(host.joinedChunkBytes > 0, "with nobody else at work there is room")
        try await bench.close()
    }

    @Test("a chunk that does not decode is told with its file and the place in it, to those alone who read the file")
    func damagedChunk() async throws {
        let clock = ManualClock()
        let folder = TemporaryFolder()
        let host = try await openHost(folder, clock: clock)
        var random = SplitMix64(seed: 8)
        let series = try definition("cpu", "web-1")
        var sealedAt: [Int64] = []
        for _ in 0..<2 {
            for _ in 0..<50 {
                clock.advance(1_000)
                _ = try await host.append(batch([(series, clock.now, .random(in: 0..<1, using: &random))]))
            }
            try await host.seal()
            sealedAt.append(clock.now)
        }
        try await host.close()
        let name = try #require(try folder.blocks().first)
        let number = try #require(Int(name.prefix(10)))
        let whole = SeriesSelection(tenant: .default, matchers: [], start: .min, end: .max)
        let newest = SeriesSelection(tenant: .default, matchers: [], start: sealedAt[0] + 1, end: .max)
        for isHeader in [false, true] {
            // Slot by slot, and across the files, as far as they can be opened.
            for isAcross in [false, true] {
                let copy = try folder.copy()
                defer { withExtendedLifetime(copy) {} }
                let place = try Self.damage(copy, "blocks/" + name, isHeader: isHeader)
                let again = try await openHost(copy, clock: clock) { if !isAcross { $0.blockCacheBytesMax = 0 } }
                try await settled(again)
                let error = await #expect(throws: EngineError.self) { _ = try await read(again, whole) }
                let text = error.map { "\($0)" } ?? ""
                let offset = isAcross && !isHeader ? place.samples : place.chunk
                #expect(text.contains("block \(number), chunk data"), "\(text)")
                #expect(text.contains("at offset \(offset)"), "\(text)")
                #expect(try await read(again, newest).series.values.map(\.timestamps.count) == [50])
                try await again.close()
            }
        }
    }

    /// Gives the first chunk of a file another codec, or an unknown version, and puts the checksums right, as a program with a fault would.
    ///
    /// - Returns: where in the file the chunk begins, and where its samples.
    private static func damage(
        _ folder: TemporaryFolder, _ name: String, isHeader: Bool
    ) throws -> (chunk: Int, samples: Int) {
        var bytes = try folder.read(name)
        let start = BlockDirectory.headerSize
        let header = try SlotBlockHeader(decoding: bytes.rawSpan.extracting(start..<bytes.count))
        let data = start + header.dataOffset
        bytes[isHeader ? data : data + 1] = isHeader ? 99 : 0
        let chunks = Array(bytes[data..<start + header.length])
        bytes.replace(at: start + 48, littleEndian: CRC32C.of(chunks.rawSpan))
        let front = Array(bytes[start..<start + 52])
        bytes.replace(at: start + 52, littleEndian: CRC32C.of(front.rawSpan))
        try folder.write(bytes, to: name)
        var samples = data + 2
        // Count, first time and range.
        for _ in 0..<3 {
            while bytes[samples] >= 0x80 { samples += 1 }
            samples += 1
        }
        return (data, samples)
    }

    @Test("a cursor told the times of an instant selector hands out the samples that it finds at them")
    func newestAtTimes() async throws {
        let clock = ManualClock()
        let folder = TemporaryFolder()
        let host = try await openHost(folder, clock: clock)
        defer { withExtendedLifetime(folder) {} }
        let first = try await filled(host, clock)
        var random = SplitMix64(seed: 3)
        for _ in 0..<120 {
            let step = Int64.random(in: 1...400_000, using: &random)
            let times = SampleTimes(
                first: first + Int64.random(in: -300_000...2_600_000, using: &random), step: step,
                count: Int.random(in: 1...30, using: &random), lookback: Int64.random(in: 1...600_000, using: &random))
            let last = times.time(times.count - 1)
            let selection = SeriesSelection(
                tenant: .default, matchers: [Matcher(equal: "__name__", "cpu")],
                start: times.first - times.lookback + 1,
                end: last)
            let all = try await read(host, selection).series
            let picked = try await read(host, selection, times: times).series
            for (labels, series) in all {
                #expect(Self.newest(series, times) == Self.newest(picked[labels], times))
            }
            #expect(picked.keys.allSatisfy { all[$0] != nil })
        }
        try await host.close()
    }

    /// What an instant selector finds at each time.
    private static func newest(_ series: SeriesColumns?, _ times: SampleTimes) -> [[Double]] {
        (0..<times.count).map { index in
            let time = times.time(index)
            guard let series, let found = series.timestamps.lastIndex(where: { $0 <= time }),
                series.timestamps[found] > time - times.lookback
            else { return [] }
            return [Double(series.timestamps[found]), series.values[found]]
        }
    }

    @Test("slots divide a selection: each series is in exactly one part")
    func slots() async throws {
        let clock = ManualClock()
        let folder = TemporaryFolder()
        let host = try await openHost(folder, clock: clock)
        defer { withExtendedLifetime(folder) {} }
        _ = try await filled(host, clock)
        let selection = SeriesSelection(tenant: .default, matchers: [], start: .min, end: .max)
        var parts = [SlotSet(), SlotSet(), SlotSet()]
        for slot in 0..<UInt16(1 << 14) { parts[Int(slot) % 3].insert(slot) }
        var united: [Labels: SeriesColumns] = [:]
        for part in parts {
            for (labels, series) in try await read(host, selection, part).series {
                #expect(united.updateValue(series, forKey: labels) == nil)
            }
        }
        #expect(united == (try await host.everything()))
        var few = SlotSet()
        few.insert(77)
        #expect(try await read(host, selection, few).series.keys.allSatisfy { $0["instance"] == nil })
        try await host.close()
    }

    @Test("names and values come from the indexes, and are those of the series in scope")
    func labels() async throws {
        let clock = ManualClock()
        for cacheBytes in [0, 256 << 20] {
            let folder = TemporaryFolder()
            let host = try await openHost(folder, clock: clock) { $0.blockCacheBytesMax = cacheBytes }
            defer { withExtendedLifetime(folder) {} }
            let first = try await filled(host, clock)
            for (sets, start, end) in [
                ([], Int64.min, Int64.max), ([[Matcher(equal: "__name__", "mem")]], first, first + 450_000),
                (
                    [[try Matcher("instance", .regex, "web-(3|4|16)")], [Matcher(equal: "__name__", "none")]], .min,
                    .max
                ),
                ([[Matcher(equal: "__name__", "none")]], .min, .max),
            ] {
                let scope = LabelScope(tenant: .default, matcherSets: sets, start: start, end: end)
                let series = try await host.series(scope, seriesMax: .max)
                let values = Set(series.compactMap { $0["instance"] }).sorted()
                let names = Set(series.flatMap { $0.labels.map(\.name) }).sorted()
                // Slot by slot, and from files that are open by then; the limit is of what is found, not of the series looked at.
                for _ in 0..<2 {
                    #expect(try await host.labelValues("instance", scope, seriesMax: values.count) == values)
                    #expect(try await host.labelNames(scope, seriesMax: names.count) == names)
                    try await settled(host)
                }
            }
            try await host.close()
        }
    }
}
