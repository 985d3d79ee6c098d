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
        if isCounter {
            for index in values.indices.dropFirst() where values[index] < values[index - 1] {
                resets.append(index)
                drops.append(values[index - 1])
            }
        }
        let seconds = WindowKernel.seconds(length)
        let isRate = function == .rate
        var firstReset = 0
        each(&row, timestamps, atLeast: 2) { step, low, high in
            var difference = values[high - 1] - values[low]
            while firstReset < resets.count && resets[firstReset] <= low { firstReset &+= 1 }
            var reset = firstReset
            while reset < resets.count && resets[reset] < high {
                difference += drops[reset]
                reset &+= 1
            }
            let end = end(step)
            let sampled = Double(timestamps[high - 1] - timestamps[low]) / 1000
            let distance = sampled / Double(high - low - 1)
            let threshold = distance * 1.1
            var toStart = Double(timestamps[low] - (end - length)) / 1000
            var toEnd = Double(end - timestamps[high - 1]) / 1000
            if toStart >= threshold { toStart = distance / 2 }
            if isCounter && difference > 0 && values[low] >= 0 {
                let toZero = sampled * (values[low] / difference)
                if toZero < toStart { toStart = toZero }
            }
            if toEnd >= threshold { toEnd = distance / 2 }
            var factor = (sampled + toStart + toEnd) / sampled
            if isRate { factor /= seconds }
            return difference * factor
        }
    }

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
