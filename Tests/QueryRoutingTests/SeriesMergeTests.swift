import MetricModel
import QueryRouting
import Testing

@Suite("Merging what holders sent")
struct SeriesMergeTests {
    static func series(_ name: String, _ samples: [(Int64, Double)]) throws -> SeriesColumns {
        SeriesColumns(
            labels: try Labels([Label(Labels.metricName, name)]), timestamps: samples.map(\.0), values: samples.map(\.1)
        )
    }

    @Test("a sample that two replicas hold counts once")
    func replicasAgree() throws {
        let one = try Self.series("a", [(1, 1), (2, 2)])
        var merge = SeriesMerge()
        merge.add([one])
        merge.add([one])
        #expect(merge.finish() == [one])
    }

    @Test("what one replica lacks comes from the other, and the greater value wins, in any order of arrival")
    func union() throws {
        let left = try Self.series("a", [(1, 1), (3, 3), (4, StaleMarker.value)])
        let right = try Self.series("a", [(2, 2), (3, 5), (4, 0), (9, 9)])
        let expected = try Self.series("a", [(1, 1), (2, 2), (3, 5), (4, 0), (9, 9)])
        for order in [[left, right], [right, left]] {
            var merge = SeriesMerge()
            for part in order { merge.add([part]) }
            #expect(merge.finish() == [expected])
        }
    }

    @Test("different series stay apart, and the order of the result does not depend on who answered first")
    func order() throws {
        let parts = [try Self.series("b", [(1, 1)]), try Self.series("a", [(1, 2)]), try Self.series("c", [(5, 1)])]
        var forward = SeriesMerge()
        forward.add(parts)
        var backward = SeriesMerge()
        for part in parts.reversed() { backward.add([part]) }
        #expect(forward.finish() == backward.finish())
    }

    @Test("random splits of one series over three replicas give the series back")
    func randomSplits() throws {
        var state: UInt64 = 7
        func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 33
        }
        for _ in 0..<200 {
            let all = (0..<Int64(next() % 50 + 1)).map { ($0 * 10, Double(next() % 1000)) }
            var parts: [[(Int64, Double)]] = [[], [], []]
            for sample in all {
                let first = Int(next() % 3)
                parts[first].append(sample)
                for other in 0..<3 where other != first && next() % 2 == 0 { parts[other].append(sample) }
            }
            var merge = SeriesMerge()
            for part in parts where !part.isEmpty { merge.add([try Self.series("x", part)]) }
            #expect(merge.finish() == [try Self.series("x", all)])
        }
    }
}
