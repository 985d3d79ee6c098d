internal import MetricModel

// MARK: - Vector selectors

extension Parser {
    /// `name`, `name{…}` or `{…}`; the look-ahead is the name, or the brace when there is none.
    mutating func vectorSelector() throws(ParseError) -> VectorSelector {
        lookahead.kind == .leftBrace ? try vectorSelector(name: nil) : try vectorSelector(name: try advance())
    }

    /// The rest of a selector whose name, if any, has been read.
    mutating func vectorSelector(name: Token?) throws(ParseError) -> VectorSelector {
        var range = name?.range ?? lookahead.range
        var matchers: [Matcher] = []
        if lookahead.kind == .leftBrace {
            matchers = try labelMatchers()
            range.end = lastEnd
        }
        if let name { matchers.append(Matcher(equal: Labels.metricName, String(name.text))) }
        return VectorSelector(name: name.map { String($0.text) }, matchers: matchers, range: range)
    }

    private mutating func labelMatchers() throws(ParseError) -> [Matcher] {
        try advance()
        var matchers: [Matcher] = []
        while lookahead.kind != .rightBrace {
            matchers.append(try labelMatcher())
            if lookahead.kind == .rightBrace { break }
            guard try accept(.comma) else { throw unexpected(in: "label matching", expected: "\",\" or \"}\"") }
        }
        try advance()
        return matchers
    }

    /// `name="value"`, `"any name"="value"`, or `"a metric's name"` alone.
    private mutating func labelMatcher() throws(ParseError) -> Matcher {
        let token = lookahead
        let name: String
        switch token.kind {
        case .identifier: name = String(token.text)
        case .string(let text): name = text
        default: throw unexpected(in: "label matching", expected: "identifier or \"}\"")
        }
        try advance()
        guard let operation = lookahead.matcherOperation else {
            if case .string = token.kind { return Matcher(equal: Labels.metricName, name) }
            throw unexpected(in: "label matching", expected: "label matching operator")
        }
        try advance()
        guard case .string(let value) = lookahead.kind else {
            throw unexpected(in: "label matching", expected: "string")
        }
        let end = try advance().range.end
        do throws(ModelError) {
            return try Matcher(name, operation, value)
        } catch {
            throw failure(error.description, SourceRange(token.range.start, end))
        }
    }
}

extension Token {
    fileprivate var matcherOperation: Matcher.Operation? {
        switch kind {
        case .assign: .equal
        case .binaryOperator(.notEqual): .notEqual
        case .regexMatch: .regex
        case .regexMismatch: .notRegex
        default: nil
        }
    }
}

// MARK: - Ranges and subqueries

extension Parser {
    mutating func windowed(_ operand: Operand) throws(ParseError) -> Operand {
        let bracket = try advance().range
        let window = try positiveDuration(context: "subquery or range selector", expected: "number or duration")
        if try accept(.colon) { return try subquery(operand, window) }
        guard lookahead.kind == .rightBracket else {
            throw unexpected(in: "subquery or range", expected: "\":\" or \"]\"")
        }
        let end = try advance().range.end
        let brackets = SourceRange(bracket.start, end)
        guard case .vectorSelector(let selector) = operand.expression else {
            throw failure("ranges only allowed for vector selectors", brackets)
        }
        if selector.offset != 0 { throw failure("no offset modifiers allowed before range", brackets) }
        if selector.at != nil { throw failure("no @ modifiers allowed before range", brackets) }
        let range = SourceRange(selector.range.start, end)
        let node = MatrixSelector(selector: selector, window: window, range: range)
        return Operand(expression: .matrixSelector(node), height: operand.height)
    }

    private mutating func subquery(_ operand: Operand, _ window: Int64) throws(ParseError) -> Operand {
        var step: Int64?
        if lookahead.kind != .rightBracket {
            step = try positiveDuration(context: "subquery selector", expected: "number or duration or \"]\"")
        }
        guard lookahead.kind == .rightBracket else { throw unexpected(in: "subquery selector", expected: "\"]\"") }
        let end = try advance().range.end
        let range = SourceRange(operand.expression.range.start, end)
        let node = Subquery(inner: operand.expression, window: window, step: step, range: range)
        return try self.node(.subquery(node), over: [operand])
    }

    // MARK: - Modifiers

    mutating func withOffset(_ expression: Expression) throws(ParseError) -> Expression {
        try advance()
        let offset = try offsetDuration()
        let place = expression.range
        switch expression {
        case .vectorSelector(var node):
            if node.offset != 0 { throw failure("offset may not be set multiple times", place) }
            node.offset = offset
            node.range.end = lastEnd
            return .vectorSelector(node)
        case .matrixSelector(var node):
            if node.selector.offset != 0 { throw failure("offset may not be set multiple times", place) }
            node.selector.offset = offset
            node.range.end = lastEnd
            return .matrixSelector(node)
        case .subquery(var node):
            if node.offset != 0 { throw failure("offset may not be set multiple times", place) }
            node.offset = offset
            node.range.end = lastEnd
            return .subquery(node)
        case .number, .string, .call, .aggregation, .binary, .unary, .parenthesized:
            let preceding = "an instant vector selector or range vector selector or a subquery"
            throw failure("offset modifier must be preceded by \(preceding)", place)
        }
    }

    mutating func withAt(_ expression: Expression) throws(ParseError) -> Expression {
        try advance()
        let modifier = try atModifier(expression.range)
        let place = expression.range
        switch expression {
        case .vectorSelector(var node):
            if node.at != nil { throw failure("@ <timestamp> may not be set multiple times", place) }
            node.at = modifier
            node.range.end = lastEnd
            return .vectorSelector(node)
        case .matrixSelector(var node):
            if node.selector.at != nil { throw failure("@ <timestamp> may not be set multiple times", place) }
            node.selector.at = modifier
            node.range.end = lastEnd
            return .matrixSelector(node)
        case .subquery(var node):
            if node.at != nil { throw failure("@ <timestamp> may not be set multiple times", place) }
            node.at = modifier
            node.range.end = lastEnd
            return .subquery(node)
        case .number, .string, .call, .aggregation, .binary, .unary, .parenthesized:
            let preceding = "an instant vector selector or range vector selector or a subquery"
            throw failure("@ modifier must be preceded by \(preceding)", place)
        }
    }

    private mutating func atModifier(_ place: SourceRange) throws(ParseError) -> AtModifier {
        if case .boundary(let boundary) = lookahead.kind {
            try advance()
            guard try accept(.leftParenthesis), try accept(.rightParenthesis) else {
                throw unexpected(in: "@", expected: "timestamp")
            }
            return boundary
        }
        let sign = try sign()
        let value: Double
        switch lookahead.kind {
        case .number(let seconds): value = seconds
        case .duration(let milliseconds): value = Double(milliseconds) / 1000
        default: throw unexpected(in: "@", expected: "timestamp")
        }
        try advance()
        // As in Prometheus, the text of the error has the number of seconds, and the bound is that of the milliseconds kept.
        let milliseconds = (value * sign * 1000).rounded()
        guard milliseconds.magnitude < 0x1p63 else {
            throw failure("timestamp out of bounds for @ modifier: \(PlainDecimal.text(value * sign))", place)
        }
        return .timestamp(Int64(milliseconds))
    }

    /// Consumes signs; -1 or 1.
    mutating func sign() throws(ParseError) -> Double {
        switch lookahead.kind {
        case .binaryOperator(.subtract):
            try advance()
            return -1
        case .binaryOperator(.add):
            try advance()
            return 1
        default: return 1
        }
    }
}
