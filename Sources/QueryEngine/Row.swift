internal import MetricModel

/// A native histogram in a cell: a reference, so that rows of them are copied cheaply.
final class HistogramSample: Sendable {
    let histogram: NativeHistogram

    init(_ histogram: NativeHistogram) {
        self.histogram = histogram
    }
}

/// One series' cells at each step.
///
/// A cell is absent, a number or a histogram. Numbers stand in an array of their own, in which a histogram's cell is absent: whatever is made for
/// numbers alone passes histograms by.
struct Row: Sendable {
    var values: [Double]
    /// One for each step, or empty where the row has no histogram.
    private(set) var histograms: [HistogramSample?] = []

    init(_ values: [Double], histograms: [HistogramSample?] = []) {
        self.values = values
        self.histograms = histograms
    }

    /// A row without samples.
    init(steps: Int) {
        values = [Double](repeating: .absent, count: steps)
    }

    var indices: Range<Int> { values.indices }
    var hasHistograms: Bool { !histograms.isEmpty }

    /// The cell's number; absent for a histogram.
    @inline(__always)
    subscript(step: Int) -> Double {
        get { values[step] }
        set { values[step] = newValue }
    }

    func histogram(_ step: Int) -> HistogramSample? { histograms.isEmpty ? nil : histograms[step] }

    /// Puts a histogram, or none, in the place of what the cell has.
    mutating func set(_ step: Int, _ histogram: HistogramSample?) {
        if histograms.isEmpty {
            if histogram == nil { return }
            histograms = [HistogramSample?](repeating: nil, count: values.count)
        }
        histograms[step] = histogram
        if histogram != nil { values[step] = .absent }
    }

    /// How many numbers its histograms count for in a query's limit; one that several steps in a row share counts once.
    var histogramWeight: Int {
        var weight = 0
        var last: HistogramSample?
        for case let sample? in histograms where sample !== last {
            weight += sample.histogram.sampleWeight
            last = sample
        }
        return weight
    }

    mutating func dropHistograms() {
        if !histograms.isEmpty { histograms = [] }
    }

    /// Leaves nothing in a cell.
    mutating func clear(_ step: Int) {
        values[step] = .absent
        if !histograms.isEmpty { histograms[step] = nil }
    }

    /// Whether a cell has a sample of either kind.
    @inline(__always)
    func isPresent(_ step: Int) -> Bool {
        values[step].isPresent || (!histograms.isEmpty && histograms[step] != nil)
    }

    /// Whether any cell has a number.
    var hasNumber: Bool { values.contains(where: \.isPresent) }
    /// Whether any cell has a sample of either kind.
    var hasSample: Bool { hasNumber || histograms.contains { $0 != nil } }

    mutating func mapHistograms(_ change: (NativeHistogram) -> NativeHistogram) {
        for (step, sample) in histograms.enumerated() {
            if let sample { histograms[step] = HistogramSample(change(sample.histogram)) }
        }
    }

    /// The histograms at the times of the steps.
    func columns(_ times: [Int64]) -> HistogramColumns {
        var columns = HistogramColumns()
        for (step, sample) in histograms.enumerated() {
            if let sample { columns.append(timestamp: times[step], sample.histogram) }
        }
        return columns
    }

    /// The histograms as a fragment's row tells them.
    var fragment: FragmentHistograms? {
        if histograms.isEmpty { return nil }
        let cells = histograms.enumerated().compactMap { step, sample in
            sample.map { FragmentHistograms.Cell(offset: step, histogram: $0.histogram) }
        }
        return cells.isEmpty ? nil : FragmentHistograms(cells: cells)
    }

    /// Calls `body` for each cell with a histogram.
    func forEachHistogram(_ body: (_ step: Int, _ sample: HistogramSample) throws(QueryError) -> Void)
        throws(QueryError)
    {
        for (step, histogram) in histograms.enumerated() {
            if let histogram { try body(step, histogram) }
        }
    }
}
