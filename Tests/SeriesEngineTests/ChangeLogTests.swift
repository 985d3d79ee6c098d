import MetricModel
import SeededRandom
import SeriesEngine
import Testing

@Suite("Which times changed since when")
struct ChangeLogTests {
    private static let window: Int64 = 1 << 14

    @Test("what was touched since is named by its window, what was touched before is not")
    func windows() {
        var log = ChangeLog()
        log.note([Self.window, Self.window + 1, 5 * Self.window])
        let before = log.sequence
        log.note([2 * Self.window + 7])
        log.note([3 * Self.window, -1])
        #expect(
            log.changes(since: before, in: -Self.window...9 * Self.window) == [
                -Self.window...(-1), 2 * Self.window...4 * Self.window - 1,
            ])
        #expect(log.changes(since: before, in: 3 * Self.window...9 * Self.window).count == 1)
        #expect(log.changes(since: before, in: 4 * Self.window...9 * Self.window) == [])
        #expect(log.changes(since: log.sequence, in: .min...(.max)) == [])
    }

    @Test("samples that lie far apart in one batch do not touch what is between")
    func farApart() {
        var log = ChangeLog()
        log.note([0, 1_000 * Self.window, 0, 70 * Self.window])
        #expect(
            log.changes(since: 0, in: .min...(.max))
                == [0, 70, 1_000].map {
                    $0 * Self.window...($0 + 1) * Self.window - 1
                })
    }

    @Test("a change of all that is old, or of everything, is named, and what comes later is told apart again")
    func all() {
        var log = ChangeLog()
        log.note([10 * Self.window])
        let first = log.sequence
        log.noteAll(before: 4 * Self.window)
        #expect(log.changes(since: first, in: 0...20 * Self.window) == [0...4 * Self.window - 1])
        #expect(log.changes(since: log.sequence, in: 0...20 * Self.window) == [])
        let second = log.sequence
        log.noteEverything()
        #expect(log.changes(since: second, in: 0...99) == [0...99])
        let third = log.sequence
        log.note([0])
        #expect(log.changes(since: third, in: 0...20 * Self.window) == [0...Self.window - 1])
    }

    @Test("an answer never names fewer times than changed, however many they are", arguments: 0..<4 as Range<UInt64>)
    func neverFewer(_ seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var log = ChangeLog()
        var changes: [(number: UInt64, time: Int64)] = []
        var known: [UInt64] = [0]
        for round in 0..<300 {
            let spread: Int64 = seed == 0 ? 40_000_000_000_000 : 40_000_000
            let count = seed == 0 ? 400 : 5
            let times = (0..<count).map { _ in Int64.random(in: -spread...spread, using: &random) }
            log.note(times)
            changes += times.map { (log.sequence, $0) }
            if round % 50 == 7 { known.append(log.sequence) }
        }
        for known in known {
            let ranges = log.changes(since: known, in: .min...(.max))
            #expect(ranges.count <= ChangeLog.rangesMax)
            let missing = changes.filter { change in
                change.number > known && !ranges.contains { $0.contains(change.time) }
            }
            #expect(missing.isEmpty)
        }
        #expect(log.changes(since: log.sequence, in: .min...(.max)) == [])
    }
}
