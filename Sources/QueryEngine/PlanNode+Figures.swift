package import MetricModel
internal import QueryLanguage

extension QueryPlan {
    /// What it is made of, not run.
    package var operators: [OperatorFigures] {
        var list: [OperatorFigures] = []
        root.list(self, depth: 0, into: &list)
        return list
    }
}

extension FragmentPlan {
    /// What it is made of, not run.
    package var operators: [OperatorFigures] { plan.operators }
}

extension PlanNode {
    func figures(_ plan: QueryPlan, depth: Int) -> OperatorFigures {
        let (name, detail) = described(plan)
        return OperatorFigures(name: name, detail: detail, depth: depth)
    }

    fileprivate func list(_ plan: QueryPlan, depth: Int, into list: inout [OperatorFigures]) {
        guard list.count < OperatorFigures.countMax else { return }
        list.append(figures(plan, depth: depth))
        for child in children { child.list(plan, depth: depth + 1, into: &list) }
    }

    /// What it takes rows or numbers from.
    var children: [PlanNode] {
        switch self {
        case .constant, .text, .evaluationTime, .selector, .dateOfEvaluation, .sampleTime, .fragment: []
        case .scalarBinary(_, let left, let right): [left, right]
        case .scalarNegation(let inner), .scalarOf(let inner), .vectorOf(let inner), .negation(let inner),
            .absent(let inner, _), .sorted(_, let inner, _), .relabelled(_, let inner):
            [inner]
        case .pointwise(_, let inner, let parameters): [inner] + parameters
        case .window(_, let window, let parameters): window.children + parameters
        case .absentOverTime(let window, _), .rangeVector(let window): window.children
        case .histogram(let node): node.parameters + [node.inner]
        case .info(let node): [node.inner, .selector(node.selector)]
        case .aggregation(let node), .mergedStates(let node): [node.parameter].compactMap(\.self) + [node.inner]
        case .mixedBinary(let node): node.scalarIsLeft ? [node.scalar, node.vector] : [node.vector, node.scalar]
        case .vectorBinary(let node): [node.left, node.right]
        }
    }

    private func described(_ plan: QueryPlan) -> (name: String, detail: String) {
        switch self {
        case .constant(let value): ("number", "\(value)")
        case .text(let text): ("text", text)
        case .evaluationTime: ("time", "")
        case .scalarBinary(let operation, _, _): (operation.rawValue, "of numbers")
        case .scalarNegation: ("-", "of a number")
        case .scalarOf: ("scalar", "")
        case .selector(let selector): ("selector", selector.described(plan))
        case .vectorOf: ("vector", "")
        case .negation: ("-", "")
        case .pointwise(let function, _, _), .dateOfEvaluation(let function): (function.rawValue, "")
        case .sampleTime(let selector): ("timestamp", selector.described(plan))
        case .window(let function, let window, _): (function.rawValue, window.described(plan))
        case .absent: ("absent", "")
        case .absentOverTime(let window, _): ("absent_over_time", window.described(plan))
        case .sorted(let function, _, let labels): (function.rawValue, labels.joined(separator: ", "))
        case .relabelled(.replace(let target, _, _, _), _): ("label_replace", target)
        case .relabelled(.join(let target, _, _), _): ("label_join", target)
        case .histogram(let node): (node.function.rawValue, "")
        case .info: ("info", "")
        case .aggregation(let node): (node.operation.rawValue, node.grouping.clause)
        case .mergedStates(let node): (node.operation.rawValue, "\(node.grouping.clause) of all parts' states")
        case .mixedBinary(let node): (node.operation.rawValue, node.returnsBool ? "bool" : "")
        case .vectorBinary(let node): (node.operation.rawValue, node.matching.described)
        case .fragment(let number): ("fragment", "\(number)")
        case .rangeVector(let window): ("samples", window.described(plan))
        }
    }
}

extension PlannedSelector {
    fileprivate func described(_ plan: QueryPlan) -> String {
        plan.described(selection) + time.described
    }
}

extension PlannedWindow {
    fileprivate var children: [PlanNode] {
        if case .subquery(let inner, _) = source { [inner] } else { [] }
    }

    fileprivate func described(_ plan: QueryPlan) -> String {
        switch source {
        case .selection(let number): "\(plan.described(number))[\(length) ms]\(time.described)"
        case .subquery(_, let step): "[\(length) ms:\(step) ms]\(time.described)"
        }
    }
}

extension SelectorTime {
    fileprivate var described: String {
        (at.map { " @ \($0) ms" } ?? "") + (offset == 0 ? "" : " offset \(offset) ms")
    }
}

extension QueryPlan {
    fileprivate func described(_ selection: Int) -> String {
        "{" + selections[selection].matchers.map(\.description).joined(separator: ",") + "}"
    }
}

extension VectorMatching {
    fileprivate var described: String {
        let clause = labels.isEmpty && !isOn ? "" : "\(isOn ? "on" : "ignoring") (\(labels.joined(separator: ", ")))"
        return switch cardinality {
        case .manyToOne: "\(clause) group_left"
        case .oneToMany: "\(clause) group_right"
        case .oneToOne, .manyToMany: clause
        }
    }
}
