internal import MetricModel
internal import QueryLanguage

/// `info(vector, {labels})`: a vector that gets labels of info metrics.
struct PlannedInfo: Sendable {
    var inner: PlanNode
    /// The info series, whatever they identify.
    var selector: PlannedSelector
    /// Series of the vector whose names one of these matches are info series themselves and left alone.
    var infoNames: [Matcher]
    /// What the second argument asks of labels other than the name.
    var dataMatchers: [Matcher]
    /// All that the second argument asks.
    var matchers: [Matcher]
    var range: SourceRange
}

extension Planner {
    /// The info metric that is meant when none is named.
    private static let infoMetric = "target_info"

    /// Plans a call of `info`. Its info series are looked for at the evaluation's own times, whatever the vector's offset.
    mutating func info(_ node: FunctionCall, _ grid: TimeGrid) throws(QueryError) -> PlannedInfo {
        let inner = try plan(node.arguments[0], grid)
        var matchers: [Matcher] = []
        if node.arguments.count > 1,
            case .vectorSelector(let selector) = node.arguments[1].withoutParentheses
        {
            matchers = selector.matchers
        }
        let standard = Matcher(equal: Labels.metricName, Planner.infoMetric)
        let names = matchers.filter { $0.name.hasSameBytes(as: Labels.metricName) }
        let read = VectorSelector(
            name: nil, matchers: names.isEmpty ? [standard] + matchers : matchers, range: node.range)
        return PlannedInfo(
            inner: inner, selector: try selector(read, grid),
            infoNames: node.arguments.count > 1 ? names : [standard],
            dataMatchers: matchers.filter { !$0.name.hasSameBytes(as: Labels.metricName) },
            matchers: matchers,
            range: node.range)
    }
}
