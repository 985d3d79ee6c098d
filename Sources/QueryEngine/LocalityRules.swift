internal import MetricModel
internal import QueryLanguage

/// Says of each kind of expression what lets it be evaluated where the data is.
///
/// The invariant: a row of what is local carries the placement label of the series it was made of, so that rows which meet above lie
/// together when their series do.
struct LocalityRules {
    /// The placement labels in order; nil when nothing is known of them, and only what has no requirement is local.
    let names: [String]?

    /// The requirement of an instant vector.
    func vector(_ expression: Expression) -> PlacementRequirement? {
        switch expression {
        case .vectorSelector: return PlacementRequirement.none
        case .parenthesized(let node): return vector(node.inner)
        case .unary(let node): return droppingName(node.operand)
        case .aggregation(let node): return aggregation(node)
        case .binary(let node): return binary(node)
        case .call(let node): return call(node)
        case .number, .string, .matrixSelector, .subquery: return nil
        }
    }

    /// Whether a scalar depends on no series.
    static func isFixed(_ expression: Expression) -> Bool {
        switch expression {
        case .number: true
        case .parenthesized(let node): isFixed(node.inner)
        case .unary(let node): isFixed(node.operand)
        case .binary(let node): isFixed(node.left) && isFixed(node.right)
        case .call(let node): node.function == .time || node.function == .pi
        case .string, .vectorSelector, .matrixSelector, .subquery, .aggregation: false
        }
    }

    // MARK: - What keeps which labels

    /// Series that differ in labels other than the kept ones meet.
    private func keeping(_ isKept: (String) -> Bool) -> PlacementRequirement? {
        guard let names else { return nil }
        var allowed: PlacementKinds = []
        for (index, name) in names.enumerated() where isKept(name) {
            allowed.insert(PlacementKinds(labelIndex: UInt8(index)))
        }
        if allowed.isEmpty { return nil }
        // Where all are kept, series that meet have the same ones, and so the same first one.
        return allowed.count == names.count
            ? .anyLabel : PlacementRequirement(allowed: allowed, isUniform: true)
    }

    /// What is evaluated without metric names: rows that only the names told apart meet.
    private func droppingName(_ inner: Expression) -> PlacementRequirement? {
        guard let requirement = vector(inner) else { return nil }
        return inner.hasFixedNames ? requirement : names.flatMap { _ in requirement.and(.anyLabel) }
    }

    private func isPlacementLabel(_ name: String) -> Bool {
        names?.contains { $0.hasSameBytes(as: name) } ?? true
    }

    // MARK: - Nodes

    private func aggregation(_ node: Aggregation) -> PlacementRequirement? {
        var labels = node.grouping
        if let parameter = node.parameter {
            if case .string(let label) = parameter.withoutParentheses {
                // count_values sets this label.
                if isPlacementLabel(label.value) { return nil }
                labels.append(label.value)
            } else if !LocalityRules.isFixed(parameter) {
                return nil
            }
        }
        guard let inner = vector(node.inner) else { return nil }
        return keeping { name in labels.contains { $0.hasSameBytes(as: name) } != node.isWithout }
            .map(inner.and)
    }

    private func binary(_ node: BinaryExpression) -> PlacementRequirement? {
        switch (node.left.type, node.right.type) {
        case (.scalar, .scalar): return nil
        case (.scalar, _): return mixed(node, vector: node.right, scalar: node.left)
        case (_, .scalar): return mixed(node, vector: node.left, scalar: node.right)
        default: break
        }
        guard let left = vector(node.left), let right = vector(node.right) else { return nil }
        let matching = node.matching ?? VectorMatching()
        return keeping { name in matching.labels.contains { $0.hasSameBytes(as: name) } == matching.isOn }
            .map { $0.and(left).and(right) }
    }

    private func mixed(_ node: BinaryExpression, vector: Expression, scalar: Expression) -> PlacementRequirement? {
        guard LocalityRules.isFixed(scalar) else { return nil }
        return node.operation.isComparison && !node.returnsBool ? self.vector(vector) : droppingName(vector)
    }

    private func call(_ node: FunctionCall) -> PlacementRequirement? {
        let arguments = node.arguments
        switch node.function {
        case .avgOverTime, .changes, .countOverTime, .delta, .deriv, .doubleExponentialSmoothing, .idelta, .increase,
            .irate, .madOverTime, .maxOverTime, .minOverTime, .predictLinear, .presentOverTime, .rate, .resets,
            .stddevOverTime, .stdvarOverTime, .sumOverTime, .tsOfLastOverTime, .tsOfMaxOverTime, .tsOfMinOverTime:
            guard arguments.dropFirst().allSatisfy(LocalityRules.isFixed) else { return nil }
            return window(arguments[0], dropsName: true)
        case .lastOverTime: return window(arguments[0], dropsName: false)
        case .quantileOverTime:
            return LocalityRules.isFixed(arguments[0]) ? window(arguments[1], dropsName: true) : nil
        case .abs, .acos, .acosh, .asin, .asinh, .atan, .atanh, .ceil, .clamp, .clampMax, .clampMin, .cos, .cosh, .deg,
            .exp, .floor, .ln, .log10, .log2, .rad, .round, .sgn, .sin, .sinh, .sqrt, .tan, .tanh, .timestamp,
            .dayOfMonth, .dayOfWeek, .dayOfYear, .daysInMonth, .hour, .minute, .month, .year, .histogramAvg,
            .histogramCount, .histogramSum, .histogramStddev, .histogramStdvar:
            guard let vector = arguments.first, arguments.dropFirst().allSatisfy(LocalityRules.isFixed) else {
                return nil
            }
            return droppingName(vector)
        case .sort, .sortDesc, .sortByLabel, .sortByLabelDesc: return vector(arguments[0])
        case .labelReplace, .labelJoin:
            // Series that meet in the new label differed in it alone.
            guard case .string(let target) = arguments[1].withoutParentheses, !isPlacementLabel(target.value) else {
                return nil
            }
            return vector(arguments[0])?.and(.anyLabel)
        case .histogramQuantile, .histogramFraction:
            guard let last = arguments.last, arguments.dropLast().allSatisfy(LocalityRules.isFixed),
                !isPlacementLabel("le")
            else { return nil }
            return vector(last)?.and(.anyLabel)
        case .absent, .absentOverTime, .scalar, .vector, .time, .pi, .info: return nil
        }
    }

    private func window(_ expression: Expression, dropsName: Bool) -> PlacementRequirement? {
        let inner: PlacementRequirement?
        switch expression.withoutParentheses {
        case .matrixSelector: inner = PlacementRequirement.none
        case .subquery(let node): inner = vector(node.inner)
        case .number, .string, .vectorSelector, .call, .aggregation, .binary, .unary, .parenthesized: inner = nil
        }
        guard let inner, dropsName, !expression.hasFixedNames else { return inner }
        return names.flatMap { _ in inner.and(.anyLabel) }
    }
}

extension Expression {
    /// Whether it reads anything.
    var hasSelector: Bool {
        var found = false
        forEachSelector { _ in found = true }
        return found
    }

    /// Whether each selector in it names its metric.
    var hasFixedNames: Bool {
        var fixed = true
        forEachSelector { selector in
            if !selector.matchers.contains(where: { $0.name == Labels.metricName && $0.operation == .equal }) {
                fixed = false
            }
        }
        return fixed
    }

    /// Whether the elements of an instant query's answer have an order that it made.
    var hasOrder: Bool {
        switch self {
        case .parenthesized(let node): return node.inner.hasOrder
        case .unary(let node): return node.operand.hasOrder
        case .aggregation(let node): return node.operation == .topk || node.operation == .bottomk
        case .binary(let node):
            return node.matching == nil && (node.left.hasOrder || node.right.hasOrder)
        case .call(let node):
            switch node.function {
            case .sort, .sortDesc, .sortByLabel, .sortByLabelDesc: return true
            default: return node.arguments.contains { $0.type == .vector && $0.hasOrder }
            }
        case .number, .string, .vectorSelector, .matrixSelector, .subquery: return false
        }
    }

    /// Calls `body` with each selector.
    func forEachSelector(_ body: (VectorSelector) -> Void) {
        switch self {
        case .vectorSelector(let node): body(node)
        case .matrixSelector(let node): body(node.selector)
        case .subquery(let node): node.inner.forEachSelector(body)
        case .parenthesized(let node): node.inner.forEachSelector(body)
        case .unary(let node): node.operand.forEachSelector(body)
        case .aggregation(let node):
            node.parameter?.forEachSelector(body)
            node.inner.forEachSelector(body)
        case .binary(let node):
            node.left.forEachSelector(body)
            node.right.forEachSelector(body)
        case .call(let node): for argument in node.arguments { argument.forEachSelector(body) }
        case .number, .string: return
        }
    }

    /// The outermost instant vector that stands exactly there.
    func vector(at range: SourceRange) -> Expression? {
        if self.range == range && type == .vector { return self }
        switch self {
        case .subquery(let node): return node.inner.vector(at: range)
        case .parenthesized(let node): return node.inner.vector(at: range)
        case .unary(let node): return node.operand.vector(at: range)
        case .aggregation(let node): return node.parameter?.vector(at: range) ?? node.inner.vector(at: range)
        case .binary(let node): return node.left.vector(at: range) ?? node.right.vector(at: range)
        case .call(let node):
            for argument in node.arguments {
                if let found = argument.vector(at: range) { return found }
            }
            return nil
        case .number, .string, .vectorSelector, .matrixSelector: return nil
        }
    }
}
