internal import MetricModel
internal import QueryLanguage

/// Turns a checked tree into what the evaluator runs, and notes which samples that needs.
struct Planner {
    let tenant: TenantID
    /// The query's own bounds as asked for, which `@ start()` and `@ end()` mean at any depth; the last step may come before the end.
    let bounds: (start: Int64, end: Int64)
    let options: EvaluationOptions
    /// Where the plan may be cut; nil to read everything as it is.
    let distribution: Distribution?
    private(set) var selections: [SeriesSelection] = []
    /// Of each selection of an instant selector, the times at which it looks for the newest sample.
    private(set) var times: [SampleTimes?] = []
    var fragments: [Fragment] = []

    /// Largest magnitude of any time in the query, milliseconds: windows and offsets (at most 292 years each, at most 256 nested) added
    /// to it stay far inside 64 bits.
    static let timeMax: UInt64 = 1 << 60

    init(
        tenant: TenantID, bounds: (start: Int64, end: Int64), options: EvaluationOptions, distribution: Distribution?
    ) {
        self.tenant = tenant
        self.bounds = bounds
        self.options = options
        self.distribution = distribution
    }

    /// Plans an expression that is evaluated at the times of `grid`.
    mutating func plan(_ expression: Expression, _ grid: TimeGrid) throws(QueryError) -> PlanNode {
        if let node = try cut(expression, grid) { return node }
        switch expression {
        case .number(let node): return .constant(node.value)
        case .string(let node): return .text(node.value)
        case .parenthesized(let node): return try plan(node.inner, grid)
        case .vectorSelector(let node): return .selector(try selector(node, grid))
        case .matrixSelector, .subquery: return .rangeVector(try window(expression, grid))
        case .unary(let node):
            let operand = try plan(node.operand, grid)
            if !node.isNegation { return operand }
            return node.operand.type == .scalar ? .scalarNegation(operand) : .negation(operand)
        case .aggregation(let node):
            return .aggregation(
                try plannedAggregation(node, grid) { planner throws(QueryError) in try planner.plan(node.inner, grid) })
        case .binary(let node): return try binary(node, grid)
        case .call(let node): return try call(node, grid)
        }
    }

    // MARK: - Selectors

    mutating func selector(_ node: VectorSelector, _ grid: TimeGrid) throws(QueryError) -> PlannedSelector {
        let time = try selectorTime(node.at, node.offset, node.range)
        let selection = select(node, time, reach: options.lookback, grid)
        let isPinned = time.at != nil
        times[selection] = SampleTimes(
            first: time.reference(grid.start), step: isPinned ? 1 : grid.step, count: isPinned ? 1 : grid.count,
            lookback: options.lookback)
        return PlannedSelector(selection: selection, time: time, hasFixedName: Planner.hasFixedName(node))
    }

    /// A range vector, which the parser allows in parentheses too.
    mutating func window(_ expression: Expression, _ grid: TimeGrid) throws(QueryError) -> PlannedWindow {
        switch expression.withoutParentheses {
        case .matrixSelector(let node):
            let time = try selectorTime(node.selector.at, node.selector.offset, node.range)
            let selection = select(node.selector, time, reach: node.window, grid)
            return PlannedWindow(
                source: .selection(selection), time: time, length: node.window,
                hasFixedName: Planner.hasFixedName(node.selector),
                range: node.range, noteRange: node.range)
        case .subquery(let node):
            let time = try selectorTime(node.at, node.offset, node.range)
            let step = max(1, node.step ?? options.subqueryStep)
            let inner: PlanNode
            if let times = Planner.subqueryGrid(time, window: node.window, step: step, grid) {
                guard times.count <= options.samplesMax else { throw QueryError.tooManySamples(options, node.range) }
                inner = try plan(node.inner, times)
            } else {
                inner = try plan(node.inner, TimeGrid(start: time.reference(grid.start), step: step, count: 1))
            }
            return PlannedWindow(
                source: .subquery(inner, step: step), time: time, length: node.window,
                hasFixedName: inner.isUniqueWithoutName,
                range: node.range, noteRange: SourceRange(0, 0))
        case .number, .string, .vectorSelector, .call, .aggregation, .binary, .unary, .parenthesized:
            preconditionFailure("the type check lets only range vectors through")
        }
    }

    /// The multiples of the step inside all windows of a subquery; nil when there is none.
    static func subqueryGrid(_ time: SelectorTime, window: Int64, step: Int64, _ grid: TimeGrid) -> TimeGrid? {
        let after = time.reference(grid.start) - window
        let last = time.reference(grid.end)
        var first = step * (after / step)
        if first <= after { first += step }
        if first > last { return nil }
        return TimeGrid(start: first, step: step, count: Int((last - first) / step) + 1)
    }

    private func selectorTime(_ at: AtModifier?, _ offset: Int64, _ range: SourceRange) throws(QueryError)
        -> SelectorTime
    {
        switch at {
        case nil: return SelectorTime(at: nil, offset: offset)
        case .start?: return SelectorTime(at: bounds.start, offset: offset)
        case .end?: return SelectorTime(at: bounds.end, offset: offset)
        case .timestamp(let time)?:
            guard time.magnitude <= Planner.timeMax else {
                throw QueryError(.badRequest, "timestamp of the @ modifier is out of bounds", range)
            }
            return SelectorTime(at: time, offset: offset)
        }
    }

    private mutating func select(_ node: VectorSelector, _ time: SelectorTime, reach: Int64, _ grid: TimeGrid) -> Int {
        // A sample exactly `reach` before the reference time is outside.
        let start = time.reference(grid.start) - reach + 1
        selections.append(
            SeriesSelection(tenant: tenant, matchers: node.matchers, start: start, end: time.reference(grid.end)))
        times.append(nil)
        return selections.count - 1
    }

    private static func hasFixedName(_ node: VectorSelector) -> Bool {
        node.matchers.contains { $0.name == Labels.metricName && $0.operation == .equal }
    }

    // MARK: - Operators

    /// An aggregation of what `inner` plans.
    mutating func plannedAggregation(
        _ node: Aggregation, _ grid: TimeGrid, _ inner: (inout Planner) throws(QueryError) -> PlanNode
    ) throws(QueryError) -> PlannedAggregation {
        var parameter: PlanNode?
        if let expression = node.parameter { parameter = try plan(expression, grid) }
        var labels = node.grouping
        if case .text(let label)? = parameter {
            if label.isEmpty { throw QueryError(.execution, "invalid label name \"\"", node.parameter?.range) }
            if !node.isWithout { labels.append(label) }
        }
        let grouping = node.isWithout ? LabelFilter(dropping: labels) : LabelFilter(keeping: labels)
        return PlannedAggregation(
            operation: node.operation, grouping: grouping, parameter: parameter,
            parameterRange: node.parameter?.range, inner: try inner(&self), range: node.range,
            innerRange: node.inner.range)
    }

    private mutating func binary(_ node: BinaryExpression, _ grid: TimeGrid) throws(QueryError) -> PlanNode {
        let left = try plan(node.left, grid)
        let right = try plan(node.right, grid)
        switch (node.left.type, node.right.type) {
        case (.scalar, .scalar): return .scalarBinary(node.operation, left, right)
        case (.scalar, _):
            return .mixedBinary(
                PlannedMixedBinary(
                    operation: node.operation, vector: right, scalar: left, scalarIsLeft: true,
                    returnsBool: node.returnsBool, range: node.range))
        case (_, .scalar):
            return .mixedBinary(
                PlannedMixedBinary(
                    operation: node.operation, vector: left, scalar: right, scalarIsLeft: false,
                    returnsBool: node.returnsBool, range: node.range))
        default:
            let matching = node.matching ?? VectorMatching()
            let filter = matching.isOn ? LabelFilter(keeping: matching.labels) : LabelFilter(dropping: matching.labels)
            return .vectorBinary(
                PlannedVectorBinary(
                    operation: node.operation, left: left, right: right, returnsBool: node.returnsBool,
                    matching: matching,
                    signature: filter, range: node.range))
        }
    }
}

extension QueryError {
    static func tooManySamples(_ options: EvaluationOptions, _ range: SourceRange? = nil) -> QueryError {
        let text = "query processing would load too many samples into memory in query execution"
        return QueryError(.limit, "\(text) (query_samples_max is \(options.samplesMax))", range)
    }
}
