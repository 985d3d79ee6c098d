import NodeAgent
import Testing

@Suite("Delivery queue")
struct DeliveryQueueTests {
    private func push(_ samples: Int, bytes: Int = 10) -> DeliveryQueue.Push {
        DeliveryQueue.Push(body: [UInt8](repeating: UInt8(truncatingIfNeeded: samples), count: bytes), samples: samples)
    }

    private func sent(_ action: DeliveryQueue.Action) -> Int? {
        if case .send(let push) = action { return push.samples }
        return nil
    }

    @Test("pushes go one at a time, the oldest first")
    func order() {
        var queue = DeliveryQueue(bytesMax: 1_000)
        #expect(queue.next(now: 0) == .idle)
        for samples in 1...3 { #expect(queue.add(push(samples)) == 0) }
        for samples in 1...3 {
            #expect(sent(queue.next(now: 0)) == samples)
            #expect(queue.next(now: 0) == .idle)
            queue.finish(.answered(status: 204, retryAfterSeconds: nil), now: 0, jitter: 0)
        }
        #expect(queue.next(now: 0) == .idle)
        #expect(queue.counters.delivered == 6)
        #expect(queue.bytes == 0)
    }

    @Test("the buffer keeps the newest pushes and counts what it drops")
    func bounded() {
        var queue = DeliveryQueue(bytesMax: 100)
        var dropped = 0
        for samples in 1...1_000 { dropped += queue.add(push(samples)) }
        #expect(queue.bytes == 100)
        #expect(queue.count == 10)
        #expect(dropped == (1...990).reduce(0, +))
        #expect(queue.counters.droppedByLimit == dropped)
        #expect(sent(queue.next(now: 0)) == 991)
    }

    @Test("one push larger than the buffer is kept alone")
    func tooLarge() {
        var queue = DeliveryQueue(bytesMax: 100)
        #expect(queue.add(push(1, bytes: 500)) == 0)
        #expect(queue.add(push(2, bytes: 500)) == 1)
        #expect(queue.count == 1)
    }

    @Test("a push that was dropped on its way is not counted twice, and the next is not lost")
    func droppedInFlight() {
        var queue = DeliveryQueue(bytesMax: 20)
        _ = queue.add(push(1))
        #expect(sent(queue.next(now: 0)) == 1)
        for samples in 2...4 { _ = queue.add(push(samples)) }
        queue.finish(.answered(status: 204, retryAfterSeconds: nil), now: 0, jitter: 0)
        #expect(queue.counters.delivered == 0)
        #expect(queue.counters.droppedByLimit == 1 + 2)
        #expect(sent(queue.next(now: 0)) == 3)
    }

    @Test("failures wait longer and longer, within limits, with jitter", arguments: [0, 1, 12_345, .max] as [UInt64])
    func backOff(_ jitter: UInt64) {
        var queue = DeliveryQueue(bytesMax: 1_000)
        _ = queue.add(push(1))
        var now: Int64 = 0
        for failure in 1...40 {
            #expect(sent(queue.next(now: now)) == 1)
            queue.finish(.failed, now: now, jitter: jitter)
            guard case .wait(let until) = queue.next(now: now) else {
                Issue.record("no wait after failure \(failure)")
                return
            }
            #expect(until - now >= DeliveryQueue.delayMillisecondsMin / 2)
            #expect(until - now <= DeliveryQueue.delayMillisecondsMax)
            #expect(queue.next(now: until - 1) == .wait(until: until))
            now = until
        }
        #expect(queue.counters.retries == 40)
    }

    @Test("Retry-After is obeyed, up to its limit")
    func retryAfter() {
        for (asked, expected) in [(3, 3_000), (100_000, 300_000), (-5, 250)] as [(Int, Int64)] {
            var queue = DeliveryQueue(bytesMax: 1_000)
            _ = queue.add(push(1))
            _ = queue.next(now: 0)
            queue.finish(.answered(status: 503, retryAfterSeconds: asked), now: 0, jitter: 0)
            #expect(queue.next(now: 0) == .wait(until: expected))
        }
    }

    @Test(
        "what the server refuses for what it is, is given up; the rest is tried again",
        arguments: [
            (400, false), (401, false), (413, false), (404, false), (429, true), (500, true), (503, true), (301, true),
        ])
    func refusals(_ status: Int, _ isRetried: Bool) {
        var queue = DeliveryQueue(bytesMax: 1_000)
        _ = queue.add(push(7))
        _ = queue.next(now: 0)
        queue.finish(.answered(status: status, retryAfterSeconds: nil), now: 0, jitter: 0)
        #expect(queue.count == (isRetried ? 1 : 0))
        #expect(queue.counters.refused == (isRetried ? 0 : 7))
        #expect(queue.counters.retries == (isRetried ? 1 : 0))
    }

    @Test("a success ends the back-off, and the last flush does not wait")
    func recovery() {
        var queue = DeliveryQueue(bytesMax: 1_000)
        for samples in 1...2 { _ = queue.add(push(samples)) }
        var now: Int64 = 0
        for _ in 0..<10 {
            _ = queue.next(now: now)
            queue.finish(.failed, now: now, jitter: .max)
            now += 60_000
        }
        #expect(sent(queue.next(now: now)) == 1)
        queue.finish(.answered(status: 200, retryAfterSeconds: nil), now: now, jitter: 0)
        #expect(sent(queue.next(now: now)) == 2)
        queue.finish(.failed, now: now, jitter: 0)
        #expect(sent(queue.next(now: now)) == nil)
        queue.hurry()
        #expect(sent(queue.next(now: now)) == 2)
    }
}
