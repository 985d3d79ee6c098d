package import MetricModel

extension Expression {
    /// The predicates of each selector in the expression, in the order in which they stand.
    package var selectors: [[Matcher]] {
        switch self {
        case .number, .string: []
        case .vectorSelector(let node): [node.matchers]
        case .matrixSelector(let node): [node.selector.matchers]
        case .subquery(let node): node.inner.selectors
        case .call(let node): node.arguments.flatMap(\.selectors)
        case .aggregation(let node): (node.parameter?.selectors ?? []) + node.inner.selectors
        case .binary(let node): node.left.selectors + node.right.selectors
        case .unary(let node): node.operand.selectors
        case .parenthesized(let node): node.inner.selectors
        }
    }
}
