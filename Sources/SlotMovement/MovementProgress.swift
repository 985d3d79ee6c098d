/// How slots come along that a node gains, or gives away: looked at each second, out of what is left and what has passed so far.
///
/// A change begins when there is something left and ends when nothing is. One that begins in the middle of another makes it longer.
package struct MovementProgress: Equatable, Sendable {
    /// A change that goes on.
    package struct Change: Equatable, Sendable {
        /// Slots that it is about, and those of them that are left.
        package var slots: Int
        package var slotsLeft: Int
        /// How long it goes on.
        package var seconds: Int
        /// What passed since it began.
        package var bytes: Int
        package var samples: Int
        /// What passes a second, over the last seconds.
        package var bytesPerSecond: Int
        package var samplesPerSecond: Int
        /// How long it may still take at this pace; nil while nothing gets on.
        package var secondsLeft: Int?
    }

    private struct Mark: Equatable {
        var time: Int64
        var left: Int
        var bytes: Int
        var samples: Int
    }

    /// Of so many seconds the pace is taken.
    private static let span: Int64 = 10_000_000

    /// How it stands; nil while there is nothing to do.
    package private(set) var change: Change?
    private var first = Mark(time: 0, left: 0, bytes: 0, samples: 0)
    /// Slots that came to it after it began.
    private var added = 0
    private var marks: [Mark] = []

    package init() {}

    /// Takes what there is at a moment.
    ///
    /// - Parameters:
    ///   - left: slots that are not done.
    ///   - bytes: that have passed since the node began.
    ///   - samples: likewise.
    ///   - now: of the monotonic clock, microseconds.
    package mutating func note(left: Int, bytes: Int, samples: Int, now: Int64) {
        guard left > 0 else {
            change = nil
            marks = []
            return
        }
        let mark = Mark(time: now, left: left, bytes: bytes, samples: samples)
        if marks.isEmpty {
            first = mark
            added = 0
        }
        added += max(0, left - (marks.last?.left ?? left))
        marks.append(mark)
        while marks.count > 2, marks[1].time <= now - Self.span { marks.removeFirst() }
        let base = marks[0]
        let seconds = Double(now - base.time) / 1_000_000
        let isTimed = seconds > 0
        // Slots that came to it in between hide none that were done.
        let done = zip(marks, marks.dropFirst()).reduce(0) { $0 + max(0, $1.0.left - $1.1.left) }
        change = Change(
            slots: first.left + added, slotsLeft: left, seconds: Int((now - first.time) / 1_000_000),
            bytes: bytes - first.bytes, samples: samples - first.samples,
            bytesPerSecond: isTimed ? Int(Double(bytes - base.bytes) / seconds) : 0,
            samplesPerSecond: isTimed ? Int(Double(samples - base.samples) / seconds) : 0,
            secondsLeft: isTimed && done > 0 ? Int((Double(left) * seconds / Double(done)).rounded(.up)) : nil)
    }
}

/// Holds the pages that a node asks for to a number of bytes a second.
///
/// Whoever may not ask asks again soon: `SlotKeeper` does so each `askInterval`. What a page will cost is not known before it comes, so the
/// greatest of the last ones is put aside for it.
package struct MovementPace: Equatable, Sendable {
    private let bytesPerSecond: Double
    /// What may be asked for now; below 0 when more came than was thought.
    private var allowance: Double
    private var notedAt: Int64
    private var expected: Double = 65_536

    /// - Parameters:
    ///   - bytesPerSecond: positive.
    ///   - now: of the monotonic clock, microseconds.
    package init(bytesPerSecond: Int, now: Int64) {
        precondition(bytesPerSecond > 0, "a pace of \(bytesPerSecond) bytes a second")
        self.bytesPerSecond = Double(bytesPerSecond)
        allowance = self.bytesPerSecond
        notedAt = now
    }

    /// Whether a page may be asked for; if so, it counts.
    package mutating func mayAsk(now: Int64) -> Bool {
        allowance = min(bytesPerSecond, allowance + bytesPerSecond * Double(now - notedAt) / 1_000_000)
        notedAt = now
        guard allowance > 0 else { return false }
        allowance -= expected
        return true
    }

    /// A page came.
    package mutating func received(bytes: Int) {
        allowance = min(bytesPerSecond, allowance + expected - Double(bytes))
        expected = max(Double(bytes), expected * 7 / 8)
    }
}
