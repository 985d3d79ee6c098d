/// The bounded buffer of pushes that are not yet delivered, and the decision when to try again.
///
/// A value without clock, sockets or randomness: times are milliseconds of any steady clock, jitter is an argument. One push is on its way at a time, the
/// oldest first, so samples arrive in order. When the buffer is full the oldest pushes are dropped and counted: of a long outage the newest part
/// is kept. Source of the back-off: Brooker, "Exponential Backoff And Jitter" (AWS, 2015), full jitter.
package struct DeliveryQueue: Sendable {
    /// A request body that waits.
    package struct Push: Equatable, Sendable {
        /// What to post.
        package var body: [UInt8]
        /// Samples in it.
        package var samples: Int
        fileprivate var number: Int = 0

        /// A body with so many samples.
        package init(body: [UInt8], samples: Int) {
            self.body = body
            self.samples = samples
        }
    }

    /// What came of an attempt.
    package enum Outcome: Equatable, Sendable {
        /// The server's answer.
        case answered(status: Int, retryAfterSeconds: Int?)
        /// There was none: no connection, or it broke, or it took too long.
        case failed
    }

    /// What to do now.
    package enum Action: Equatable, Sendable {
        /// Post this and report the outcome.
        case send(Push)
        /// Ask again at this time.
        case wait(until: Int64)
        /// Ask again after the next `add`.
        case idle
    }

    /// What happened so far, in samples.
    package struct Counters: Equatable, Sendable {
        /// Delivered and stored.
        package var delivered = 0
        /// Dropped because the buffer was full.
        package var droppedByLimit = 0
        /// Given up because the server refused them for what they are (4xx).
        package var refused = 0
        /// Attempts that failed and were, or will be, repeated; in attempts.
        package var retries = 0
    }

    /// The most bytes of bodies that wait, `agent_buffer_bytes_max`.
    package let bytesMax: Int
    /// What happened so far.
    package private(set) var counters = Counters()
    /// Bytes of bodies that wait.
    package private(set) var bytes = 0
    private var pushes: [Push] = []
    /// Pushes before this place are gone; the array is compacted now and then.
    private var first = 0
    private var nextNumber = 1
    /// The push on its way, by number; 0 for none. It stays in the queue until its outcome is known, and may be dropped meanwhile.
    private var inFlight = 0
    private var failures = 0
    private var notBefore: Int64 = 0

    /// The delay after the first failure, before jitter.
    package static let delayMillisecondsMin: Int64 = 500
    /// The longest delay, before jitter; short, as a server that is back wants its machines back.
    package static let delayMillisecondsMax: Int64 = 5_000
    /// The longest `Retry-After` that is obeyed.
    package static let retryAfterSecondsMax = 300

    /// An empty queue.
    ///
    /// - Parameter bytesMax: the most bytes of bodies that wait; one body larger than that is still taken when it is alone.
    package init(bytesMax: Int) {
        self.bytesMax = bytesMax
    }

    /// Pushes that wait or are on their way.
    package var count: Int { pushes.count - first }

    /// Adds a push; drops the oldest ones while the buffer is over its limit.
    ///
    /// - Returns: samples that were dropped.
    package mutating func add(_ push: Push) -> Int {
        var push = push
        push.number = nextNumber
        nextNumber += 1
        pushes.append(push)
        bytes += push.body.count
        var dropped = 0
        while bytes > bytesMax, count > 1 { dropped += removeFirst().samples }
        counters.droppedByLimit += dropped
        return dropped
    }

    /// What to do at `now`, in milliseconds of the same clock as ever.
    package mutating func next(now: Int64) -> Action {
        guard count > 0, inFlight == 0 else { return .idle }
        if now < notBefore { return .wait(until: notBefore) }
        inFlight = pushes[first].number
        return .send(pushes[first])
    }

    /// Takes the outcome of the push that `next` handed out.
    ///
    /// - Parameters:
    ///   - outcome: what came of it.
    ///   - now: milliseconds of the clock.
    ///   - jitter: evenly distributed over all values.
    package mutating func finish(_ outcome: Outcome, now: Int64, jitter: UInt64) {
        let number = inFlight
        inFlight = 0
        switch outcome {
        case .answered(let status, _) where (200..<300).contains(status):
            counters.delivered += remove(number)
            failures = 0
        case .answered(let status, _) where (400..<500).contains(status) && status != 429:
            counters.refused += remove(number)
            failures = 0
        case .answered(_, let retryAfter):
            failures += 1
            counters.retries += 1
            let delay = DeliveryQueue.delay(failures: failures, jitter: jitter)
            let asked = Int64(min(max(retryAfter ?? 0, 0), DeliveryQueue.retryAfterSecondsMax)) * 1_000
            // A little jitter on top, so that a fleet told the same second does not come in the same millisecond.
            notBefore = now + max(delay, asked == 0 ? 0 : asked + Int64(jitter % 500))
        case .failed:
            failures += 1
            counters.retries += 1
            notBefore = now + DeliveryQueue.delay(failures: failures, jitter: jitter)
        }
    }

    /// Lets the next attempt begin at once: for the last flush.
    package mutating func hurry() {
        notBefore = 0
    }

    /// A delay evenly between 0 and the limit of this failure; half the least one at least, to keep from spinning.
    private static func delay(failures: Int, jitter: UInt64) -> Int64 {
        let limit = min(delayMillisecondsMin << Int64(min(failures - 1, 16)), delayMillisecondsMax)
        return max(delayMillisecondsMin / 2, Int64(jitter % UInt64(limit + 1)))
    }

    /// Removes the first push if it is still the one called `number`, and returns its samples. When the limit dropped it on its way it is counted
    /// there already.
    private mutating func remove(_ number: Int) -> Int {
        guard count > 0, pushes[first].number == number else { return 0 }
        return removeFirst().samples
    }

    private mutating func removeFirst() -> Push {
        let push = pushes[first]
        pushes[first].body = []
        first += 1
        bytes -= push.body.count
        if first > 64, first * 2 > pushes.count {
            pushes.removeFirst(first)
            first = 0
        }
        return push
    }
}
