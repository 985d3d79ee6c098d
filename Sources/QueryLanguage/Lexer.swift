internal import MetricModel

/// Cuts a query into tokens, one at a time, so that a syntax error in front of a bad token is the one reported.
///
/// Braces and brackets have rules of their own: inside braces every word is a label's name, inside brackets only durations stand.
struct Lexer {
    let source: String
    let bytes: [UInt8]
    /// Offset of the next byte to read.
    var position = 0
    /// Offset of the first byte of the token being read.
    private(set) var tokenStart = 0
    private var parenthesisDepth = 0
    private var isInBraces = false
    private var isInBrackets = false
    private var sawColon = false
    private var sawDuration = false

    init(_ source: String) {
        var source = source
        source.makeContiguousUTF8()
        self.source = source
        bytes = Array(source.utf8)
    }

    /// The next token; at the end `.endOfInput`, again and again.
    mutating func next() throws(ParseError) -> Token {
        skipSpaceAndComments()
        tokenStart = position
        let kind = isInBraces ? try nextInBraces() : isInBrackets ? try nextInBrackets() : try nextOutside()
        return Token(kind: kind, range: SourceRange(tokenStart, position), text: text(tokenStart, position))
    }

    private mutating func nextOutside() throws(ParseError) -> Token.Kind {
        guard let byte = peek() else {
            if parenthesisDepth > 0 { throw failure("unclosed left parenthesis") }
            return .endOfInput
        }
        if Lexer.isDigit(byte) || (byte == UInt8(ascii: ".") && peek(1).map(Lexer.isDigit) == true) {
            return try numberOrDuration()
        }
        if Lexer.isAlpha(byte) || byte == UInt8(ascii: ":") { return word() }
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "`"): return .string(try stringLiteral())
        case UInt8(ascii: ","): return single(.comma)
        case UInt8(ascii: "@"): return single(.at)
        case UInt8(ascii: "("), UInt8(ascii: ")"): return try parenthesis(byte)
        case UInt8(ascii: "{"):
            isInBraces = true
            return single(.leftBrace)
        case UInt8(ascii: "["):
            isInBrackets = true
            sawColon = false
            sawDuration = false
            return single(.leftBracket)
        case UInt8(ascii: "]"):
            position += 1
            throw failure("unexpected right bracket ']'")
        default: return try symbol(byte)
        }
    }

    private mutating func symbol(_ byte: UInt8) throws(ParseError) -> Token.Kind {
        if let operation = Lexer.arithmetic(byte) { return single(.binaryOperator(operation)) }
        let isDoubled = peek(1) == UInt8(ascii: "=")
        switch byte {
        case UInt8(ascii: "="):
            if peek(1) == UInt8(ascii: "~") { throw failure("unexpected character after '=': '~'") }
            return isDoubled ? double(.binaryOperator(.equal)) : single(.assign)
        case UInt8(ascii: "!"):
            if !isDoubled {
                throw failure("unexpected character after '!': \(Quoted.scalar(scalar(at: position + 1)))")
            }
            return double(.binaryOperator(.notEqual))
        case UInt8(ascii: "<"):
            return isDoubled ? double(.binaryOperator(.lessOrEqual)) : single(.binaryOperator(.less))
        case UInt8(ascii: ">"):
            return isDoubled ? double(.binaryOperator(.greaterOrEqual)) : single(.binaryOperator(.greater))
        default: throw failure("unexpected character: \(Quoted.scalar(scalar(at: position)))")
        }
    }

    private mutating func parenthesis(_ byte: UInt8) throws(ParseError) -> Token.Kind {
        position += 1
        if byte == UInt8(ascii: "(") {
            parenthesisDepth += 1
            return .leftParenthesis
        }
        parenthesisDepth -= 1
        if parenthesisDepth < 0 { throw failure("unexpected right parenthesis ')'") }
        return .rightParenthesis
    }

    private mutating func nextInBraces() throws(ParseError) -> Token.Kind {
        guard let byte = peek() else { throw failure("unexpected end of input inside braces") }
        if Lexer.isAlpha(byte) {
            while let byte = peek(), Lexer.isAlphaNumeric(byte) { position += 1 }
            return .identifier
        }
        switch byte {
        case UInt8(ascii: ","): return single(.comma)
        case UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "`"): return .string(try stringLiteral())
        case UInt8(ascii: "="): return peek(1) == UInt8(ascii: "~") ? double(.regexMatch) : single(.assign)
        case UInt8(ascii: "!"):
            switch peek(1) {
            case UInt8(ascii: "~"): return double(.regexMismatch)
            case UInt8(ascii: "="): return double(.binaryOperator(.notEqual))
            default:
                let found = Quoted.scalar(scalar(at: position + 1))
                throw failure("unexpected character after '!' inside braces: \(found)")
            }
        case UInt8(ascii: "{"): throw failure("unexpected left brace '{'")
        case UInt8(ascii: "}"):
            isInBraces = false
            return single(.rightBrace)
        default: throw failure("unexpected character inside braces: \(Quoted.scalar(scalar(at: position)))")
        }
    }

    private mutating func nextInBrackets() throws(ParseError) -> Token.Kind {
        guard let byte = peek() else { throw failure("unexpected end of input in duration expression") }
        if Lexer.isDigit(byte) || (byte == UInt8(ascii: ".") && peek(1).map(Lexer.isDigit) == true) {
            sawDuration = true
            return try numberOrDuration()
        }
        if let operation = Lexer.arithmetic(byte) { return single(.binaryOperator(operation)) }
        switch byte {
        case UInt8(ascii: "]"):
            isInBrackets = false
            return single(.rightBracket)
        case UInt8(ascii: ":"):
            if !sawDuration { throw failure("unexpected colon before duration in duration expression") }
            if sawColon { throw failure("unexpected repeated colon in duration expression") }
            sawColon = true
            return single(.colon)
        case UInt8(ascii: "("), UInt8(ascii: ")"): return try parenthesis(byte)
        default: throw failure("unexpected character in duration expression: \(Quoted.scalar(scalar(at: position)))")
        }
    }

    private mutating func word() -> Token.Kind {
        while let byte = peek(), Lexer.isAlphaNumeric(byte) || byte == UInt8(ascii: ":") { position += 1 }
        let word = text(tokenStart, position)
        if let kind = Token.words[word.lowercased()] { return kind }
        return word.utf8.contains(UInt8(ascii: ":")) ? .metricIdentifier : .identifier
    }

    private mutating func skipSpaceAndComments() {
        while let byte = peek() {
            if Lexer.isSpace(byte) {
                position += 1
            } else if byte == UInt8(ascii: "#") {
                while let byte = peek(), byte != UInt8(ascii: "\n"), byte != UInt8(ascii: "\r") { position += 1 }
            } else {
                return
            }
        }
    }
}

// MARK: - Reading single characters

extension Lexer {
    func peek(_ distance: Int = 0) -> UInt8? {
        position + distance < bytes.count ? bytes[position + distance] : nil
    }

    mutating func single(_ kind: Token.Kind) -> Token.Kind {
        position += 1
        return kind
    }

    mutating func double(_ kind: Token.Kind) -> Token.Kind {
        position += 2
        return kind
    }

    func text(_ start: Int, _ end: Int) -> Substring {
        let utf8 = source.utf8
        let first = utf8.index(utf8.startIndex, offsetBy: start)
        return source[first..<utf8.index(first, offsetBy: end - start)]
    }

    /// The scalar that begins at a byte offset; nil at the end of the text.
    func scalar(at offset: Int) -> Unicode.Scalar? {
        guard offset < bytes.count else { return nil }
        return source.unicodeScalars[source.utf8.index(source.utf8.startIndex, offsetBy: offset)]
    }

    /// An error about the token being read, to the end of the text.
    func failure(_ message: String) -> ParseError {
        ParseError(message, SourceRange(tokenStart, bytes.count), in: bytes)
    }

    static func arithmetic(_ byte: UInt8) -> BinaryOperator? {
        switch byte {
        case UInt8(ascii: "+"): .add
        case UInt8(ascii: "-"): .subtract
        case UInt8(ascii: "*"): .multiply
        case UInt8(ascii: "/"): .divide
        case UInt8(ascii: "%"): .modulo
        case UInt8(ascii: "^"): .power
        default: nil
        }
    }

    static func isSpace(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\n")
            || byte == UInt8(ascii: "\r")
    }

    static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

    static func isAlpha(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "_") || (byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z"))
    }

    static func isAlphaNumeric(_ byte: UInt8) -> Bool { isAlpha(byte) || isDigit(byte) }
}
