internal import MetricModel
internal import QueryLanguage

// MARK: - Aggregations

extension Evaluation {
    func rows(of node: PlannedAggregation, _ grid: TimeGrid, _ body: RowConsumer) throws(QueryError) {
        switch node.operation {
        case .sum: try aggregate(SumAccumulator.self, node, grid, body)
        case .avg: try aggregate(MeanAccumulator.self, node, grid, body)
        case .count: try aggregate(CountAccumulator.self, node, grid, body)
        case .min: try aggregate(MinAccumulator.self, node, grid, body)
        case .max: try aggregate(MaxAccumulator.self, node, grid, body)
        case .group: try aggregate(GroupAccumulator.self, node, grid, body)
        case .stddev: try aggregate(DeviationAccumulator.self, node, grid, body)
        case .stdvar: try aggregate(VarianceAccumulator.self, node, grid, body)
        case .topk, .bottomk, .limitk: try best(node, grid, body)
        case .quantile: try quantile(node, grid, body)
        case .countValues: try countValues(node, grid, body)
        case .limitRatio: try share(node, grid, body)
        }
    }

    /// Streams the rows into one accumulator for each group and step; a row's group is found once.
    private func aggregate<A: Accumulator>(
        _ type: A.Type, _ node: PlannedAggregation, _ grid: TimeGrid, _ body: RowConsumer
    ) throws(QueryError) {
        try results(of: try accumulate(type, node, grid), node, grid, body)
    }

    func accumulate<A: Accumulator>(
        _ type: A.Type, _ node: PlannedAggregation, _ grid: TimeGrid
    ) throws(QueryError) -> Accumulated<A> {
        let steps = grid.count
        var all = Accumulated<A>()
        try rows(node.inner, grid) { labels, row throws(QueryError) in
            let base = try all.base(labels, by: node.grouping, steps, self)
            let isFitting = all.misfits.isEmpty ? nil : all.misfits[base]
            do {
                var cells = all.cells.mutableSpan
                let numbers = row.values.span
                if let isFitting {
                    for step in 0..<steps where numbers[step].isPresent && isFitting[step] {
                        cells[base &+ step].add(numbers[step])
                    }
                } else {
                    for step in 0..<steps where numbers[step].isPresent { cells[base &+ step].add(numbers[step]) }
                }
            }
            if row.hasHistograms { try self.accumulate(row, labels, base, into: &all, node) }
        }
        return all
    }

    func results<A: Accumulator>(
        of all: Accumulated<A>, _ node: PlannedAggregation, _ grid: TimeGrid, _ body: RowConsumer
    ) throws(QueryError) {
        let steps = grid.count
        var row = Row(steps: steps)
        for (group, key) in all.groups.keys.enumerated() {
            try checkCancelled()
            row.dropHistograms()
            for step in 0..<steps {
                let cell = all.cells[group * steps + step]
                row[step] = cell.isEmpty ? .absent : cell.result
            }
            if !all.histograms.isEmpty {
                for step in 0..<steps where all.histograms[group * steps + step] != nil {
                    row[step] = .absent
                    row.set(step, histogramResult(of: all, at: group * steps + step, node))
                }
            }
            if row.hasSample { try body(LabelFilter.labels(key), &row) }
        }
    }

    // MARK: - Choosing series: topk, bottomk, limitk

    /// `topk`, `bottomk`, and `limitk`, for which the first in the order of labels are the best.
    private func best(_ node: PlannedAggregation, _ grid: TimeGrid, _ body: RowConsumer) throws(QueryError) {
        let limits = try counts(node, grid)
        let isRanked = node.operation != .limitk
        let steps = grid.count
        var ranking = BestElements.Ranking(wantsLargest: node.operation == .topk)
        var groups = Groups()
        var cells: [BestElements] = []
        // Of `limitk`, which alone takes them.
        var histograms: [Int: Row] = [:]
        var weight = 0
        // What is worse than its cell's bar is no match for what the cell has: so are most. NaN where anything may be.
        var bars: [Double] = []
        try rows(node.inner, grid) { labels, row throws(QueryError) in
            let group = groups.number(labels, by: node.grouping)
            if group * steps == cells.count {
                cells.append(contentsOf: repeatElement(BestElements(), count: steps))
                bars.append(contentsOf: repeatElement(.nan, count: steps))
            }
            let base = group * steps
            let number = ranking.inputs.count
            ranking.inputs.append(labels)
            if row.hasHistograms {
                if isRanked {
                    if limits.contains(where: { $0 > 0 }) { self.informOfIgnored(row, node, limits) }
                } else {
                    histograms[number] = row
                    weight += row.histogramWeight
                    try self.checkSize(rows: histograms.count, steps: steps, histograms: weight)
                }
            }
            for step in 0..<steps where (isRanked ? row[step].isPresent : row.isPresent(step)) && limits[step] > 0 {
                let key = isRanked ? row[step] : 0
                if ranking.wantsLargest ? key < bars[base &+ step] : key > bars[base &+ step] { continue }
                let element = BestElements.Element(key: key, value: row[step], row: number)
                cells[base &+ step].offer(element, atMost: limits[step], ranking)
                bars[base &+ step] = cells[base &+ step].bar(atMost: limits[step])
            }
        }
        // In an instant query the result's order is group by group, best first.
        var outputs: [Int: Int] = [:]
        var chosen = Frame(steps: steps)
        let empty = Row(steps: steps)
        for group in LabelOrder.sorted(groups.keys.map(LabelFilter.labels)) {
            for step in 0..<steps {
                for element in cells[group * steps + step].ordered(ranking) {
                    if outputs[element.row] == nil {
                        try checkSize(rows: chosen.count + 1, steps: steps)
                        outputs[element.row] = chosen.count
                        chosen.append(ranking.inputs[element.row], empty)
                    }
                    guard let output = outputs[element.row] else { continue }
                    if let histogram = histograms[element.row]?.histogram(step) {
                        chosen.set(output, step, histogram)
                    } else {
                        chosen[output, step] = element.value
                    }
                }
            }
        }
        try emit(chosen, body)
    }

    private func informOfIgnored(_ row: Row, _ node: PlannedAggregation, _ limits: [Int]) {
        if row.indices.contains(where: { limits[$0] > 0 && row.histogram($0) != nil }) {
            notes.informOfIgnored(in: node.operation.rawValue, node.range)
        }
    }

    /// The k of each step: whole, rounded towards zero.
    private func counts(_ node: PlannedAggregation, _ grid: TimeGrid) throws(QueryError) -> [Int] {
        var counts: [Int] = []
        for value in try parameter(node, grid) {
            guard value > -0x1p63, value < 0x1p63 else {
                throw QueryError(
                    .execution, "Scalar value \(PlainDecimal.text(value)) overflows int64", node.parameterRange)
            }
            counts.append(Int(value))
        }
        return counts
    }

    func parameter(_ node: PlannedAggregation, _ grid: TimeGrid) throws(QueryError) -> [Double] {
        guard let parameter = node.parameter else { preconditionFailure("\(node.operation.rawValue) has a parameter") }
        return try scalars(parameter, grid)
    }

    // MARK: - quantile, count_values

    private func quantile(_ node: PlannedAggregation, _ grid: TimeGrid, _ body: RowConsumer) throws(QueryError) {
        let quantiles = try parameter(node, grid)
        for quantile in quantiles where !(quantile >= 0 && quantile <= 1) {
            if let range = node.parameterRange { warnOfQuantile(quantile, range) }
        }
        let frame = try frame(node.inner, grid)
        if frame.hasHistograms { notes.informOfIgnored(in: node.operation.rawValue, node.innerRange) }
        var groups = Groups()
        var members: [[Int]] = []
        for index in 0..<frame.count {
            let group = groups.number(frame.labels[index], by: node.grouping)
            if group == members.count { members.append([]) }
            members[group].append(index)
        }
        var row = Row(steps: grid.count)
        // So many steps at once as cells of a row share a cache line.
        var columns = [[Double]](repeating: [], count: 8)
        for (group, key) in groups.keys.enumerated() {
            try checkCancelled()
            for first in stride(from: 0, to: grid.count, by: columns.count) {
                let width = min(columns.count, grid.count - first)
                for column in 0..<width { columns[column].removeAll(keepingCapacity: true) }
                for member in members[group] {
                    for column in 0..<width where frame[member, first + column].isPresent {
                        columns[column].append(frame[member, first + column])
                    }
                }
                for column in 0..<width {
                    let isEmpty = columns[column].isEmpty
                    row[first + column] =
                        isEmpty
                        ? .absent : Statistics.quantile(quantiles[first + column], reordering: &columns[column])
                }
            }
            try body(LabelFilter.labels(key), &row)
        }
    }

    private func countValues(_ node: PlannedAggregation, _ grid: TimeGrid, _ body: RowConsumer) throws(QueryError) {
        guard case .text(let label)? = node.parameter else { preconditionFailure("count_values names a label") }
        var builder = FrameBuilder(steps: grid.count)
        try rows(node.inner, grid) { labels, row throws(QueryError) in
            var outputs: [UInt64: Int] = [:]
            for step in row.indices where row[step].isPresent {
                let value = row[step]
                let output: Int
                if let known = outputs[value.bitPattern] {
                    output = known
                } else {
                    output = builder.row(node.grouping(labels.setting(label, to: PlainDecimal.text(value))))
                    outputs[value.bitPattern] = output
                    try self.checkSize(rows: builder.frame.count, steps: grid.count)
                }
                builder.count(output, step)
            }
            try row.forEachHistogram { step, sample throws(QueryError) in
                let output = builder.row(node.grouping(labels.setting(label, to: sample.histogram.text)))
                try self.checkSize(rows: builder.frame.count, steps: grid.count)
                builder.count(output, step)
            }
        }
        try emit(builder.frame, body)
    }
}

/// Accumulators for each group and step.
struct Accumulated<A: Accumulator> {
    var groups = Groups()
    /// Group by group, a cell for each step.
    var cells: [A] = []
    /// Of sums and means the histograms, by the number of the cell.
    var histograms: [Int: HistogramAccumulator] = [:]
    /// How many numbers these count for in a query's limit.
    var histogramWeight = 0
    /// Of groups that have histograms that do not fit together, by where their cells begin: at which steps all fit. Elsewhere nothing more is
    /// taken in.
    var misfits: [Int: [Bool]] = [:]

    /// Where the cells of a series' group begin; they are made when there are none.
    mutating func base(
        _ labels: Labels, by grouping: LabelFilter, _ steps: Int, _ evaluation: Evaluation
    ) throws(QueryError) -> Int {
        try base(ofGroup: groups.number(labels, by: grouping), steps, evaluation)
    }

    /// Where the cells of a group begin that has exactly these labels.
    mutating func base(_ key: [UInt8], _ steps: Int, _ evaluation: Evaluation) throws(QueryError) -> Int {
        try base(ofGroup: groups.number(key), steps, evaluation)
    }

    private mutating func base(ofGroup group: Int, _ steps: Int, _ evaluation: Evaluation) throws(QueryError) -> Int {
        if group * steps == cells.count {
            try evaluation.checkSize(rows: group + 1, steps: steps)
            cells.append(contentsOf: repeatElement(A(), count: steps))
        }
        return group * steps
    }
}

/// Numbers the groups of an aggregation in the order in which they are met.
struct Groups {
    private(set) var keys: [[UInt8]] = []
    private var numbers: [Labels: Int] = [:]
    /// The key at hand.
    private var key: [UInt8] = []

    /// The number of the group that a series belongs to.
    mutating func number(_ labels: Labels, by filter: LabelFilter) -> Int {
        // Most series belong to a group that is known: its key needs no memory of its own.
        key.removeAll(keepingCapacity: true)
        filter.append(labels, to: &key)
        return number(key)
    }

    /// The number of a group that was met.
    func known(_ key: [UInt8]) -> Int? { numbers[LabelFilter.labels(key)] }

    mutating func number(_ key: [UInt8]) -> Int {
        let labels = LabelFilter.labels(key)
        if let number = numbers[labels] { return number }
        let number = keys.count
        numbers[labels] = number
        keys.append(key)
        return number
    }
}
