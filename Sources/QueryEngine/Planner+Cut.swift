internal import MetricModel
internal import QueryLanguage

// MARK: - Cutting the plan where the data is

extension Planner {
    /// The node that goes on with a fragment's rows, when the expression can be computed where the data is, as a whole or up to an
    /// aggregation's last step; else nil, and what is below may be cut.
    mutating func cut(_ expression: Expression, _ grid: TimeGrid) throws(QueryError) -> PlanNode? {
        guard let distribution else { return nil }
        if !expression.hasOrder, let requirement = distribution.requirement(expression) {
            return .fragment(try fragment(expression, .rows, requirement, grid))
        }
        guard case .aggregation(let node) = expression, let requirement = distribution.requirement(node.inner),
            distribution.isTheSameEverywhere(node.parameter)
        else { return nil }
        switch node.operation {
        case .sum, .avg, .min, .max, .count, .group, .stddev, .stdvar:
            let states = try fragment(expression, .states, requirement, grid)
            return .mergedStates(try aggregation(node, grid, over: states))
        case .topk, .bottomk, .limitk:
            // Who is among the best of all is among the best of its part.
            return .aggregation(try aggregation(node, grid, over: try fragment(expression, .rows, requirement, grid)))
        case .quantile:
            return .aggregation(
                try aggregation(node, grid, over: try fragment(expression, .members, requirement, grid)))
        case .countValues:
            var merged = try aggregation(node, grid, over: try fragment(expression, .rows, requirement, grid))
            merged.operation = .sum
            merged.grouping = LabelFilter(dropping: [], andName: false)
            merged.parameter = nil
            return .aggregation(merged)
        case .limitRatio: return nil
        }
    }

    private mutating func fragment(
        _ expression: Expression, _ shape: Fragment.Shape, _ requirement: PlacementRequirement, _ grid: TimeGrid
    ) throws(QueryError) -> Int {
        // Planned here too: for what it reads, and so that an error in it is told before anything is asked.
        var trial = Planner(tenant: tenant, bounds: bounds, options: options, distribution: nil)
        let root = try trial.plan(expression, grid)
        var width = 1
        if shape == .states, case .aggregation(let node) = root { width = node.operation.stateWidth }
        fragments.append(
            Fragment(
                range: expression.range, shape: shape, start: grid.start, step: grid.step, count: grid.count,
                width: width, requirement: requirement, selections: trial.selections))
        return fragments.count - 1
    }

    private mutating func aggregation(
        _ node: Aggregation, _ grid: TimeGrid, over fragment: Int
    ) throws(QueryError) -> PlannedAggregation {
        try plannedAggregation(node, grid) { _ in .fragment(fragment) }
    }
}

extension AggregationOperator {
    /// Whether what one part has accumulated can be merged with another's.
    var hasStates: Bool { stateWidth > 0 }

    /// Columns of an accumulator's state; 0 where there is none.
    var stateWidth: Int {
        switch self {
        case .sum: SumAccumulator.width
        case .avg: MeanAccumulator.width
        case .count: CountAccumulator.width
        case .min: MinAccumulator.width
        case .max: MaxAccumulator.width
        case .group: GroupAccumulator.width
        case .stddev, .stdvar: VarianceAccumulator.width
        case .topk, .bottomk, .limitk, .limitRatio, .quantile, .countValues: 0
        }
    }
}
