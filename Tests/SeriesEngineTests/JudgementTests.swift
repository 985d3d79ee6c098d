import MetricModel
import SeriesEngine
import Testing

@Suite("Which samples are taken")
struct JudgementTests {
    private static let now: Int64 = 1_700_000_000_000
    private static let hour: Int64 = 3_600_000

    @Test("an empty series takes any age inside the retention, a series with samples only the late window")
    func lateWindow() throws {
        var store = MemoryStore()
        let cpu = try definition(["__name__": "cpu"])
        let retention = store.configuration.retention
        let cases: [(Int64, SampleRejection.Reason?)] = [
            (Self.now - retention - 1, .tooOld), (Self.now - retention, nil),
            (Self.now - retention + 5 * Self.hour, nil), (Self.now - retention + 3 * Self.hour, nil),
            (Self.now - retention + 3 * Self.hour - 1, .tooOld), (Self.now + 600_000, nil),
            (Self.now + 600_001, .tooNew), (Self.now + 600_000 - 2 * Self.hour, nil),
            (Self.now + 600_000 - 2 * Self.hour - 1, .tooOld),
        ]
        for (timestamp, wanted) in cases {
            let outcome = store.append(batch([(cpu, timestamp, 1)]), now: Self.now)
            #expect(outcome.rejections.map(\.reason) == (wanted.map { [$0] } ?? []), "\(timestamp - Self.now)")
        }
    }

    @Test("rejections name their rows, the rest of the batch is stored; within a batch earlier rows count")
    func mixedBatch() throws {
        var store = MemoryStore()
        let a = try definition(["__name__": "a"])
        let b = try definition(["__name__": "b"])
        var input = batch([
            (a, Self.now, 1), (b, Self.now, 2), (a, Self.now - 3 * Self.hour, 3), (b, Self.now + Self.hour, 4),
            (a, Self.now + 1, 5),
        ])
        input.rows.append(series: 77, timestamp: Self.now, value: 6)
        input.rows.append(series: 99 | SeriesReference.definitionBit, timestamp: Self.now, value: 7)
        let outcome = store.append(input, now: Self.now)
        #expect(
            outcome.rejections == [
                SampleRejection(row: 2, reason: .tooOld), SampleRejection(row: 3, reason: .tooNew),
            ])
        #expect(outcome.unknownReferences == [5, 6])
        let all = SeriesSelection(tenant: .default, matchers: [], start: .min, end: .max)
        let found = try store.select(all)
        #expect(found[a.labels]?.values == [1, 5])
        #expect(found[b.labels]?.values == [2])
    }

    @Test("the limit of series rejects new series only, and a replay takes all that was acknowledged")
    func seriesMax() throws {
        var configuration = EngineConfiguration(generation: 7)
        configuration.seriesMax = 3
        var store = MemoryStore(configuration)
        let series = try (0..<5).map { try definition(["__name__": "m\($0)"]) }
        let outcome = store.append(batch(series.map { ($0, Self.now, 1) }), now: Self.now)
        #expect(outcome.rejections.map(\.row) == [3, 4])
        #expect(outcome.rejections.allSatisfy { $0.reason == .tooManySeries })
        #expect(outcome.references[3...] == [AppendOutcome.refused, AppendOutcome.refused])
        #expect(store.append(batch([(series[0], Self.now + 1, 1)]), now: Self.now).rejections.isEmpty)
    }

    @Test("a series idle for two seals leaves the table; its reference is unknown and never used again")
    func idleSeries() throws {
        var store = MemoryStore()
        let gone = try definition(["__name__": "gone", "instance": "a"])
        let busy = try definition(["__name__": "busy", "instance": "a"])
        let reference = store.append(batch([(gone, Self.now, 1)]), now: Self.now).references[0]
        for round in 1...3 {
            _ = store.append(batch([(busy, Self.now + Int64(round), 1)]), now: Self.now)
            try store.seal(now: Self.now)
            #expect(store.engine.seriesCount == (round < 3 ? 2 : 1))
        }
        let rows = SampleColumns(series: [reference], timestamps: [Self.now + 9], values: [1])
        #expect(store.append(AppendInput(rows: rows, generation: 7), now: Self.now).unknownReferences == [0])
        let again = store.append(batch([(gone, Self.now + 9, 2)]), now: Self.now)
        #expect(again.references[0] > reference)
        let all = SeriesSelection(
            tenant: .default, matchers: [Matcher(equal: "__name__", "gone")], start: .min, end: .max)
        #expect(try store.select(all)[gone.labels]?.values == [1, 2])
        #expect(store.engine.servers(tenant: .default).map(\.seriesCount) == [2])
    }

    @Test("of two values at one time a number beats a stale marker, then the greater wins, in any order")
    func resolution() throws {
        let pairs: [(Double, Double, Double)] = [
            (1, 2, 2), (StaleMarker.value, 1, 1), (StaleMarker.value, -.infinity, -.infinity), (-0.0, 0, 0),
            (.nan, 5, .nan), (1, 1, 1),
        ]
        for (left, right, winner) in pairs {
            for sealsBetween in 0...1 {
                for (first, second) in [(left, right), (right, left)] {
                    var store = MemoryStore()
                    let cpu = try definition(["__name__": "cpu"])
                    _ = store.append(batch([(cpu, Self.now, first)]), now: Self.now)
                    if sealsBetween == 1 { try store.seal(now: Self.now) }
                    _ = store.append(batch([(cpu, Self.now, second)]), now: Self.now)
                    let all = SeriesSelection(tenant: .default, matchers: [], start: .min, end: .max)
                    let found = try store.select(all)[cpu.labels]
                    #expect(found?.values.map(\.bitPattern) == [winner.bitPattern])
                }
            }
        }
    }
}
