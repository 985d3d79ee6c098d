import EngineStorage
import MetricModel
import SeededRandom
import SeriesEngine
import Testing

@Suite("What a store says changed of its data")
struct ChangesTests {
    private static let allSlots = SlotSet(below: 1 << 14)

    /// What was at some times when a change was the newest.
    private struct Memory {
        var known: UInt64
        var data: [Labels: SeriesColumns]
    }

    @Test(
        "times that it does not name hold what they held: samples new, late and repeated, seals, retention",
        arguments: 0..<3 as Range<UInt64>)
    func neverFewer(_ seed: UInt64) async throws {
        var random = SplitMix64(seed: seed)
        let clock = ManualClock()
        let folder = TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let host = try await openHost(folder, clock: clock) { configuration in
            configuration.engine.retention = 3_600_000
            configuration.engine.lateWindow = 1_200_000
        }
        let first = clock.now
        var memories: [Memory] = []
        for round in 0..<60 {
            clock.advance(Int64.random(in: 1_000...120_000, using: &random))
            var samples: [(SeriesDefinition, Int64, Double)] = []
            for server in 0..<4 where Bool.random(using: &random) {
                let isLate = Int.random(in: 0..<4, using: &random) == 0
                let age = isLate ? Int64.random(in: 0...1_000_000, using: &random) : 0
                samples.append(
                    (try definition("cpu", "web-\(server)"), max(first + 1, clock.now - age), Double(round)))
            }
            _ = try await host.append(batch(samples))
            if round % 11 == 10 { try await host.seal() }
            for memory in memories { try await check(host, memory, first...clock.now + 1) }
            if round % 5 == 0 {
                let now = try await host.changes(since: nil, in: first...clock.now, slots: Self.allSlots)
                #expect(now.times == [] && now.standing.reply == nil)
                memories.append(Memory(known: now.sequence, data: try await host.everything()))
            }
        }
        #expect(memories.contains { !$0.data.isEmpty })
        try await host.close()
    }

    private func check(_ host: EngineHost, _ memory: Memory, _ times: ClosedRange<Int64>) async throws {
        // Asked for last: retention may act in between.
        let data = try await host.everything()
        let changed = try await host.changes(since: memory.known, in: times, slots: Self.allSlots).times
        for labels in Set(data.keys).union(memory.data.keys) {
            let before = Self.samples(memory.data[labels], outside: changed, in: times)
            #expect(before == Self.samples(data[labels], outside: changed, in: times))
        }
    }

    private static func samples(
        _ series: SeriesColumns?, outside changed: [ClosedRange<Int64>], in times: ClosedRange<Int64>
    ) -> [Int64: UInt64] {
        guard let series else { return [:] }
        var found: [Int64: UInt64] = [:]
        for (time, value) in zip(series.timestamps, series.values)
        where times.contains(time) && !changed.contains(where: { $0.contains(time) }) {
            found[time] = value.bitPattern
        }
        return found
    }

    @Test("a late sample is named by its time alone, and a seal by nothing")
    func lateSample() async throws {
        let clock = ManualClock()
        let folder = TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let host = try await openHost(folder, clock: clock)
        let cpu = try definition("cpu", "web-1")
        for age in stride(from: 600_000, through: 0, by: -10_000) as StrideThrough<Int64> {
            _ = try await host.append(batch([(cpu, clock.now - age, 1)]))
        }
        let times = clock.now - 700_000...clock.now + 60_000
        let known = try await host.changes(since: nil, in: times, slots: Self.allSlots).sequence
        try await host.seal()
        #expect(try await host.changes(since: known, in: times, slots: Self.allSlots).times == [])
        _ = try await host.append(batch([(cpu, clock.now - 305_000, 7)]))
        let changed = try await host.changes(since: known, in: times, slots: Self.allSlots).times
        #expect(changed.count == 1 && changed.allSatisfy { $0.contains(clock.now - 305_000) && $0.count < 20_000 })
        try await host.close()
    }
}
