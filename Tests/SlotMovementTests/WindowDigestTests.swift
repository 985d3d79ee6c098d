import SlotMovement
import Testing

@Suite struct WindowDigestTests {
    private func digest(_ samples: [(UInt64, Int64, Double)]) -> WindowDigest {
        var digest = WindowDigest()
        for (series, timestamp, value) in samples {
            digest.add(WindowDigest.hash(fingerprint: (1, series), timestamp: timestamp, value: value))
        }
        return digest
    }

    @Test("the order of samples does not matter, each of their bits does")
    func order() {
        let samples: [(UInt64, Int64, Double)] = [(1, 10, 1), (1, 20, 2), (2, 10, 0)]
        #expect(digest(samples) == digest(samples.reversed()))
        #expect(digest(samples) != digest([(1, 10, 1), (1, 20, 2), (2, 10, -0.0)]))
        #expect(digest(samples) != digest([(1, 10, 1), (1, 21, 2), (2, 10, 0)]))
        #expect(digest(samples) != digest([(1, 10, 1), (3, 20, 2), (2, 10, 0)]))
        #expect(digest([]) == WindowDigest())
    }

    @Test("narrowing names what differs or is only on one side, newest first and bounded")
    func narrowing() {
        let one = digest([(1, 1, 1)])
        let two = digest([(2, 2, 2)])
        #expect(RepairNarrowing.differing([1: one, 2: one, 3: one], [1: one, 2: two, 4: one]) == [4, 3, 2])
        let many = Dictionary(uniqueKeysWithValues: (0..<1_000).map { ($0, one) })
        #expect(RepairNarrowing.differing(many, [:]).count == RepairNarrowing.partsMax)
        #expect(RepairNarrowing.differing(many, many).isEmpty)
    }
}
