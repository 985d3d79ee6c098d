internal import MetricModel

// MARK: - Numbers and durations

extension Lexer {
    /// Reads a number (`1`, `.5e3`, `0x1F`, `017`, `1_000`) or a duration (`1h30m`), which must not run into a letter.
    mutating func numberOrDuration() throws(ParseError) -> Token.Kind {
        if peek() == UInt8(ascii: "0"), peek(1).map({ $0 | 0x20 }) == UInt8(ascii: "x") { return try hexadecimal() }
        var isNumber = digits()
        if peek() == UInt8(ascii: ".") {
            position += 1
            isNumber = digits(mayBeEmpty: isNumber)
        }
        if isNumber, let byte = peek(), byte | 0x20 == UInt8(ascii: "e") {
            position += 1
            if peek() == UInt8(ascii: "+") || peek() == UInt8(ascii: "-") { position += 1 }
            isNumber = digits()
        }
        if let byte = peek(), Lexer.isAlphaNumeric(byte) || byte == UInt8(ascii: ".") { isNumber = false }
        if isNumber { return .number(try decimal()) }
        return try duration()
    }

    /// Consumes digits with single underscores between them; false when there are none or an underscore is out of place.
    private mutating func digits(mayBeEmpty: Bool = false) -> Bool {
        let start = position
        while let byte = peek(), Lexer.isDigit(byte) || byte == UInt8(ascii: "_") {
            let follows = peek(1).map(Lexer.isDigit) == true
            if byte == UInt8(ascii: "_"), position == start || !follows { return false }
            position += 1
        }
        return position > start || mayBeEmpty
    }

    private func decimal() throws(ParseError) -> Double {
        let text = text(tokenStart, position).filter { $0 != "_" }
        // As in Go, a whole number with a leading zero is octal when its digits allow it.
        if text.count > 1, text.first == "0", let octal = Int64(text, radix: 8) { return Double(octal) }
        let value = Double(text) ?? .nan
        guard value.isFinite else {
            // In Go's words, as Prometheus gives them.
            let reason = "strconv.ParseFloat: parsing \(Quoted.text(text)): value out of range"
            throw failure("error parsing number: \(reason)")
        }
        return value
    }

    private mutating func hexadecimal() throws(ParseError) -> Token.Kind {
        position += 2
        if peek() == UInt8(ascii: "_") { position += 1 }
        let start = position
        while let byte = peek(), Lexer.isAlphaNumeric(byte) { position += 1 }
        let digits = text(start, position).filter { $0 != "_" }
        guard let value = Int64(digits, radix: 16), bytes[position - 1] != UInt8(ascii: "_") else { throw badNumber() }
        return .number(Double(value))
    }

    private mutating func duration() throws(ParseError) -> Token.Kind {
        while let byte = peek(), Lexer.isAlphaNumeric(byte) { position += 1 }
        let text = text(tokenStart, position)
        // Digits and units only; whether the units are in order is the next question, with an answer of its own.
        let isShaped =
            text.utf8.allSatisfy { Lexer.isDigit($0) || "smhdwy".utf8.contains($0) }
            && text.utf8.last.map(Lexer.isDigit) == false
        guard isShaped else { throw badNumber() }
        guard let milliseconds = DurationText.milliseconds(String(text)) else {
            throw failure("not a valid duration string: \(Quoted.text(text))")
        }
        guard milliseconds <= Lexer.durationMillisecondsMax else { throw failure("duration out of range") }
        return .duration(milliseconds)
    }

    /// Longest duration: Prometheus counts nanoseconds in 64 bits (292 years).
    static let durationMillisecondsMax: Int64 = .max / 1_000_000

    private func badNumber() -> ParseError {
        failure("bad number or duration syntax: \(Quoted.text(text(tokenStart, position)))")
    }
}

// MARK: - Strings

extension Lexer {
    /// Reads a string in any of the three quotings and resolves its escapes, which are Go's.
    mutating func stringLiteral() throws(ParseError) -> String {
        let quote = bytes[position]
        position += 1
        let isRaw = quote == UInt8(ascii: "`")
        var value: [UInt8] = []
        while let byte = peek() {
            position += 1
            if byte == quote { return try checkedText(value) }
            if isRaw {
                value.append(byte)
            } else if byte == UInt8(ascii: "\n") {
                break
            } else if byte == UInt8(ascii: "\\") {
                try escape(quote, into: &value)
            } else {
                value.append(byte)
            }
        }
        throw failure(isRaw ? "unterminated raw string" : "unterminated quoted string")
    }

    private func checkedText(_ value: [UInt8]) throws(ParseError) -> String {
        guard let text = String(validating: value, as: UTF8.self) else {
            throw failure("string literal is not valid UTF-8")
        }
        return text
    }

    private mutating func escape(_ quote: UInt8, into value: inout [UInt8]) throws(ParseError) {
        guard let byte = peek() else { throw failure("escape sequence not terminated") }
        if let plain = Lexer.plainEscape(byte, quote: quote) {
            position += 1
            value.append(plain)
            return
        }
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "7"):
            value.append(UInt8(truncatingIfNeeded: try digitsOfEscape(count: 3, radix: 8, max: 255)))
        case UInt8(ascii: "x"):
            position += 1
            value.append(UInt8(truncatingIfNeeded: try digitsOfEscape(count: 2, radix: 16, max: 255)))
        case UInt8(ascii: "u"), UInt8(ascii: "U"):
            position += 1
            let count = byte == UInt8(ascii: "u") ? 4 : 8
            let code = try digitsOfEscape(count: count, radix: 16, max: 0x10FFFF)
            guard let scalar = Unicode.Scalar(code) else { throw invalidCodePoint() }
            value.append(contentsOf: String(scalar).utf8)
        default: throw failure("unknown escape sequence \(Lexer.codePoint(scalar(at: position)))")
        }
    }

    private mutating func digitsOfEscape(count: Int, radix: UInt32, max: UInt32) throws(ParseError) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<count {
            guard let byte = peek() else { throw failure("escape sequence not terminated") }
            guard let digit = Lexer.digitValue(byte), digit < radix else {
                throw failure("illegal character \(Lexer.codePoint(scalar(at: position))) in escape sequence")
            }
            // Eight hexadecimal digits fill 32 bits exactly.
            code = code &* radix &+ digit
            position += 1
        }
        if code > max { throw invalidCodePoint() }
        return code
    }

    private func invalidCodePoint() -> ParseError { failure("escape sequence is an invalid Unicode code point") }

    private static func plainEscape(_ byte: UInt8, quote: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "a"): 7
        case UInt8(ascii: "b"): 8
        case UInt8(ascii: "f"): 12
        case UInt8(ascii: "n"): 10
        case UInt8(ascii: "r"): 13
        case UInt8(ascii: "t"): 9
        case UInt8(ascii: "v"): 11
        case UInt8(ascii: "\\"), quote: byte
        default: nil
        }
    }

    private static func digitValue(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a")) + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A")) + 10
        default: nil
        }
    }

    /// Go's `%#U`.
    private static func codePoint(_ scalar: Unicode.Scalar?) -> String {
        let scalar = scalar ?? "\u{FFFD}"
        let digits = String(scalar.value, radix: 16, uppercase: true)
        return "U+" + String(repeating: "0", count: Swift.max(0, 4 - digits.count)) + digits + " '\(scalar)'"
    }
}
