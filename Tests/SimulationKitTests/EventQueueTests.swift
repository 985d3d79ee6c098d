import SeededRandom
import SimulationKit
import Testing

@Suite struct EventQueueTests {
    @Test("events leave by time, those of one time by rank, like a sorted list", arguments: [1, 2, 3] as [UInt64])
    func order(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var queue = EventQueue<Int>()
        var twin: [(time: Int64, rank: UInt64, payload: Int)] = []
        for step in 0..<5_000 {
            if twin.isEmpty || random.chance(perMillion: 550_000) {
                let time = Int64(random.number(in: 0...200))
                queue.push(step, key: .init(time: time, rank: UInt64(step)))
                let place = twin.firstIndex { $0.time > time } ?? twin.count
                twin.insert((time, UInt64(step), step), at: place)
            } else {
                let expected = twin.removeFirst()
                #expect(queue.nextTime == expected.time)
                let popped = queue.pop()
                #expect(popped?.payload == expected.payload)
            }
            #expect(queue.count == twin.count)
        }
    }

    @Test("an empty queue gives nothing")
    func empty() {
        var queue = EventQueue<Int>()
        let popped = queue.pop()
        #expect(popped == nil)
        #expect(queue.nextTime == nil)
    }
}
