internal import QueryLanguage

// MARK: - rate, increase, delta, irate, idelta

extension WindowKernel {
    /// `rate`, `increase` and `delta`: the difference of last and first sample, resets of a counter added back, extrapolated to the
    /// window's edges as Prometheus does: up to an edge that is nearer than 1.1 mean sample distances, else by half a distance; and
    /// not below a counter's zero.
    func fillExtrapolated(_ row: inout [Double], _ timestamps: [Int64], _ values: [Double]) {
        let isCounter = function != .delta
        // Where a counter fell, and from what.
        var resets: [Int] = []
        var drops: [Double] = []
        let numbers = values.span
        if isCounter && numbers.count > 1 {
            for index in 1..<numbers.count where numbers[index] < numbers[index - 1] {
                resets.append(index)
                drops.append(numbers[index - 1])
            }
        }
        var firstReset = 0
        var edges = WindowEdges()
        each(&row, timestamps, atLeast: 2) { step, low, high in
            var difference = values[high - 1] - values[low]
            while firstReset < resets.count && resets[firstReset] <= low { firstReset &+= 1 }
            var reset = firstReset
            while reset < resets.count && resets[reset] < high {
                difference += drops[reset]
                reset &+= 1
            }
            let end = end(step)
            edges.update(
                sampled: timestamps[high - 1] - timestamps[low], toStart: timestamps[low] - (end - length),
                toEnd: end - timestamps[high - 1], gaps: high - low - 1, seconds: seconds)
            if isCounter && difference > 0 && values[low] >= 0 {
                let toZero = edges.sampled * (values[low] / difference)
                if toZero < edges.toStart { return difference * edges.factor(toStart: toZero, seconds) }
            }
            return difference * edges.factor
        }
    }

    /// What a rate is divided by.
    private var seconds: Double? { function == .rate ? WindowKernel.seconds(length) : nil }

    /// `irate` and `idelta`: from the last two samples of the window.
    func fillInstantaneous(_ row: inout [Double], _ timestamps: [Int64], _ values: [Double]) {
        let isRate = function == .irate
        each(&row, timestamps, atLeast: 2) { _, _, high in
            let (last, previous) = (values[high - 1], values[high - 2])
            // After a counter's reset the last value is itself the increase.
            let difference = isRate && last < previous ? last : last - previous
            return isRate ? difference / (Double(timestamps[high - 1] - timestamps[high - 2]) / 1000) : difference
        }
    }

    /// Milliseconds as seconds, rounded as Go rounds a duration.
    static func seconds(_ milliseconds: Int64) -> Double {
        Double(milliseconds / 1000) + Double(milliseconds % 1000 * 1_000_000) / 1e9
    }
}

/// How far the samples of a window are from its edges, and by what a difference of values is multiplied for that. Neighbouring windows
/// of regular samples have the same distances: they are computed once.
private struct WindowEdges {
    /// Seconds from the first sample to the last.
    private(set) var sampled = 0.0
    /// Seconds before the first sample for which it stands.
    private(set) var toStart = 0.0
    /// The factor unless the counter would reach zero within `toStart`.
    private(set) var factor = 0.0
    private var toEnd = 0.0
    private var known: (sampled: Int64, toStart: Int64, toEnd: Int64, gaps: Int) = (0, 0, 0, 0)

    /// Takes distances in milliseconds, and how many distances between samples there are, 1 or more.
    @inline(__always)
    mutating func update(sampled: Int64, toStart: Int64, toEnd: Int64, gaps: Int, seconds: Double?) {
        if (sampled, toStart, toEnd, gaps) == known { return }
        known = (sampled, toStart, toEnd, gaps)
        self.sampled = Double(sampled) / 1000
        let distance = self.sampled / Double(gaps)
        let threshold = distance * 1.1
        self.toStart = Double(toStart) / 1000
        self.toEnd = Double(toEnd) / 1000
        if self.toStart >= threshold { self.toStart = distance / 2 }
        if self.toEnd >= threshold { self.toEnd = distance / 2 }
        factor = factor(toStart: self.toStart, seconds)
    }

    @inline(__always)
    func factor(toStart: Double, _ seconds: Double?) -> Double {
        let factor = (sampled + toStart + toEnd) / sampled
        return seconds.map { factor / $0 } ?? factor
    }
}
