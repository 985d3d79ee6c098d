import ByteCoding
import EngineStorage
import MetricModel
import SeriesEngine
import Synchronization
import Testing

/// The deletions of a test, which come while the host is open.
private final class Deletions: Sendable {
    private let all = Mutex<[Deletion]>([])

    func add(_ deletion: Deletion) { all.withLock { $0.append(deletion) } }

    func of(_ tenant: TenantID) -> [Deletion] { all.withLock { $0.filter { $0.tenant == tenant } } }
}

@Suite("Reading what was deleted")
struct DeletionTests {
    private func read(
        _ host: EngineHost, _ selection: SeriesSelection, times: SampleTimes? = nil, without deletions: [Deletion] = []
    ) async throws -> [Labels: SeriesColumns] {
        let selected = try await host.selected(
            [selection], times: times.map { [$0] } ?? [], without: deletions, slots: SlotSet(below: 1 << 14),
            onlyWhole: true, seriesMax: .max)
        var cursor = try #require(selected.selections.first).cursor
        var found: [Labels: SeriesColumns] = [:]
        while let series = try cursor.next() { found[series.labels] = series }
        return found
    }

    /// Three blocks and a head of two series, a sample every ten seconds; the times of the samples.
    private func fill(_ host: EngineHost, _ clock: ManualClock) async throws -> [Int64] {
        var times: [Int64] = []
        for round in 0..<4 {
            for _ in 0..<20 {
                clock.advance(10_000)
                times.append(clock.now)
                _ = try await host.append(
                    batch([
                        (try definition("cpu", "web-1"), clock.now, Double(times.count)),
                        (try definition("mem", "web-1"), clock.now, 1),
                    ]))
            }
            if round < 3 { try await host.seal() }
        }
        return times
    }

    @Test(
        "in blocks and head, across files and slot by slot, what a deletion hides is not read, and all else is",
        arguments: [0, 256 << 20])
    func hidden(cacheBytes: Int) async throws {
        let (clock, folder, deletions) = (ManualClock(), TemporaryFolder(), Deletions())
        let host = try await openHost(folder, clock: clock) {
            $0.blockCacheBytesMax = cacheBytes
            $0.deletions = { deletions.of($0) }
        }
        let times = try await fill(host, clock)
        // From the first block to the head.
        let (first, last) = (times[10], times[70])
        let one = try Deletion(
            tenant: .default, matchers: [Matcher(equal: "__name__", "cpu")], start: first, end: last, created: clock.now
        )
        let all = SeriesSelection(tenant: .default, matchers: [], start: .min, end: .max)
        let before = try await read(host, all)
        let masked = try await read(host, all, without: [one])
        deletions.add(one)
        let found = try await read(host, all)
        #expect(found == masked)
        #expect(try await host.everything() == found)
        let (cpu, mem) = (try definition("cpu", "web-1").labels, try definition("mem", "web-1").labels)
        #expect(before[cpu]?.timestamps == times)
        #expect(found[cpu]?.timestamps == times.filter { $0 < first || $0 > last })
        #expect(found[mem] == before[mem])
        // All of a series that is asked for: it is not there.
        let middle = SeriesSelection(
            tenant: .default, matchers: [Matcher(equal: "__name__", "cpu")], start: first, end: last)
        #expect(try await read(host, middle).isEmpty)
        // Samples that come later are seen, behind the deletion's end at once.
        clock.advance(10_000)
        _ = try await host.append(batch([(try definition("cpu", "web-1"), clock.now, 5)]))
        #expect(try await read(host, all)[cpu]?.timestamps.last == clock.now)
        try await host.close()
    }

    @Test("an instant selector finds the newest sample that is not hidden, however many newer ones are")
    func newest() async throws {
        let (clock, folder, deletions) = (ManualClock(), TemporaryFolder(), Deletions())
        let host = try await openHost(folder, clock: clock) { $0.deletions = { deletions.of($0) } }
        defer { withExtendedLifetime(folder) {} }
        let times = try await fill(host, clock)
        // The whole second block, and all of the first but its first sample.
        deletions.add(
            try Deletion(
                tenant: .default, matchers: [Matcher(equal: "__name__", "cpu")], start: times[1], end: times[39],
                created: clock.now))
        let selection = SeriesSelection(
            tenant: .default, matchers: [Matcher(equal: "__name__", "cpu")], start: times[39] - 3_600_000,
            end: times[39])
        let wanted = SampleTimes(first: times[39], step: 1, count: 1, lookback: 3_600_000)
        let found = try await read(host, selection, times: wanted)
        #expect(found[try definition("cpu", "web-1").labels]?.timestamps == [times[0]])
        try await host.close()
    }

    @Test("the file of deletions is read as it was written, and refused when a byte of it is wrong")
    func file() throws {
        let folder = TemporaryFolder()
        let directory = try DataDirectory(path: folder.path)
        let file = DeletionFile(in: directory)
        #expect(try file.read() == DeletionSet())
        let set = DeletionSet(
            try (0..<3).map { number in
                try Deletion(
                    tenant: .default, matchers: [Matcher(equal: "a", "\(number)")], start: 1, end: 2, created: 3)
            })
        try file.write(set)
        #expect(try file.read() == set)
        let bytes = try folder.read("../deletions")
        for index in bytes.indices {
            var wrong = bytes
            wrong[index] ^= 1
            try folder.write(wrong, to: "../deletions")
            #expect(throws: EngineError.self) { try file.read() }
        }
        for length in 0..<bytes.count {
            try folder.write(Array(bytes.prefix(length)), to: "../deletions")
            #expect(throws: EngineError.self) { try file.read() }
        }
        try folder.write(bytes, to: "../deletions")
        #expect(try file.read() == set)
    }
}
