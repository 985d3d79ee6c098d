internal import EngineStorage
internal import MetricModel
internal import WireProtocol

/// The monotonic clock of explained answers.
enum NodeClock {
    private static let start = ContinuousClock.now

    /// Nanoseconds.
    static func nanoseconds() -> Int64 { Int64(start.duration(to: .now) / .nanoseconds(1)) }
}

extension WorkDone {
    /// Adds how long it took since `began`, and what the selections lay in.
    mutating func finish(_ began: ContinuousClock.Instant, _ selections: [StoredSelection]) throws {
        microseconds = Int(began.duration(to: .now) / .microseconds(1))
        for selection in selections {
            let volume = try selection.volume()
            self.volume.chunks += volume.chunks
            self.volume.bytes += volume.bytes
        }
    }
}
