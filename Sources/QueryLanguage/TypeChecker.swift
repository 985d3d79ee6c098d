internal import MetricModel

/// Checks what the grammar alone cannot say: the types of operands and arguments, and which clauses go with which operators.
struct TypeChecker {
    /// The text, for lines and columns.
    let bytes: [UInt8]

    /// Checks the whole tree, the inner expressions first.
    func check(_ expression: Expression) throws(ParseError) {
        switch expression {
        case .number, .string: break
        case .vectorSelector(let node): try check(node)
        case .matrixSelector(let node): try check(node.selector)
        case .parenthesized(let node): try check(node.inner)
        case .subquery(let node):
            try check(node.inner)
            let type = node.inner.type
            if type != .vector {
                throw failure("subquery is only allowed on instant vector, got \(type.rawValue) instead", node.range)
            }
        case .unary(let node):
            try check(node.operand)
            let type = node.operand.type
            if type != .scalar && type != .vector {
                let allowed = "unary expression only allowed on expressions of type scalar or instant vector"
                throw failure("\(allowed), got \(Quoted.text(type.documented))", node.range)
            }
        case .aggregation(let node):
            try expect(node.inner, .vector, in: "aggregation expression")
            if let parameter = node.parameter, let type = node.operation.parameterType {
                try expect(parameter, type, in: "aggregation parameter")
            }
        case .call(let node): try check(node)
        case .binary(let node): try check(node)
        }
    }

    private func expect(_ expression: Expression, _ wanted: ValueType, in context: String) throws(ParseError) {
        try check(expression)
        let found = expression.type
        if found != wanted {
            throw failure("expected type \(wanted.documented) in \(context), got \(found.documented)", expression.range)
        }
    }

    private func check(_ selector: VectorSelector, mayBeEmpty: Bool = false) throws(ParseError) {
        if let name = selector.name {
            if let other = selector.matchers.dropLast().first(where: { $0.name == Labels.metricName }) {
                let names = "\(Quoted.text(name)) or \(Quoted.text(other.value))"
                throw failure("metric name must not be set twice: \(names)", selector.range)
            }
            return
        }
        if !mayBeEmpty && selector.matchers.allSatisfy(\.matchesEmpty) {
            throw failure("vector selector must contain at least one non-empty matcher", selector.range)
        }
    }

    private func check(_ call: FunctionCall) throws(ParseError) {
        let signature = call.function.signature
        let found = "argument(s) in call to \(Quoted.text(call.function.rawValue)), got \(call.arguments.count)"
        if signature.variadic == .exactlyOnce {
            if call.arguments.count != signature.arguments.count {
                throw failure("expected \(signature.arguments.count) \(found)", call.range)
            }
        } else if call.arguments.count < signature.argumentCountMin {
            throw failure("expected at least \(signature.argumentCountMin) \(found)", call.range)
        } else if let most = signature.argumentCountMax, call.arguments.count > most {
            throw failure("expected at most \(most) \(found)", call.range)
        }
        for (index, argument) in call.arguments.enumerated() {
            if call.function == .info && index == 1 {
                try checkInfoSelector(argument)
                continue
            }
            let wanted = signature.arguments[min(index, signature.arguments.count - 1)]
            try expect(argument, wanted, in: "call to function \(Quoted.text(call.function.rawValue))")
        }
    }

    /// The second argument of `info` chooses labels, so it may match everything but not name a metric in front.
    private func checkInfoSelector(_ argument: Expression) throws(ParseError) {
        guard case .vectorSelector(let selector) = argument, selector.name == nil else {
            throw failure("expected label selectors only, got vector selector instead", argument.range)
        }
        try check(selector, mayBeEmpty: true)
    }

    private func check(_ node: BinaryExpression) throws(ParseError) {
        try check(node.left)
        try check(node.right)
        let (left, right) = (node.left.type, node.right.type)
        if node.returnsBool && !node.operation.isComparison {
            throw failure("bool modifier can only be used on comparison operators", node.operatorRange)
        }
        if node.operation.isComparison && !node.returnsBool && left == .scalar && right == .scalar {
            throw failure("comparisons between scalars must use BOOL modifier", node.operatorRange)
        }
        if let matching = node.matching, matching.isOn,
            let label = matching.labels.first(where: matching.include.contains)
        {
            let message = "label \(Quoted.text(label)) must not occur in ON and GROUP clause at once"
            throw failure(message, node.operatorRange)
        }
        for side in [node.left, node.right] where side.type != .scalar && side.type != .vector {
            throw failure("binary expression must contain only scalar and instant vector types", side.range)
        }
        let name = Quoted.text(node.operation.rawValue)
        if left != .vector || right != .vector {
            if node.matching != nil {
                throw failure("vector matching only allowed between instant vectors", node.range)
            }
            if node.operation.isSet {
                throw failure("set operator \(name) not allowed in binary scalar expression", node.range)
            }
        } else if node.operation.isSet && node.matching?.cardinality != .manyToMany {
            throw failure("no grouping allowed for \(name) operation", node.range)
        }
    }

    private func failure(_ message: String, _ range: SourceRange) -> ParseError {
        ParseError(message, range, in: bytes)
    }
}
