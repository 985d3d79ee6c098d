import MetricModel
package import QueryLanguage

extension JSONText {
    /// Appends an expression as `parse_query` tells it, for explorers: objects with a `type` and what belongs to it, names in order.
    ///
    /// Durations and times are milliseconds. Source: Prometheus' web/api/v1/translate_ast.go.
    package mutating func tree(_ expression: Expression) {
        switch expression {
        case .number(let node):
            raw("{\"type\":\"numberLiteral\",\"val\":")
            string(PlainDecimal.text(node.value))
            raw("}")
        case .string(let node):
            raw("{\"type\":\"stringLiteral\",\"val\":")
            string(node.value)
            raw("}")
        case .vectorSelector(let node):
            raw("{")
            matchers(node)
            member("offset", node.offset)
            place(node.at)
            raw(",\"type\":\"vectorSelector\"}")
        case .matrixSelector(let node):
            raw("{")
            matchers(node.selector)
            member("offset", node.selector.offset)
            member("range", node.window)
            place(node.selector.at)
            raw(",\"type\":\"matrixSelector\"}")
        case .subquery(let node): tree(node)
        case .call(let node): tree(node)
        case .aggregation(let node): tree(node)
        case .binary(let node): tree(node)
        case .unary(let node):
            raw("{\"expr\":")
            tree(node.operand)
            raw(",\"op\":\"\(node.isNegation ? "-" : "+")\",\"type\":\"unaryExpr\"}")
        case .parenthesized(let node):
            raw("{\"expr\":")
            tree(node.inner)
            raw(",\"type\":\"parenExpr\"}")
        }
    }

    private mutating func tree(_ node: Subquery) {
        raw("{\"expr\":")
        tree(node.inner)
        member("offset", node.offset)
        member("range", node.window)
        place(node.at, step: node.step ?? 0)
        raw(",\"type\":\"subquery\"}")
    }

    private mutating func tree(_ node: FunctionCall) {
        let signature = node.function.signature
        let variadic =
            switch signature.variadic {
            case .exactlyOnce: 0
            case .optional: 1
            case .anyNumber: -1
            }
        raw("{\"args\":[")
        for (index, argument) in node.arguments.enumerated() {
            if index > 0 { raw(",") }
            tree(argument)
        }
        raw("],\"func\":{\"argTypes\":")
        array(signature.arguments.map(\.rawValue))
        raw(",\"name\":\"\(node.function.rawValue)\",\"returnType\":\"\(signature.result.rawValue)\"")
        member("variadic", Int64(variadic))
        raw("},\"type\":\"call\"}")
    }

    private mutating func tree(_ node: Aggregation) {
        raw("{\"expr\":")
        tree(node.inner)
        raw(",\"grouping\":")
        array(node.grouping)
        raw(",\"op\":\"\(node.operation.rawValue)\",\"param\":")
        if let parameter = node.parameter { tree(parameter) } else { raw("null") }
        raw(",\"type\":\"aggregation\",\"without\":\(node.isWithout)}")
    }

    private mutating func tree(_ node: BinaryExpression) {
        raw("{\"bool\":\(node.returnsBool),\"lhs\":")
        tree(node.left)
        raw(",\"matching\":")
        if let matching = node.matching { tree(matching) } else { raw("null") }
        raw(",\"op\":\"\(node.operation.rawValue)\",\"rhs\":")
        tree(node.right)
        raw(",\"type\":\"binaryExpr\"}")
    }

    private mutating func tree(_ matching: VectorMatching) {
        let cardinality =
            switch matching.cardinality {
            case .oneToOne: "one-to-one"
            case .manyToOne: "many-to-one"
            case .oneToMany: "one-to-many"
            case .manyToMany: "many-to-many"
            }
        raw("{\"card\":\"\(cardinality)\",\"include\":")
        array(matching.include)
        raw(",\"labels\":")
        array(matching.labels)
        raw(",\"on\":\(matching.isOn)}")
    }

    /// The first members of a selector: its matchers and the name in front of the braces.
    private mutating func matchers(_ node: VectorSelector) {
        raw("\"matchers\":[")
        for (index, matcher) in node.matchers.enumerated() {
            raw(index > 0 ? ",{\"name\":" : "{\"name\":")
            string(matcher.name)
            raw(",\"type\":\"\(matcher.operation.symbol)\",\"value\":")
            string(matcher.value)
            raw("}")
        }
        raw("],\"name\":")
        string(node.name ?? "")
    }

    /// The `@` modifier, in two members that are null without one, and the step of a subquery between them.
    private mutating func place(_ at: AtModifier?, step: Int64? = nil) {
        raw(",\"startOrEnd\":")
        switch at {
        case .start?: raw("\"start\"")
        case .end?: raw("\"end\"")
        case .timestamp?, nil: raw("null")
        }
        if let step { member("step", step) }
        if case .timestamp(let milliseconds)? = at {
            member("timestamp", milliseconds)
        } else {
            raw(",\"timestamp\":null")
        }
    }

    private mutating func member(_ name: String, _ value: Int64) {
        raw(",\"\(name)\":\(value)")
    }
}
