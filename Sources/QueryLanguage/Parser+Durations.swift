internal import MetricModel

// Where a duration stands, a number of seconds may stand as well. Arithmetic on them is experimental in Prometheus 3.5; it is constant
// and folded here, so that the tree holds milliseconds only.

extension Parser {
    /// A window or step in milliseconds: more than 0 seconds.
    mutating func positiveDuration(context: String, expected: String) throws(ParseError) -> Int64 {
        let place = lookahead.range
        let seconds = try durationSum(context: context, expected: expected)
        let range = SourceRange(place.start, max(lastEnd, place.end))
        if !(seconds > 0) { throw failure("duration must be greater than 0", range) }
        return try milliseconds(seconds, range)
    }

    /// An offset in milliseconds: a signed literal, or arithmetic in parentheses.
    mutating func offsetDuration() throws(ParseError) -> Int64 {
        let place = lookahead.range
        let seconds = try durationFactor(context: "offset", expected: "number or duration")
        return try milliseconds(seconds, place)
    }

    private func milliseconds(_ seconds: Double, _ range: SourceRange) throws(ParseError) -> Int64 {
        let nanoseconds = (seconds * 1e9).rounded()
        guard nanoseconds.magnitude < 0x1p63 else { throw failure("duration out of range", range) }
        return Int64(nanoseconds) / 1_000_000
    }

    private mutating func durationSum(context: String, expected: String) throws(ParseError) -> Double {
        nesting += 1
        defer { nesting -= 1 }
        if nesting > options.queryDepthMax { throw tooDeep(lookahead.range) }
        return try durationOperation(precedence: 4, context: context, expected: expected)
    }

    private mutating func durationOperation(precedence: Int, context: String, expected: String) throws(ParseError)
        -> Double
    {
        var left = try durationFactor(context: context, expected: expected)
        while case .binaryOperator(let operation) = lookahead.kind, operation.precedence >= precedence {
            let place = try advance().range
            try requireDurationArithmetic(place)
            let next = operation.isRightAssociative ? operation.precedence : operation.precedence + 1
            nesting += 1
            defer { nesting -= 1 }
            if nesting > options.queryDepthMax { throw tooDeep(place) }
            let right = try durationOperation(precedence: next, context: context, expected: expected)
            left = try combine(operation, left, right, place)
        }
        return left
    }

    private mutating func durationFactor(context: String, expected: String) throws(ParseError) -> Double {
        let token = lookahead
        switch token.kind {
        case .number(let seconds):
            try advance()
            return seconds
        case .duration(let milliseconds):
            try advance()
            return Double(milliseconds) / 1000
        case .binaryOperator(.subtract), .binaryOperator(.add):
            nesting += 1
            defer { nesting -= 1 }
            if nesting > options.queryDepthMax { throw tooDeep(token.range) }
            let sign = try sign()
            return sign * (try durationFactor(context: context, expected: expected))
        case .leftParenthesis:
            try requireDurationArithmetic(token.range)
            try advance()
            let seconds = try durationSum(context: context, expected: expected)
            guard try accept(.rightParenthesis) else { throw unexpected(in: context, expected: "\")\"") }
            return seconds
        default: throw unexpected(in: context, expected: expected)
        }
    }

    private func requireDurationArithmetic(_ place: SourceRange) throws(ParseError) {
        if !options.experimentalDurationExpressions {
            let needed = "it needs the setting promql-duration-expressions"
            throw failure("experimental duration expression is not enabled: \(needed)", place)
        }
    }

    private func combine(
        _ operation: BinaryOperator, _ left: Double, _ right: Double, _ place: SourceRange
    ) throws(ParseError) -> Double {
        switch operation {
        case .add: return left + right
        case .subtract: return left - right
        case .multiply: return left * right
        case .divide:
            if right == 0 { throw failure("division by zero", place) }
            return left / right
        case .modulo:
            if right == 0 { throw failure("modulo by zero", place) }
            return left.truncatingRemainder(dividingBy: right)
        case .power, .atan2, .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual, .and, .or, .unless:
            throw failure("duration expressions do not support the operator \(operation.rawValue)", place)
        }
    }
}
