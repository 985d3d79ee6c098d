package import MetricModel
package import QueryLanguage

// What arrives: a checked tree and the times it is asked for. What leaves: which samples are needed (`selections`), and, in
// `PlanNode.swift`, the tree the evaluator runs. Read next: Planner.swift, Evaluator.swift.

/// When a query is evaluated.
package enum QueryTime: Hashable, Sendable {
    /// Once, at Unix milliseconds.
    case instant(at: Int64)
    /// At `start`, `start + step`, … up to `end`; Unix milliseconds.
    case range(start: Int64, end: Int64, step: Int64)
}

/// How a query is evaluated, and within which limits.
package struct EvaluationOptions: Hashable, Sendable {
    /// How far an instant selector looks back, milliseconds; left-open.
    package var lookback: Int64 = 300_000
    /// The step of a subquery that names none, milliseconds: Prometheus' evaluation interval.
    package var subqueryStep: Int64 = 60_000
    /// `query_samples_max`: samples read, and cells of any one intermediate result.
    package var samplesMax = 50_000_000
    /// `query_steps_max`: points per series of a range query.
    package var stepsMax = 11_000
    /// `query_output_series_max`: series in the result.
    package var outputSeriesMax = 1_000_000
    /// `query_label_bytes_max`: bytes of a label's value that the query itself makes.
    package var labelBytesMax = 65_536
    /// Whether the result is to say how many samples each step looked at.
    package var countsSamples = false

    package init() {}
}

/// A query made ready: what it must read, and how its value is computed from that.
package struct QueryPlan: Sendable {
    /// What to read, one selection for each selector, in the order in which they stand in the query. Time ranges are exact: look-back,
    /// windows, offsets, `@` and subqueries are in them.
    package let selections: [SeriesSelection]
    /// What to ask of the nodes that have the data, in the order in which it stands in the query.
    package let fragments: [Fragment]
    /// The times that `@ start()` and `@ end()` mean, Unix milliseconds.
    package let bounds: (start: Int64, end: Int64)
    let root: PlanNode
    let grid: TimeGrid
    let isRange: Bool
    let resultType: ValueType
    /// Whether the query gives the elements of an instant answer their order.
    let isOrdered: Bool
    let options: EvaluationOptions
    /// The query as written, for the places in warnings.
    let text: String

    /// Plans a query.
    ///
    /// - Parameters:
    ///   - expression: what `Parser` returned.
    ///   - text: the query as written; places in warnings are counted in it.
    ///   - tenant: whose data is read.
    ///   - time: when it is evaluated.
    ///   - options: look-back, default steps and limits.
    ///   - distribution: where the plan may be cut; nil for a plan without fragments, which reads all samples.
    /// - Throws: `QueryError`: a range vector or text in a range query, too many steps, times out of bounds, or a part of PromQL that
    ///   the evaluator does not have yet.
    package init(
        _ expression: Expression, text: String, tenant: TenantID, time: QueryTime,
        options: EvaluationOptions = EvaluationOptions(), distribution: Distribution? = nil
    ) throws(QueryError) {
        let bounds: (start: Int64, end: Int64)
        let grid: TimeGrid
        let isRange: Bool
        switch time {
        case .instant(let at):
            bounds = (at, at)
            grid = TimeGrid(start: at, step: 1, count: 1)
            isRange = false
        case .range(let start, let end, let step):
            bounds = (start, end)
            grid = try QueryPlan.grid(start, end, step, options)
            isRange = true
            if expression.type != .scalar && expression.type != .vector {
                let type = "invalid expression type \"\(expression.type.documented)\" for range query"
                throw QueryError(.badRequest, "\(type), must be Scalar or instant Vector", expression.range)
            }
        }
        guard bounds.start.magnitude <= Planner.timeMax, bounds.end.magnitude <= Planner.timeMax else {
            throw QueryError(.badRequest, "evaluation time is out of bounds")
        }
        guard (1...QueryPlan.lookbackMax).contains(options.lookback) else {
            throw QueryError(.badRequest, "the look-back of \(options.lookback) ms is out of bounds")
        }
        var planner = Planner(tenant: tenant, bounds: bounds, options: options, distribution: distribution)
        let root = try planner.plan(expression, grid)
        self.init(
            root: root, planner: planner, grid: grid, isRange: isRange, resultType: expression.type,
            isOrdered: expression.hasOrder, text: text)
    }

    /// What a planner made.
    init(
        root: PlanNode, planner: Planner, grid: TimeGrid, isRange: Bool, resultType: ValueType, isOrdered: Bool,
        text: String
    ) {
        self.root = root
        selections = planner.selections
        fragments = planner.fragments
        bounds = planner.bounds
        options = planner.options
        self.grid = grid
        self.isRange = isRange
        self.resultType = resultType
        self.isOrdered = isOrdered
        self.text = text
    }

    /// Milliseconds, with which the bounds of times cannot overflow.
    static let lookbackMax: Int64 = 1 << 53

    private static func grid(
        _ start: Int64, _ end: Int64, _ step: Int64, _ options: EvaluationOptions
    ) throws(QueryError) -> TimeGrid {
        guard step > 0 else {
            throw QueryError(.badRequest, "zero or negative query resolution step widths are not accepted")
        }
        guard end >= start else { throw QueryError(.badRequest, "end timestamp must not be before start time") }
        let (length, overflow) = end.subtractingReportingOverflow(start)
        guard !overflow, length / step <= Int64(options.stepsMax) else {
            let most = grouped(options.stepsMax)
            let advice = "Try decreasing the query resolution (?step=XX)"
            throw QueryError(.limit, "exceeded maximum resolution of \(most) points per timeseries. \(advice)")
        }
        return TimeGrid(start: start, step: step, count: Int(length / step) + 1)
    }

    /// 11000 as Prometheus writes it: 11,000.
    private static func grouped(_ number: Int) -> String {
        let digits = Array(String(number))
        let parts = digits.indices.map { index in
            let rest = digits.count - index
            return (index > 0 && rest % 3 == 0 ? "," : "") + String(digits[index])
        }
        return parts.joined()
    }
}
