internal import MetricModel

/// A cell without a sample holds the stale marker's bits: no operation produces them, so presence costs no second column. Test for
/// it before computing, because arithmetic turns the marker into an ordinary NaN.
extension Double {
    static var absent: Double { StaleMarker.value }

    @inline(__always)
    var isPresent: Bool { !isStaleMarker }
}

/// An instant vector at each step: one row a series, its numbers in one array, row after row, and beside them what rows have of histograms.
struct Frame: Sendable {
    /// Cells in a row.
    let steps: Int
    private(set) var labels: [Labels] = []
    /// `labels.count * steps` cells.
    private(set) var values: [Double] = []
    /// The histograms of rows that have any, one cell for each step.
    private var histograms: [Int: [HistogramSample?]] = [:]
    /// How many numbers they count for in a query's limit.
    private(set) var histogramWeight = 0

    init(steps: Int) {
        self.steps = steps
    }

    var count: Int { labels.count }
    var hasHistograms: Bool { !histograms.isEmpty }

    mutating func append(_ labels: Labels, _ row: Row) {
        if row.hasHistograms {
            histograms[count] = row.histograms
            histogramWeight += row.histogramWeight
        }
        self.labels.append(labels)
        values.append(contentsOf: row.values)
    }

    /// The cells of one row, copied.
    func row(_ index: Int) -> Row {
        Row(Array(values[index * steps..<(index + 1) * steps]), histograms: histograms[index] ?? [])
    }

    /// The cell's number; absent for a histogram.
    @inline(__always)
    subscript(row: Int, step: Int) -> Double {
        get { values[row &* steps &+ step] }
        set { values[row &* steps &+ step] = newValue }
    }

    func histogram(_ row: Int, _ step: Int) -> HistogramSample? {
        histograms.isEmpty ? nil : histograms[row]?[step]
    }

    /// Whether any step of a row has a histogram.
    func hasHistograms(_ row: Int) -> Bool { histograms[row] != nil }

    /// The rows with numbers, and these alone.
    var withoutHistograms: Frame {
        var result = Frame(steps: steps)
        for index in 0..<count {
            let numbers = Row(row(index).values)
            if numbers.hasNumber { result.append(labels[index], numbers) }
        }
        return result
    }

    mutating func set(_ row: Int, _ step: Int, _ histogram: HistogramSample) {
        self[row, step] = .absent
        histogramWeight += histogram.histogram.sampleWeight
        histograms[row, default: [HistogramSample?](repeating: nil, count: steps)][step] = histogram
    }

    /// Whether a cell has a sample of either kind.
    @inline(__always)
    func isPresent(_ row: Int, _ step: Int) -> Bool {
        self[row, step].isPresent || histogram(row, step) != nil
    }
}

/// Puts cells together by label set; two samples of one set at one step are an error, at different steps they share a row.
struct FrameBuilder {
    private(set) var frame: Frame
    private var rows: [Labels: Int] = [:]
    private let emptyRow: Row

    init(steps: Int) {
        frame = Frame(steps: steps)
        emptyRow = Row(steps: steps)
    }

    /// The row of a label set, made when there is none.
    mutating func row(_ labels: Labels) -> Int {
        if let row = rows[labels] { return row }
        let row = frame.count
        rows[labels] = row
        frame.append(labels, emptyRow)
        return row
    }

    mutating func set(_ row: Int, _ step: Int, _ value: Double) throws(QueryError) {
        if frame.isPresent(row, step) { throw .sameLabelSet }
        frame[row, step] = value
    }

    mutating func set(_ row: Int, _ step: Int, _ histogram: HistogramSample) throws(QueryError) {
        if frame.isPresent(row, step) { throw .sameLabelSet }
        frame.set(row, step, histogram)
    }

    /// Adds one to a cell, from none.
    mutating func count(_ row: Int, _ step: Int) {
        frame[row, step] = frame[row, step].isPresent ? frame[row, step] + 1 : 1
    }

    mutating func add(_ labels: Labels, _ cells: Row) throws(QueryError) {
        if rows[labels] == nil {
            rows[labels] = frame.count
            frame.append(labels, cells)
            return
        }
        let row = row(labels)
        for step in cells.indices where cells[step].isPresent { try set(row, step, cells[step]) }
        try cells.forEachHistogram { step, sample throws(QueryError) in try set(row, step, sample) }
    }
}
