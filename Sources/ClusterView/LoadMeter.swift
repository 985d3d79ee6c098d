/// What a process does a second, out of counters that are looked at now and then.
package struct LoadMeter: Equatable, Sendable {
    private struct Mark: Equatable {
        var time: Double
        var samples: Int
        var cpuSeconds: Double
    }

    /// Of so many seconds the load is taken.
    private static let span = 10.0

    private var marks: [Mark] = []

    package init() {}

    /// Looks at the counters.
    ///
    /// - Parameters:
    ///   - time: seconds of a clock that never goes back.
    ///   - samples: taken so far.
    ///   - cpuSeconds: processor time so far.
    package mutating func note(time: Double, samples: Int, cpuSeconds: Double) {
        marks.append(Mark(time: time, samples: samples, cpuSeconds: cpuSeconds))
        while marks.count > 2, marks[1].time <= time - Self.span { marks.removeFirst() }
    }

    /// Samples a second, and processor cores at work; nil before the second look.
    package var rates: (samples: Double, cores: Double)? {
        guard let first = marks.first, let last = marks.last, last.time > first.time else { return nil }
        let seconds = last.time - first.time
        // A counter that went back began anew.
        return (
            Double(max(0, last.samples - first.samples)) / seconds, max(0, last.cpuSeconds - first.cpuSeconds) / seconds
        )
    }
}
