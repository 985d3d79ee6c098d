// MARK: - Binary and unary operators

extension Parser {
    /// Reads an expression whose outermost operators bind at least as tightly as `precedence` says.
    mutating func expression(precedence: Int = 1) throws(ParseError) -> Operand {
        nesting += 1
        defer { nesting -= 1 }
        if nesting > options.queryDepthMax { throw tooDeep(lookahead.range) }
        var left = try prefixed()
        while case .binaryOperator(let operation) = lookahead.kind, operation.precedence >= precedence {
            left = try binary(left, operation)
        }
        return left
    }

    private mutating func binary(_ left: Operand, _ operation: BinaryOperator) throws(ParseError) -> Operand {
        let operatorRange = try advance().range
        let returnsBool = try accept(.keyword(.bool))
        var matching = try vectorMatching()
        let isRight = operation.isRightAssociative
        let right = try expression(precedence: isRight ? operation.precedence : operation.precedence + 1)
        if operation.isSet && matching.cardinality == .oneToOne { matching.cardinality = .manyToMany }
        let areVectors = left.expression.type == .vector && right.expression.type == .vector
        let node = BinaryExpression(
            operation: operation, left: left.expression, right: right.expression, returnsBool: returnsBool,
            // A clause with labels between scalars is an error that the type check reports.
            matching: areVectors || !matching.labels.isEmpty ? matching : nil, operatorRange: operatorRange)
        return try self.node(.binary(node), over: [left, right])
    }

    private mutating func vectorMatching() throws(ParseError) -> VectorMatching {
        var matching = VectorMatching()
        switch lookahead.kind {
        case .keyword(.on): matching.isOn = true
        case .keyword(.ignoring): break
        default: return matching
        }
        try advance()
        matching.labels = try groupingLabels()
        switch lookahead.kind {
        case .keyword(.groupLeft): matching.cardinality = .manyToOne
        case .keyword(.groupRight): matching.cardinality = .oneToMany
        default: return matching
        }
        try advance()
        if lookahead.kind == .leftParenthesis { matching.include = try groupingLabels() }
        return matching
    }

    /// A sign binds like a multiplication: `-a ^ b` is `-(a ^ b)`, `-a * b` is `(-a) * b`.
    private mutating func prefixed() throws(ParseError) -> Operand {
        guard case .binaryOperator(let operation) = lookahead.kind, operation == .add || operation == .subtract else {
            return try postfixed()
        }
        let start = try advance().range.start
        let operand = try expression(precedence: BinaryOperator.power.precedence)
        if case .number(var literal) = operand.expression {
            if operation == .subtract { literal.value = -literal.value }
            literal.range.start = start
            return Operand(expression: .number(literal), height: operand.height)
        }
        let range = SourceRange(start, operand.expression.range.end)
        let node = UnaryExpression(isNegation: operation == .subtract, operand: operand.expression, range: range)
        return try self.node(.unary(node), over: [operand])
    }

    /// `(a, "b.c", by)`, with a comma allowed at the end.
    mutating func groupingLabels() throws(ParseError) -> [String] {
        guard try accept(.leftParenthesis) else { throw unexpected(in: "grouping opts", expected: "\"(\"") }
        var labels: [String] = []
        while lookahead.kind != .rightParenthesis {
            labels.append(try groupingLabel())
            if lookahead.kind == .rightParenthesis { break }
            guard try accept(.comma) else { throw unexpected(in: "grouping opts", expected: "\",\" or \")\"") }
        }
        try advance()
        return labels
    }

    private mutating func groupingLabel() throws(ParseError) -> String {
        if case .string(let name) = lookahead.kind {
            if name.isEmpty { throw failure("invalid label name for grouping: \"\"", lookahead.range) }
            try advance()
            return name
        }
        guard lookahead.isGroupingLabel else { throw unexpected(in: "grouping opts", expected: "label") }
        return String(try advance().text)
    }
}
