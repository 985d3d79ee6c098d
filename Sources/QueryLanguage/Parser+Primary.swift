// MARK: - Operands

extension Parser {
    /// An operand with the ranges, offsets and `@` that follow it.
    mutating func postfixed() throws(ParseError) -> Operand {
        var operand = try primary()
        while true {
            switch lookahead.kind {
            case .leftBracket: operand = try windowed(operand)
            case .keyword(.offset): operand.expression = try withOffset(operand.expression)
            case .at: operand.expression = try withAt(operand.expression)
            default: return operand
            }
        }
    }

    private mutating func primary() throws(ParseError) -> Operand {
        let token = lookahead
        switch token.kind {
        case .number(let value):
            try advance()
            return Operand(expression: .number(NumberLiteral(value: value, range: token.range)), height: 1)
        case .duration(let milliseconds):
            try advance()
            let literal = NumberLiteral(value: Double(milliseconds) / 1000, isDuration: true, range: token.range)
            return Operand(expression: .number(literal), height: 1)
        case .string(let value):
            try advance()
            return Operand(expression: .string(StringLiteral(value: value, range: token.range)), height: 1)
        case .leftParenthesis: return try parenthesized()
        case .leftBrace: return Operand(expression: .vectorSelector(try vectorSelector()), height: 1)
        default: return try named()
        }
    }

    private mutating func parenthesized() throws(ParseError) -> Operand {
        let start = try advance().range.start
        let inner = try expression()
        guard lookahead.kind == .rightParenthesis else { throw unexpected() }
        let end = try advance().range.end
        let node = ParenthesizedExpression(inner: inner.expression, range: SourceRange(start, end))
        return try self.node(.parenthesized(node), over: [inner])
    }

    /// What begins with a name: an aggregation, a call, or a selector.
    private mutating func named() throws(ParseError) -> Operand {
        guard lookahead.isMetricName else { throw unexpected() }
        let name = try advance()
        switch (name.kind, lookahead.kind) {
        case (.aggregation(let operation), .leftParenthesis), (.aggregation(let operation), .keyword(.by)),
            (.aggregation(let operation), .keyword(.without)):
            return try aggregation(operation, name)
        case (.identifier, .leftParenthesis): return try call(name)
        default: return Operand(expression: .vectorSelector(try vectorSelector(name: name)), height: 1)
        }
    }

    // MARK: - Calls and aggregations

    private mutating func arguments() throws(ParseError) -> [Operand] {
        try advance()
        var arguments: [Operand] = []
        if try accept(.rightParenthesis) { return arguments }
        while true {
            arguments.append(try expression())
            if try accept(.rightParenthesis) { return arguments }
            let comma = lookahead.range
            guard try accept(.comma) else { throw unexpected() }
            if lookahead.kind == .rightParenthesis {
                throw failure("trailing commas not allowed in function call args", comma)
            }
        }
    }

    private mutating func call(_ name: Token) throws(ParseError) -> Operand {
        let arguments = try arguments()
        guard let function = FunctionName(rawValue: String(name.text)) else {
            throw failure("unknown function with name \(Quoted.text(name.text))", name.range)
        }
        if function.signature.isExperimental && !options.experimentalFunctions {
            let needed = "it is experimental and needs the setting promql-experimental-functions"
            throw failure("function \(Quoted.text(name.text)) is not enabled: \(needed)", name.range)
        }
        let range = SourceRange(name.range.start, lastEnd)
        let node = FunctionCall(function: function, arguments: arguments.map(\.expression), range: range)
        return try self.node(.call(node), over: arguments)
    }

    private mutating func aggregation(_ operation: AggregationOperator, _ name: Token) throws(ParseError) -> Operand {
        var clause = try groupingClause()
        guard lookahead.kind == .leftParenthesis else { throw unexpected(in: "aggregation") }
        var arguments = try arguments()
        if clause == nil { clause = try groupingClause() }
        let range = SourceRange(name.range.start, lastEnd)
        if arguments.isEmpty { throw failure("no arguments for aggregate expression provided", range) }
        if operation.isExperimental && !options.experimentalFunctions {
            let needed = "the setting promql-experimental-functions"
            throw failure("\(operation.rawValue)() is experimental and needs \(needed)", range)
        }
        let wanted = operation.parameterType == nil ? 1 : 2
        if arguments.count != wanted {
            let counts = "expected \(wanted), got \(arguments.count)"
            throw failure("wrong number of arguments for aggregate expression provided, \(counts)", range)
        }
        let operands = arguments
        let inner = arguments.removeLast().expression
        let node = Aggregation(
            operation: operation, grouping: clause?.labels ?? [], isWithout: clause?.isWithout ?? false,
            parameter: arguments.first?.expression, inner: inner, range: range)
        return try self.node(.aggregation(node), over: operands)
    }

    private mutating func groupingClause() throws(ParseError) -> (labels: [String], isWithout: Bool)? {
        switch lookahead.kind {
        case .keyword(.by):
            try advance()
            return (try groupingLabels(), false)
        case .keyword(.without):
            try advance()
            return (try groupingLabels(), true)
        default: return nil
        }
    }
}
