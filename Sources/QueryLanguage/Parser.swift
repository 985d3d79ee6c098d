package import MetricModel

/// What the parser accepts beyond the stable language, and how much text and depth.
package struct ParserOptions: Hashable, Sendable {
    /// `promql-experimental-functions`: functions and aggregations that Prometheus 3.5 keeps behind the feature of that name.
    package var experimentalFunctions = false
    /// `promql-duration-expressions`: arithmetic in durations (`[5m * 2]`), which Prometheus 3.5 keeps behind
    /// `promql-duration-expr`.
    package var experimentalDurationExpressions = false
    /// `query_bytes_max`: longest text, in bytes.
    package var queryBytesMax = 64 * 1024
    /// `query_depth_max`: most expressions inside one another, so that neither parser nor evaluator can run out of stack. A chain of
    /// operators (`a + b + c`) is as deep as it is long.
    package var queryDepthMax = 256

    package init() {}
}

/// Reads PromQL: a hand-written descent with precedence climbing; one token of look-ahead.
package struct Parser {
    var lexer: Lexer
    var lookahead: Token
    /// End of the last closing bracket, number or duration, where Prometheus lets modified selectors end.
    var lastEnd = 0
    /// How many expressions enclose the one being read.
    var nesting = 0
    let options: ParserOptions

    /// Reads one expression and checks its types.
    ///
    /// - Throws: `ParseError` with the place; nothing traps, whatever the text.
    package static func parse(_ text: String, options: ParserOptions = ParserOptions()) throws(ParseError) -> Expression
    {
        var parser = try Parser(text, options)
        if parser.lookahead.kind == .endOfInput {
            throw ParseError("no expression found in input", SourceRange(0, 0), in: parser.lexer.bytes)
        }
        let operand = try parser.expression()
        if parser.lookahead.kind != .endOfInput { throw parser.unexpected() }
        try TypeChecker(bytes: parser.lexer.bytes).check(operand.expression)
        return operand.expression
    }

    /// Reads a selector such as `match[]` parameters hold: a name, braces or both, no modifiers.
    ///
    /// - Throws: `ParseError`; also when every matcher accepts the empty value.
    package static func parseSelector(_ text: String, options: ParserOptions = ParserOptions()) throws(ParseError)
        -> [Matcher]
    {
        var parser = try Parser(text, options)
        guard parser.lookahead.isMetricName || parser.lookahead.kind == .leftBrace else { throw parser.unexpected() }
        let selector = try parser.vectorSelector()
        if parser.lookahead.kind != .endOfInput { throw parser.unexpected() }
        try TypeChecker(bytes: parser.lexer.bytes).check(.vectorSelector(selector))
        return selector.matchers
    }

    private init(_ text: String, _ options: ParserOptions) throws(ParseError) {
        let size = text.utf8.count
        if size > options.queryBytesMax {
            let message = "expression of \(size) bytes is longer than query_bytes_max (\(options.queryBytesMax))"
            throw ParseError(message, SourceRange(0, 0), in: [])
        }
        self.options = options
        lexer = Lexer(text)
        lookahead = try lexer.next()
    }
}

/// A parsed expression with the height of its tree, which bounds every later recursion.
struct Operand {
    var expression: Expression
    var height: Int
}

// MARK: - Tokens

extension Parser {
    /// Takes the look-ahead and reads the next token.
    @discardableResult
    mutating func advance() throws(ParseError) -> Token {
        let token = lookahead
        switch token.kind {
        case .rightParenthesis, .rightBrace, .rightBracket, .number, .duration: lastEnd = token.range.end
        default: break
        }
        lookahead = try lexer.next()
        return token
    }

    /// Takes the look-ahead when it is of this kind.
    mutating func accept(_ kind: Token.Kind) throws(ParseError) -> Bool {
        guard lookahead.kind == kind else { return false }
        try advance()
        return true
    }

    /// An error about the look-ahead, in Prometheus' words.
    func unexpected(in context: String = "", expected: String = "") -> ParseError {
        var message = "unexpected " + lookahead.described
        if !context.isEmpty { message += " in " + context }
        if !expected.isEmpty { message += ", expected " + expected }
        return failure(message, lookahead.range)
    }

    func failure(_ message: String, _ range: SourceRange) -> ParseError {
        ParseError(message, range, in: lexer.bytes)
    }

    /// Puts a node over operands, or refuses when the tree grows too high.
    func node(_ expression: Expression, over operands: [Operand]) throws(ParseError) -> Operand {
        let height = 1 + (operands.map(\.height).max() ?? 0)
        if height + nesting > options.queryDepthMax { throw tooDeep(expression.range) }
        return Operand(expression: expression, height: height)
    }

    func tooDeep(_ range: SourceRange) -> ParseError {
        failure("expression is nested deeper than query_depth_max (\(options.queryDepthMax))", range)
    }
}
