// MARK: - deriv, predict_linear, double_exponential_smoothing

extension WindowKernel {
    func fillSlope(_ row: inout [Double], _ timestamps: [Int64], _ values: [Double]) {
        each(&row, timestamps, atLeast: 2) { _, low, high in
            // Times are counted from the first sample: small numbers lose less.
            WindowKernel.regression(timestamps[low..<high], values[low..<high], origin: timestamps[low]).slope
        }
    }

    func fillPrediction(_ row: inout [Double], _ timestamps: [Int64], _ values: [Double]) {
        each(&row, timestamps, atLeast: 2) { step, low, high in
            let line = WindowKernel.regression(timestamps[low..<high], values[low..<high], origin: grid.time(step))
            return line.slope * parameters[0][step] + line.intercept
        }
    }

    /// Least squares: slope in units a second, and the value at `origin` (Unix milliseconds).
    static func regression(
        _ timestamps: ArraySlice<Int64>, _ values: ArraySlice<Double>, origin: Int64
    ) -> (slope: Double, intercept: Double) {
        let first = values[values.startIndex]
        if values.allSatisfy({ $0 == first }) || values.count == 1 {
            return first.isInfinite ? (.nan, .nan) : (0, first)
        }
        var (x, y, xy, xx) = (KahanSum(), KahanSum(), KahanSum(), KahanSum())
        for (timestamp, value) in zip(timestamps, values) {
            let seconds = Double(timestamp - origin) / 1e3
            x.add(seconds)
            y.add(value)
            xy.add(seconds * value)
            xx.add(seconds * seconds)
        }
        let count = Double(values.count)
        let covariance = xy.total - x.total * y.total / count
        let variance = xx.total - x.total * x.total / count
        let slope = covariance / variance
        return (slope, y.total / count - slope * x.total / count)
    }

    /// Holt's linear method: `parameters` are the smoothing and the trend factor, both between 0 and 1.
    func fillSmoothed(_ row: inout [Double], _ timestamps: [Int64], _ values: [Double]) {
        each(&row, timestamps, atLeast: 2) { step, low, high in
            let (smoothing, trendFactor) = (parameters[0][step], parameters[1][step])
            var previous = 0.0
            var smoothed = values[low]
            var trend = values[low + 1] - values[low]
            for index in low + 1..<high {
                if index > low + 1 { trend = trendFactor * (smoothed - previous) + (1 - trendFactor) * trend }
                let next = smoothing * values[index] + (1 - smoothing) * (smoothed + trend)
                previous = smoothed
                smoothed = next
            }
            return smoothed
        }
    }
}
