internal import MetricModel
internal import QueryLanguage

// MARK: - Fragments: what other nodes computed, and what is computed for them

extension Evaluation {
    /// The rows of all parts of a fragment.
    func rows(ofFragment index: Int, _ grid: TimeGrid, _ body: RowConsumer) throws(QueryError) {
        var row = Row(steps: grid.count)
        for part in fragments[index] {
            try checkCancelled()
            if part.cells.count < grid.count { for step in row.indices { row[step] = .absent } }
            row.dropHistograms()
            for (offset, cell) in part.cells.enumerated() { row[part.first + offset] = cell }
            for cell in part.histograms?.cells ?? [] {
                row.set(part.first + cell.offset, cell.histogram.map(HistogramSample.init))
            }
            try body(part.labels, &row)
        }
    }

    /// An aggregation's result from the states of all parts.
    func mergedRows(of node: PlannedAggregation, _ grid: TimeGrid, _ body: RowConsumer) throws(QueryError) {
        switch node.operation {
        case .sum: try merge(SumAccumulator.self, node, grid, body)
        case .avg: try merge(MeanAccumulator.self, node, grid, body)
        case .count: try merge(CountAccumulator.self, node, grid, body)
        case .min: try merge(MinAccumulator.self, node, grid, body)
        case .max: try merge(MaxAccumulator.self, node, grid, body)
        case .group: try merge(GroupAccumulator.self, node, grid, body)
        case .stddev: try merge(DeviationAccumulator.self, node, grid, body)
        case .stdvar: try merge(VarianceAccumulator.self, node, grid, body)
        case .topk, .bottomk, .limitk, .limitRatio, .quantile, .countValues:
            preconditionFailure("\(node.operation.rawValue) has no states to merge")
        }
    }

    private func merge<A: Accumulator>(
        _ type: A.Type, _ node: PlannedAggregation, _ grid: TimeGrid, _ body: RowConsumer
    ) throws(QueryError) {
        guard case .fragment(let index) = node.inner else { preconditionFailure("states come from a fragment") }
        let steps = grid.count
        var all = Accumulated<A>()
        for part in fragments[index] {
            try checkCancelled()
            let group = try all.base(part.labels.bytes, steps, self)
            let base = group + part.first
            let count = part.cells.count / A.width
            for step in 0..<count where part.cells[step].isPresent {
                let second = A.width > 1 ? part.cells[count + step] : 0
                let third = A.width > 2 ? part.cells[2 * count + step] : 0
                all.cells[base + step].merge((part.cells[step], second, third))
            }
            for cell in part.histograms?.cells ?? [] {
                let metric = part.histograms?.metric ?? ""
                try all.add(cell, metric: metric, step: part.first + cell.offset, of: group, node, self)
            }
        }
        try results(of: all, node, grid, body)
    }

    /// What this part's series leave behind in the accumulators of an aggregation, group by group.
    func states(
        of node: PlannedAggregation, _ grid: TimeGrid,
        _ body: (_ labels: Labels, _ cells: GroupStates) throws(QueryError) -> Void
    ) throws(QueryError) {
        switch node.operation {
        case .sum: try states(SumAccumulator.self, node, grid, body)
        case .avg: try states(MeanAccumulator.self, node, grid, body)
        case .count: try states(CountAccumulator.self, node, grid, body)
        case .min: try states(MinAccumulator.self, node, grid, body)
        case .max: try states(MaxAccumulator.self, node, grid, body)
        case .group: try states(GroupAccumulator.self, node, grid, body)
        case .stddev, .stdvar: try states(VarianceAccumulator.self, node, grid, body)
        case .topk, .bottomk, .limitk, .limitRatio, .quantile, .countValues:
            preconditionFailure("\(node.operation.rawValue) has no states")
        }
    }

    private func states<A: Accumulator>(
        _ type: A.Type, _ node: PlannedAggregation, _ grid: TimeGrid,
        _ body: (_ labels: Labels, _ cells: GroupStates) throws(QueryError) -> Void
    ) throws(QueryError) {
        let steps = grid.count
        let all = try accumulate(type, node, grid)
        var columns = [Double](repeating: .absent, count: steps * A.width)
        for (group, key) in all.groups.keys.enumerated() {
            try checkCancelled()
            for step in 0..<steps {
                let cell = all.cells[group * steps + step]
                let state = cell.isEmpty ? (.absent, .absent, .absent) : cell.state
                columns[step] = state.0
                if A.width > 1 { columns[steps + step] = state.1 }
                if A.width > 2 { columns[2 * steps + step] = state.2 }
            }
            let histograms = all.histograms.isEmpty ? nil : try all.histograms(of: group, steps, self)
            try body(
                LabelFilter.labels(key), GroupStates(columns: columns, width: A.width, histograms: histograms))
        }
    }
}

/// What one group's accumulators have at all steps.
struct GroupStates {
    /// `width` columns, one after the other.
    var columns: [Double]
    var width: Int
    var histograms: FragmentHistograms?
}

extension Accumulated {
    fileprivate func histograms(
        of group: Int, _ steps: Int, _ evaluation: Evaluation
    ) throws(QueryError) -> FragmentHistograms? {
        var found = FragmentHistograms()
        for step in 0..<steps {
            guard let accumulator = histograms[group * steps + step] else { continue }
            guard let weight = UInt32(exactly: accumulator.count) else {
                throw .tooManySamples(evaluation.plan.options)
            }
            found.cells.append(.init(offset: step, histogram: accumulator.value, weight: weight))
            found.metric = accumulator.metric
        }
        return found.cells.isEmpty ? nil : found
    }
}
