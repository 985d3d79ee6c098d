internal import MetricModel
internal import QueryLanguage

/// One function of a window, applied to one series at every step.
///
/// Windows are left-open, (end - length, end], and their ends never fall, so two indices walk the samples once. Where a result can be
/// kept up exactly while the window moves (counts, extremes, changes, resets), a step costs O(1); sums are taken anew for each window,
/// because a running sum would round differently, except over whole numbers, whose sums are exact.
struct WindowKernel {
    let function: FunctionName
    let grid: TimeGrid
    /// End of the first step's window, Unix milliseconds.
    let firstEnd: Int64
    /// Milliseconds between the ends of neighbouring windows; 0 when `@` pins them.
    let endDistance: Int64
    /// Length of the window, milliseconds.
    let length: Int64
    /// The scalar arguments at each step.
    let parameters: [[Double]]
    /// Asked between windows, once for so many samples; the row is then left unfinished, and the caller asks again and throws.
    let isCancelled: () -> Bool

    /// Samples that windows may visit between two questions: some milliseconds of work.
    static let samplesBetweenChecks = 1 << 20

    init(
        function: FunctionName, window: PlannedWindow, grid: TimeGrid, parameters: [[Double]],
        isCancelled: @escaping () -> Bool
    ) {
        self.function = function
        self.grid = grid
        firstEnd = window.end(grid.start)
        endDistance = window.time.at == nil ? grid.step : 0
        length = window.length
        self.parameters = parameters
        self.isCancelled = isCancelled
    }

    /// End of the window of a step, Unix milliseconds.
    @inline(__always)
    func end(_ step: Int) -> Int64 { firstEnd &+ Int64(step) &* endDistance }

    /// Whether the function is meant for counters only.
    var isForCounters: Bool { function == .rate || function == .increase }

    /// Whether windows of neighbouring steps share samples.
    var overlaps: Bool { length > endDistance }

    /// Calls `body` for each step with the samples in its window, `low ..< high`, at least `least` of them; its answer fills the row.
    @inline(__always)
    func each(
        _ row: inout [Double], _ timestamps: [Int64], atLeast least: Int = 1,
        _ body: (_ step: Int, _ low: Int, _ high: Int) -> Double
    ) {
        var low = 0
        var high = 0
        // How far both went last: with a regular clock they go as far again.
        var lowStride = 0
        var highStride = 0
        var visited = 0
        let count = timestamps.count
        var end = firstEnd
        // A span writes without asking each time whether the array is shared.
        var cells = row.mutableSpan
        let timestamps = timestamps.span
        for step in 0..<grid.count {
            let nextHigh = high &+ highStride
            if nextHigh > high, nextHigh < count, timestamps[nextHigh &- 1] <= end, timestamps[nextHigh] > end {
                high = nextHigh
            } else {
                let before = high
                while high < count && timestamps[high] <= end { high &+= 1 }
                highStride = high &- before
            }
            let start = end &- length
            let nextLow = low &+ lowStride
            if nextLow > low, nextLow < high, timestamps[nextLow &- 1] <= start, timestamps[nextLow] > start {
                low = nextLow
            } else {
                let before = low
                while low < high && timestamps[low] <= start { low &+= 1 }
                lowStride = low &- before
            }
            cells[step] = high - low >= least ? body(step, low, high) : .absent
            end &+= endDistance
            visited &+= high - low
            if visited > WindowKernel.samplesBetweenChecks {
                if isCancelled() { return }
                visited = 0
            }
        }
    }

    /// Fills a row from a series without stale markers.
    func fill(_ row: inout [Double], _ timestamps: [Int64], _ values: [Double]) {
        switch function {
        case .rate, .increase, .delta: fillExtrapolated(&row, timestamps, values)
        case .irate, .idelta: fillInstantaneous(&row, timestamps, values)
        case .countOverTime: each(&row, timestamps) { _, low, high in Double(high - low) }
        case .presentOverTime: each(&row, timestamps) { _, _, _ in 1 }
        case .lastOverTime: each(&row, timestamps) { _, _, high in values[high - 1] }
        case .tsOfLastOverTime: each(&row, timestamps) { _, _, high in Double(timestamps[high - 1]) / 1000 }
        case .changes: fillPairs(&row, timestamps, values) { $0 != $1 && !($0.isNaN && $1.isNaN) }
        case .resets: fillPairs(&row, timestamps, values) { $1 < $0 }
        case .sumOverTime: fillSum(&row, timestamps, values)
        case .avgOverTime: fillMean(&row, timestamps, values)
        case .minOverTime: fillExtreme(&row, timestamps, values) { $0 < $1 }
        case .maxOverTime: fillExtreme(&row, timestamps, values) { $0 > $1 }
        case .tsOfMinOverTime: fillTimeOfExtreme(&row, timestamps, values) { $0 <= $1 }
        case .tsOfMaxOverTime: fillTimeOfExtreme(&row, timestamps, values) { $0 >= $1 }
        case .stdvarOverTime: each(&row, timestamps) { _, low, high in Statistics.variance(values[low..<high]) }
        case .stddevOverTime:
            each(&row, timestamps) { _, low, high in Statistics.variance(values[low..<high]).squareRoot() }
        case .quantileOverTime:
            each(&row, timestamps) { step, low, high in Statistics.quantile(parameters[0][step], values[low..<high]) }
        case .madOverTime: each(&row, timestamps) { _, low, high in Statistics.medianDeviation(values[low..<high]) }
        case .deriv: fillSlope(&row, timestamps, values)
        case .predictLinear: fillPrediction(&row, timestamps, values)
        case .doubleExponentialSmoothing: fillSmoothed(&row, timestamps, values)
        default: preconditionFailure("\(function.rawValue) is no function of a window")
        }
    }
}
