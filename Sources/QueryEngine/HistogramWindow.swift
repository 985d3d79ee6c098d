internal import MetricModel
internal import QueryLanguage

// Functions of windows over native histograms, and over both kinds of samples.
// Source: promql/functions.go of Prometheus 3.5.

/// What a function makes of one window that has a histogram.
enum WindowOutcome {
    case none
    case number(Double)
    case histogram(NativeHistogram)
    /// What the function makes of the numbers alone.
    case ofNumbers
}

/// One window of a series: its histograms, and the numbers among them.
struct HistogramWindow {
    let series: SeriesColumns
    let histograms: Range<Int>
    let numbers: Range<Int>
    /// End of the window, Unix milliseconds.
    let end: Int64
    /// Milliseconds.
    let length: Int64

    private var times: ArraySlice<Int64> { series.histograms.timestamps[histograms] }
    private var values: ArraySlice<NativeHistogram> { series.histograms.values[histograms] }
    private var metric: String { series.labels.metricName ?? "" }
    private var isMixed: Bool { !numbers.isEmpty }

    /// - Precondition: there is at least one histogram.
    /// - Throws: `QueryError` when a result would be too large.
    func outcome(
        of function: FunctionName, _ range: SourceRange, _ notes: inout Notes
    ) throws(QueryError) -> WindowOutcome {
        switch function {
        case .rate, .increase, .delta: return try extrapolated(function, range, &notes)
        case .irate, .idelta: return try instantaneous(function, range, &notes)
        case .sumOverTime, .avgOverTime:
            if isMixed { return mixed(range, &notes) }
            return try aggregate(isMean: function == .avgOverTime, range, &notes)
        case .countOverTime: return .number(Double(numbers.count + histograms.count))
        case .presentOverTime: return .number(1)
        case .lastOverTime:
            let last = histograms.upperBound - 1
            let isLast = numbers.isEmpty || lastNumberTime <= series.histograms.timestamps[last]
            return isLast ? .histogram(series.histograms.values[last]) : .ofNumbers
        case .tsOfLastOverTime:
            let last = series.histograms.timestamps[histograms.upperBound - 1]
            return .number(Double(isMixed ? max(last, lastNumberTime) : last) / 1000)
        case .changes:
            return .number(
                pairs {
                    !$0.isSame(as: $1)
                } numbers: {
                    $0 != $1 && !($0.isNaN && $1.isNaN)
                })
        case .resets:
            return .number(
                pairs {
                    $1.isReset(after: $0)
                } numbers: {
                    $1 < $0
                })
        default:
            if isMixed { notes.informOfIgnored(metric: metric, range) }
            return isMixed ? .ofNumbers : .none
        }
    }

    private var lastNumberTime: Int64 { series.timestamps[numbers.upperBound - 1] }

    private func mixed(_ range: SourceRange, _ notes: inout Notes) -> WindowOutcome {
        notes.warnOfMixedWindow(metric, range)
        return .none
    }

    // MARK: - rate, increase, delta

    private func extrapolated(
        _ function: FunctionName, _ range: SourceRange, _ notes: inout Notes
    ) throws(QueryError) -> WindowOutcome {
        if isMixed { return mixed(range, &notes) }
        guard histograms.count > 1, let first = times.first, let last = times.last else { return .none }
        do throws(HistogramMismatch) {
            let difference = try difference(isCounter: function != .delta, range, &notes)
            let sampled = Double(last - first) / 1000
            let distance = sampled / Double(histograms.count - 1)
            var toStart = Double(first - (end - length)) / 1000
            var toEnd = Double(end - last) / 1000
            if toStart >= distance * 1.1 { toStart = distance / 2 }
            if toEnd >= distance * 1.1 { toEnd = distance / 2 }
            var factor = (sampled + toStart + toEnd) / sampled
            if function == .rate { factor /= WindowKernel.seconds(length) }
            return .histogram(difference.scaled(by: factor))
        } catch {
            try notes.warnOfMismatch(error, metric, range)
            return .none
        }
    }

    /// Last less first; of counters with what resets took.
    private func difference(
        isCounter: Bool, _ range: SourceRange, _ notes: inout Notes
    ) throws(HistogramMismatch) -> NativeHistogram {
        let (first, second) = (values[histograms.lowerBound], values[histograms.lowerBound + 1])
        let last = values[histograms.upperBound - 1]
        if isCounter && values.contains(where: { $0.counterResetHint == .gauge }) {
            notes.warnOfNoCounter(metric, range)
        }
        var previous = first
        if isCounter && second.isReset(after: first) {
            // What was before the reset has no part in the result, whatever its buckets are.
            previous = NativeHistogram(schema: second.schema, count: 0, sum: 0, customValues: second.customValues)
        }
        var schema = min(previous.schema, last.schema)
        if last.hasCustomBuckets != previous.hasCustomBuckets { throw .schemas }
        if isCounter {
            for histogram in values.dropFirst().dropLast() {
                schema = min(schema, histogram.schema)
                if histogram.hasCustomBuckets != previous.hasCustomBuckets { throw .schemas }
            }
        }
        var result = last
        if schema != last.schema { result.reduce(to: schema) }
        result = try result.subtracting(previous)
        if isCounter {
            for histogram in values.dropFirst() {
                if histogram.isReset(after: previous) { result = try result.adding(previous) }
                previous = histogram
            }
        } else if first.counterResetHint != .gauge || last.counterResetHint != .gauge {
            notes.warnOfNoGauge(metric, range)
        }
        result.counterResetHint = .gauge
        return result.compacted
    }

    // MARK: - irate, idelta

    private func instantaneous(
        _ function: FunctionName, _ range: SourceRange, _ notes: inout Notes
    ) throws(QueryError) -> WindowOutcome {
        guard numbers.count + histograms.count > 1, let last = times.last else { return .none }
        let isRate = function == .irate
        if isMixed {
            // Of the last two samples both may be numbers, or both histograms.
            if numbers.count > 1 && series.timestamps[numbers.upperBound - 2] > last { return .ofNumbers }
            let before = histograms.count > 1 ? series.histograms.timestamps[histograms.upperBound - 2] : .min
            if before < lastNumberTime { return mixed(range, &notes) }
        }
        let (previous, current) = (values[histograms.upperBound - 2], values[histograms.upperBound - 1])
        let gauges = [previous, current].count { $0.counterResetHint == .gauge }
        if isRate && gauges > 0 { notes.warnOfNoCounter(metric, range) }
        if !isRate && gauges < 2 { notes.warnOfNoGauge(metric, range) }
        var result = current
        if !isRate || !current.isReset(after: previous) {
            do throws(HistogramMismatch) { result = try current.subtracting(previous) } catch {
                try notes.warnOfMismatch(error, metric, range)
                return .none
            }
        }
        result.counterResetHint = .gauge
        result = result.compacted
        if isRate {
            result = result.divided(by: Double(last - series.histograms.timestamps[histograms.upperBound - 2]) / 1000)
        }
        return .histogram(result)
    }

    // MARK: - sum_over_time, avg_over_time

    private func aggregate(
        isMean: Bool, _ range: SourceRange, _ notes: inout Notes
    ) throws(QueryError) -> WindowOutcome {
        var result = values[histograms.lowerBound]
        do throws(HistogramMismatch) {
            for (index, histogram) in values.dropFirst().enumerated() {
                result = try isMean ? result.mean(with: histogram, number: index + 2) : result.adding(histogram)
            }
        } catch {
            try notes.warnOfMismatch(error, metric, range)
            return .none
        }
        return .histogram(result)
    }

    // MARK: - changes, resets

    /// How many neighbours differ; those of different kinds do.
    private func pairs(
        _ differ: (_ previous: NativeHistogram, _ next: NativeHistogram) -> Bool,
        numbers numbersDiffer: (_ previous: Double, _ next: Double) -> Bool
    ) -> Double {
        var count = 0
        var (number, histogram) = (numbers.lowerBound, histograms.lowerBound)
        var previousNumber: Double?
        var previousHistogram: NativeHistogram?
        while number < numbers.upperBound || histogram < histograms.upperBound {
            let isNumber =
                histogram == histograms.upperBound
                || (number < numbers.upperBound && series.timestamps[number] < series.histograms.timestamps[histogram])
            if isNumber {
                let value = series.values[number]
                if let previousNumber { count += numbersDiffer(previousNumber, value) ? 1 : 0 }
                if previousHistogram != nil { count += 1 }
                (previousNumber, previousHistogram) = (value, nil)
                number += 1
            } else {
                let value = series.histograms.values[histogram]
                if let previousHistogram { count += differ(previousHistogram, value) ? 1 : 0 }
                if previousNumber != nil { count += 1 }
                (previousNumber, previousHistogram) = (nil, value)
                histogram += 1
            }
        }
        return Double(count)
    }
}

extension NativeHistogram {
    /// This as the mean of `number - 1` histograms, and another one: the mean of all.
    func mean(with other: NativeHistogram, number: Int) throws(HistogramMismatch) -> NativeHistogram {
        try mean(with: other, weight: 1, of: Double(number))
    }

    /// The mean of `total` histograms, of which `other` is that of `weight`, and this that of the others.
    func mean(with other: NativeHistogram, weight: Double, of total: Double) throws(HistogramMismatch)
        -> NativeHistogram
    {
        let share = total / weight
        return try adding(other.divided(by: share).subtracting(divided(by: share)))
    }
}

extension Evaluation {
    /// Fills in what windows with histograms give; where there are numbers alone the row is right already.
    func fillHistograms(
        _ row: inout Row, _ series: SeriesColumns, _ kernel: WindowKernel, _ range: SourceRange
    ) throws(QueryError) {
        let times = series.histograms.timestamps
        let numberTimes = series.timestamps
        var (low, high, numberLow, numberHigh) = (0, 0, 0, 0)
        var weight = 0
        for step in 0..<kernel.grid.count {
            let end = kernel.end(step)
            let start = end - kernel.length
            while high < times.count && times[high] <= end { high += 1 }
            while low < high && times[low] <= start { low += 1 }
            while numberHigh < numberTimes.count && numberTimes[numberHigh] <= end { numberHigh += 1 }
            while numberLow < numberHigh && numberTimes[numberLow] <= start { numberLow += 1 }
            if low == high { continue }
            try checkCancelled()
            let window = HistogramWindow(
                series: series, histograms: low..<high, numbers: numberLow..<numberHigh, end: end,
                length: kernel.length)
            switch try window.outcome(of: kernel.function, range, &notes) {
            case .none: row[step] = .absent
            case .number(let value): row[step] = value
            case .histogram(let histogram):
                row.set(step, HistogramSample(histogram))
                weight += histogram.sampleWeight
                try checkSize(rows: 1, steps: kernel.grid.count, histograms: weight)
            case .ofNumbers: continue
            }
        }
    }
}
