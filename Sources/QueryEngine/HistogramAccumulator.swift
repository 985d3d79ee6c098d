internal import MetricModel
internal import QueryLanguage

/// The histograms of one group at one step: their sum, or their mean one by one.
struct HistogramAccumulator {
    /// Nil where the histograms do not fit together.
    private(set) var value: NativeHistogram?
    /// How many went in.
    private(set) var count: UInt64
    /// The metric met last.
    private(set) var metric: String

    /// Whether it came behind a number, with which the group has no result: then nothing more need be added.
    let isLate: Bool

    /// What `cell` has left behind elsewhere, or a single histogram.
    init(_ cell: FragmentHistograms.Cell, metric: String, isLate: Bool) {
        self.isLate = isLate
        value = cell.histogram
        count = UInt64(cell.weight)
        self.metric = metric
    }

    /// How many numbers it counts for in a query's limit.
    var sampleWeight: Int { value?.sampleWeight ?? 0 }

    /// Adds what `cell` has; what does not fit leaves nothing for good.
    ///
    /// - Throws: why it did not fit, once.
    mutating func add(
        _ cell: FragmentHistograms.Cell, metric: String, isMean: Bool
    ) throws(HistogramMismatch) {
        guard let value else { return }
        self.metric = metric
        count += UInt64(cell.weight)
        self.value = nil
        guard let other = cell.histogram else { return }
        let weight = Double(cell.weight)
        self.value = try isMean ? value.mean(with: other, weight: weight, of: Double(count)) : value.adding(other)
    }
}

extension Accumulated {
    /// Takes a histogram into a cell of a sum or a mean: that of a step of the group whose cells begin at `base`.
    mutating func add(
        _ cell: FragmentHistograms.Cell, metric: String, step: Int, of base: Int, _ node: PlannedAggregation,
        _ evaluation: Evaluation
    ) throws(QueryError) {
        let index = base + step
        let accumulator: HistogramAccumulator
        if var known = histograms[index] {
            if known.isLate { return }
            // Taken out, so that it is changed where it stands.
            histograms[index] = nil
            histogramWeight -= known.sampleWeight
            do throws(HistogramMismatch) {
                try known.add(cell, metric: metric, isMean: node.operation == .avg)
            } catch { try evaluation.notes.warnOfMismatch(error, metric, node.innerRange) }
            accumulator = known
        } else {
            accumulator = HistogramAccumulator(cell, metric: metric, isLate: !cells[index].isEmpty)
        }
        if accumulator.value == nil {
            let steps = cells.count / groups.keys.count
            misfits[base, default: [Bool](repeating: true, count: steps)][step] = false
        }
        histogramWeight += accumulator.sampleWeight
        histograms[index] = accumulator
        try evaluation.checkSize(rows: 1, steps: cells.count, histograms: histogramWeight)
    }
}

extension Evaluation {
    /// Takes the histograms of a series' row into its group.
    func accumulate<A: Accumulator>(
        _ row: Row, _ labels: Labels, _ base: Int, into all: inout Accumulated<A>, _ node: PlannedAggregation
    ) throws(QueryError) {
        switch node.operation {
        case .count, .group:
            for step in row.indices where row.histogram(step) != nil { all.cells[base + step].add(0) }
        case .sum, .avg:
            for step in row.indices {
                guard let sample = row.histogram(step) else { continue }
                let cell = FragmentHistograms.Cell(offset: step, histogram: sample.histogram)
                try all.add(cell, metric: labels.metricName ?? "", step: step, of: base, node, self)
            }
        case .min, .max, .stddev, .stdvar:
            if row.histograms.contains(where: { $0 != nil }) {
                notes.informOfIgnored(in: node.operation.rawValue, node.innerRange)
            }
        case .quantile, .topk, .bottomk, .limitk, .limitRatio, .countValues:
            preconditionFailure("\(node.operation.rawValue) does not accumulate")
        }
    }

    /// What a group's histograms come to at a step; nil with numbers among them, which is warned of, and where they do not fit together.
    func histogramResult<A: Accumulator>(
        of all: Accumulated<A>, at index: Int, _ node: PlannedAggregation
    ) -> HistogramSample? {
        guard let accumulator = all.histograms[index] else { return nil }
        if !all.cells[index].isEmpty {
            notes.warnOfMixedGroup(node.innerRange)
            return nil
        }
        return accumulator.value.map { HistogramSample($0.compacted) }
    }
}
