internal import MetricModel

/// A cell without a sample holds the stale marker's bits: no operation produces them, so presence costs no second column. Test for
/// it before computing, because arithmetic turns the marker into an ordinary NaN.
extension Double {
    static var absent: Double { StaleMarker.value }

    @inline(__always)
    var isPresent: Bool { !isStaleMarker }
}

/// An instant vector at each step: one row a series, its values in one array, row after row.
struct Frame: Sendable {
    /// Cells in a row.
    let steps: Int
    private(set) var labels: [Labels] = []
    /// `labels.count * steps` cells.
    private(set) var values: [Double] = []

    init(steps: Int) {
        self.steps = steps
    }

    var count: Int { labels.count }

    mutating func append(_ labels: Labels, _ row: [Double]) {
        self.labels.append(labels)
        values.append(contentsOf: row)
    }

    /// The cells of one row, copied.
    func row(_ index: Int) -> [Double] { Array(values[index * steps..<(index + 1) * steps]) }

    @inline(__always)
    subscript(row: Int, step: Int) -> Double {
        get { values[row &* steps &+ step] }
        set { values[row &* steps &+ step] = newValue }
    }
}

/// Puts cells together by label set; two samples of one set at one step are an error, at different steps they share a row.
struct FrameBuilder {
    private(set) var frame: Frame
    private var rows: [Labels: Int] = [:]
    private let emptyRow: [Double]

    init(steps: Int) {
        frame = Frame(steps: steps)
        emptyRow = [Double](repeating: .absent, count: steps)
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
        if frame[row, step].isPresent { throw .sameLabelSet }
        frame[row, step] = value
    }

    /// Adds one to a cell, from none.
    mutating func count(_ row: Int, _ step: Int) {
        frame[row, step] = frame[row, step].isPresent ? frame[row, step] + 1 : 1
    }

    mutating func add(_ labels: Labels, _ cells: [Double]) throws(QueryError) {
        if rows[labels] == nil {
            rows[labels] = frame.count
            frame.append(labels, cells)
            return
        }
        let row = row(labels)
        for step in cells.indices where cells[step].isPresent { try set(row, step, cells[step]) }
    }
}
