import EngineStorage
import Foundation
import MetricModel
import SeriesEngine
import Testing

@Suite("Which block files are open")
struct OpenBlocksTests {
    private static let allSlots = SlotSet(below: 1 << 14)
    /// Series of each round, of which no other round has any.
    private static let seriesPerRound = 200

    /// A block cache that takes the series of four rounds.
    private static let roomForFour = 480_000

    /// A host whose series are others in each block.
    private final class Churn {
        let clock = ManualClock()
        let host: EngineHost
        let folder = TemporaryFolder()
        /// When each round began and ended.
        private(set) var rounds: [ClosedRange<Int64>] = []

        init(cacheBytes: Int) async throws {
            host = try await openHost(folder, clock: clock) { $0.blockCacheBytesMax = cacheBytes }
        }

        func append(_ seriesCount: Int = seriesPerRound) async throws {
            clock.advance(1_000)
            let start = clock.now
            for _ in 0..<5 {
                clock.advance(10_000)
                let samples = try (0..<seriesCount).map {
                    (try definition("cpu", "web-\(rounds.count)-\($0)"), clock.now, Double($0))
                }
                _ = try await host.append(batch(samples))
            }
            rounds.append(start...clock.now)
        }

        /// So many rounds, each sealed into a block of its own.
        func seal(_ count: Int) async throws {
            for _ in 0..<count {
                try await append()
                try await host.seal()
            }
        }

        /// Asks about the samples from one round's to another's; whether all files were open.
        func ask(_ first: Int, _ last: Int, count: Int? = nil) async throws -> Bool {
            let selection = SeriesSelection(
                tenant: .default, matchers: [], start: rounds[first].lowerBound, end: rounds[last].upperBound)
            let before = host.selectionReads
            let found = try await host.selected([selection], slots: allSlots, onlyWhole: true, seriesMax: .max)
            var cursor = try #require(found.selections.first).cursor
            var series = 0
            while let columns = try cursor.next() {
                #expect(columns.timestamps.count == 5)
                series += 1
            }
            #expect(series == count ?? (last - first + 1) * seriesPerRound)
            return host.selectionReads.acrossFiles > before.acrossFiles
        }

        func close() async throws {
            try await host.close()
            withExtendedLifetime(folder) {}
        }
    }

    @Test("while series come and go, the newest block is open before it is asked for, and those asked for stay open")
    func churn() async throws {
        let churn = try await Churn(cacheBytes: Self.roomForFour)
        for round in 0..<12 {
            try await churn.append()
            try await churn.host.seal()
            #expect(try await churn.ask(max(0, round - 1), round), "round \(round)")
        }
        try await churn.close()
    }

    @Test("files that do not fit together are not read again with each question, and take no place from others")
    func tooMuch() async throws {
        let churn = try await Churn(cacheBytes: Self.roomForFour)
        try await churn.seal(6)
        #expect(try await churn.ask(4, 5))
        #expect(try await !churn.ask(0, 5))
        try await settled(churn.host)
        let read = churn.host.wholeFileReads
        for _ in 0..<20 {
            #expect(try await !churn.ask(0, 5))
            try await settled(churn.host)
        }
        #expect(churn.host.wholeFileReads == read)
        #expect(try await churn.ask(4, 5))
        churn.clock.advance(OpeningBackoff.shortest)
        #expect(try await !churn.ask(0, 5))
        try await settled(churn.host)
        #expect(churn.host.wholeFileReads == read + 2)
        try await churn.close()
    }

    @Test("a small block beside many series that are known does not keep large ones from being opened")
    func smallAndLarge() async throws {
        let churn = try await Churn(cacheBytes: 2_000_000)
        try await churn.seal(4)
        #expect(try await churn.ask(0, 3))
        for _ in 0..<3 {
            try await churn.append(1)
            try await churn.host.seal()
            #expect(try await churn.ask(0, 3))
        }
        try await churn.seal(2)
        #expect(try await churn.ask(0, 8, count: 6 * Self.seriesPerRound + 3))
        try await churn.close()
    }

    @Test("a file that could not be read for a while is opened later")
    func unreadable() async throws {
        let churn = try await Churn(cacheBytes: Self.roomForFour)
        try await churn.seal(5)
        let path = churn.folder.path + "/engine-0/blocks/" + (try #require(try churn.folder.blocks().min()))
        try FileManager.default.moveItem(atPath: path, toPath: path + ".aside")
        await #expect(throws: EngineError.self) { _ = try await churn.ask(0, 1) }
        try await settled(churn.host)
        try FileManager.default.moveItem(atPath: path + ".aside", toPath: path)
        for _ in 0..<2 {
            #expect(try await !churn.ask(0, 1), "it is not tried with each question")
            try await settled(churn.host)
        }
        #expect(try await churn.ask(1, 1), "the others are open")
        churn.clock.advance(10_000)
        #expect(try await !churn.ask(0, 1))
        try await settled(churn.host)
        #expect(try await churn.ask(0, 1))
        try await churn.close()
    }

    @Test("the first question finds the blocks open that were sealed before it, as far as there is room")
    func beforeAnyQuestion() async throws {
        let churn = try await Churn(cacheBytes: Self.roomForFour)
        try await churn.seal(6)
        #expect(try await churn.ask(2, 5))
        #expect(try await !churn.ask(1, 1))
        try await settled(churn.host)
        #expect(try await churn.ask(2, 5), "those that are used keep their place")
        try await churn.close()
    }

    @Test("the first question after a start finds the last hour's blocks open")
    func afterStart() async throws {
        let clock = ManualClock()
        let folder = TemporaryFolder()
        let first = try await openHost(folder, clock: clock)
        for round in 0..<3 {
            // The first of them is older than an hour then.
            clock.advance(round == 1 ? 2 * 3_600_000 : 60_000)
            _ = try await first.append(batch([(try definition("cpu", "web"), clock.now, Double(round))]))
            try await first.seal()
        }
        try await first.close()
        let copy = try folder.copy()
        let host = try await openHost(copy, clock: clock)
        try await settled(host)
        #expect(host.wholeFileReads == 2)
        let selection = SeriesSelection(
            tenant: .default, matchers: [], start: clock.now - 3_600_000, end: clock.now)
        _ = try await host.selected([selection], slots: Self.allSlots, onlyWhole: true, seriesMax: .max)
        #expect(host.selectionReads.acrossFiles == 1)
        #expect(host.selectionReads.slotBySlot == 0)
        try await host.close()
        withExtendedLifetime((folder, copy)) {}
    }

    @Test("questions that read no block do not make the blocks that others read older")
    func headAlone() async throws {
        let churn = try await Churn(cacheBytes: Self.roomForFour)
        try await churn.seal(5)
        #expect(try await churn.ask(1, 4))
        try await churn.append()
        let reads = churn.host.selectionReads
        for _ in 0..<40 { #expect(try await !churn.ask(5, 5)) }
        #expect(churn.host.selectionReads == reads)
        #expect(try await !churn.ask(0, 0))
        try await settled(churn.host)
        #expect(try await churn.ask(1, 4), "the four were used last")
        try await churn.close()
    }

    @Test("a host closes while a block is sealed and opened", .timeLimit(.minutes(2)))
    func closing() async throws {
        for _ in 0..<10 {
            let churn = try await Churn(cacheBytes: 4 << 20)
            try await churn.append()
            try await churn.host.seal()
            _ = try await churn.ask(0, 0)
            try await churn.append()
            let host = churn.host
            let sealing = Task { try? await host.seal() }
            try await churn.close()
            await sealing.value
        }
    }
}
