internal import MetricModel
internal import QueryLanguage

// MARK: - Function calls

extension Planner {
    mutating func call(_ node: FunctionCall, _ grid: TimeGrid) throws(QueryError) -> PlanNode {
        let arguments = node.arguments
        switch node.function {
        case .time: return .evaluationTime
        case .pi: return .constant(.pi)
        case .scalar: return .scalarOf(try plan(arguments[0], grid))
        case .vector: return .vectorOf(try plan(arguments[0], grid))
        case .timestamp:
            if case .vectorSelector(let selector) = arguments[0].withoutParentheses {
                return .sampleTime(try self.selector(selector, grid))
            }
            return try pointwise(node, grid)
        case .absent:
            return .absent(try plan(arguments[0], grid), Planner.absentLabels(arguments[0]))
        case .absentOverTime:
            return .absentOverTime(try window(arguments[0], grid), Planner.absentLabels(arguments[0]))
        case .dayOfMonth, .dayOfWeek, .dayOfYear, .daysInMonth, .hour, .minute, .month, .year:
            return arguments.isEmpty ? .dateOfEvaluation(node.function) : try pointwise(node, grid)
        case .abs, .acos, .acosh, .asin, .asinh, .atan, .atanh, .ceil, .clamp, .clampMax, .clampMin, .cos, .cosh, .deg,
            .exp, .floor,
            .ln, .log10, .log2, .rad, .round, .sgn, .sin, .sinh, .sqrt, .tan, .tanh, .histogramAvg, .histogramCount,
            .histogramSum, .histogramStddev, .histogramStdvar:
            return try pointwise(node, grid)
        case .avgOverTime, .changes, .countOverTime, .delta, .deriv, .doubleExponentialSmoothing, .idelta, .increase,
            .irate,
            .lastOverTime, .madOverTime, .maxOverTime, .minOverTime, .predictLinear, .presentOverTime, .rate, .resets,
            .stddevOverTime, .stdvarOverTime, .sumOverTime, .tsOfLastOverTime, .tsOfMaxOverTime, .tsOfMinOverTime:
            let window = try window(arguments[0], grid)
            return .window(node.function, window, try plans(arguments.dropFirst(), grid))
        case .quantileOverTime:
            let quantile = try plan(arguments[0], grid)
            var window = try window(arguments[1], grid)
            // Prometheus tells of the first argument, whatever it has to tell.
            window.noteRange = arguments[0].range
            return .window(node.function, window, [quantile])
        case .sort, .sortDesc, .sortByLabel, .sortByLabelDesc:
            let labels = arguments.dropFirst().map(Planner.text)
            return .sorted(node.function, try plan(arguments[0], grid), labels: labels)
        case .labelReplace, .labelJoin:
            return .relabelled(try labelChange(node), try plan(arguments[0], grid))
        case .histogramQuantile, .histogramFraction: return try histogram(node, grid)
        case .info: return .info(try info(node, grid))
        }
    }

    private mutating func plans(_ expressions: some Sequence<Expression>, _ grid: TimeGrid) throws(QueryError)
        -> [PlanNode]
    {
        var nodes: [PlanNode] = []
        for expression in expressions { nodes.append(try plan(expression, grid)) }
        return nodes
    }

    private mutating func pointwise(_ node: FunctionCall, _ grid: TimeGrid) throws(QueryError) -> PlanNode {
        let vector = try plan(node.arguments[0], grid)
        return .pointwise(node.function, vector, try plans(node.arguments.dropFirst(), grid))
    }

    private mutating func histogram(_ node: FunctionCall, _ grid: TimeGrid) throws(QueryError) -> PlanNode {
        let parameters = try plans(node.arguments.dropLast(), grid)
        let last = node.arguments[node.arguments.count - 1]
        return .histogram(
            PlannedHistogram(
                function: node.function, parameters: parameters, inner: try plan(last, grid),
                parameterRange: node.arguments[0].range, range: last.range))
    }

    private func labelChange(_ node: FunctionCall) throws(QueryError) -> LabelChange {
        let texts = node.arguments.dropFirst().map(Planner.text)
        let name = "\(node.function.rawValue)()"
        if texts[0].isEmpty {
            throw QueryError(.execution, "invalid destination label name in \(name): ", node.arguments[1].range)
        }
        if node.function == .labelJoin {
            if let empty = texts.dropFirst(2).firstIndex(of: "") {
                throw QueryError(.execution, "invalid source label name in \(name): ", node.arguments[empty + 1].range)
            }
            return .join(target: texts[0], separator: texts[1], sources: Array(texts.dropFirst(2)))
        }
        do throws(ModelError) {
            // As Prometheus anchors it: the whole value, a dot matching line ends too.
            let expression = try RegularExpression("(?s:\(texts[3]))")
            return .replace(target: texts[0], template: texts[1], source: texts[2], expression: expression)
        } catch {
            let message = "invalid regular expression in \(name): \(texts[3])"
            throw QueryError(.execution, message, node.arguments[4].range)
        }
    }

    /// The text of an argument that the type check found to be one.
    private static func text(_ expression: Expression) -> String {
        guard case .string(let literal) = expression.withoutParentheses else {
            preconditionFailure("the type check lets only texts through")
        }
        return literal.value
    }

    /// The labels that a selector's equality matchers name exactly once, as `absent` answers them.
    static func absentLabels(_ expression: Expression) -> Labels {
        let matchers: [Matcher]
        switch expression.withoutParentheses {
        case .vectorSelector(let node): matchers = node.matchers
        case .matrixSelector(let node): matchers = node.selector.matchers
        case .number, .string, .subquery, .call, .aggregation, .binary, .unary, .parenthesized: return .empty
        }
        var values: [String: String] = [:]
        var seen: Set<String> = []
        for matcher in matchers where matcher.name != Labels.metricName {
            if matcher.operation == .equal && !seen.contains(matcher.name) {
                values[matcher.name] = matcher.value
                seen.insert(matcher.name)
            } else {
                values[matcher.name] = nil
            }
        }
        let labels = values.filter { !$0.value.isEmpty }.map { Label($0.key, $0.value) }.sorted()
        return Labels(sortedUnique: labels)
    }
}
