import CheckpointPlan
import Testing

@Suite struct RestoreRoundsTests {
    private func rounds(of slots: Range<Int>) -> RestoreRounds {
        var rounds = RestoreRounds(slotsMax: 4)
        for slot in slots { rounds.insert(slot) }
        return rounds
    }

    @Test("every slot is tried before any is tried again, however often that fails")
    func turns() {
        var rounds = rounds(of: 0..<10)
        for _ in 0..<3 {
            var tried: [Int] = []
            while !rounds.isOver {
                tried += rounds.next
                rounds.failed(rounds.next)
            }
            #expect(tried == Array(0..<10))
            #expect(rounds.next == [] && rounds.count == 10)
            rounds.begin()
        }
    }

    @Test("what comes after a round is tried at once, and alone")
    func later() {
        var rounds = rounds(of: 0..<4)
        rounds.failed(rounds.next)
        #expect(rounds.isOver)
        rounds.insert(2)
        rounds.insert(7)
        #expect(!rounds.isOver && rounds.next == [7])
    }

    @Test("what is restored is not tried again, unless it is wanted again")
    func restored() {
        var rounds = rounds(of: 0..<6)
        rounds.failed([0, 1, 2, 3])
        rounds.restored([3, 4, 5])
        #expect(rounds.isOver && rounds.count == 3)
        rounds.insert(3)
        #expect(rounds.next == [3])
        rounds.clear()
        #expect(rounds.isOver && rounds.count == 0)
    }
}
