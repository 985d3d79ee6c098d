/// Why a text is not a PromQL expression, and where; the words are Prometheus' own where it has some.
package struct ParseError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What is wrong, without the place.
    package let message: String
    /// The bytes of the text that it is about.
    package let range: SourceRange
    /// Line of the first of them, from 1.
    package let line: Int
    /// Column in bytes, from 1.
    package let column: Int

    /// Finds line and column of `range` in `text`.
    init(_ message: String, _ range: SourceRange, in text: [UInt8]) {
        self.message = message
        self.range = range
        let before = text.prefix(range.start)
        line = 1 + before.count { $0 == UInt8(ascii: "\n") }
        let lineStart = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        column = 1 + range.start - lineStart
    }

    /// As Prometheus' API says it: `1:5: parse error: …`.
    package var description: String { "\(line):\(column): parse error: \(message)" }
}

/// Go's `%q` for texts, in which Prometheus' messages quote what they found.
enum Quoted {
    /// The text in double quotes, with what cannot be printed escaped.
    static func text(_ text: some StringProtocol) -> String {
        "\"" + text.unicodeScalars.map { escaped($0, quote: "\"") }.joined() + "\""
    }

    /// One scalar in single quotes; nil, the end of the input, shows as the replacement character.
    static func scalar(_ scalar: Unicode.Scalar?) -> String {
        "'" + escaped(scalar ?? "\u{FFFD}", quote: "'") + "'"
    }

    private static func escaped(_ scalar: Unicode.Scalar, quote: Unicode.Scalar) -> String {
        switch scalar {
        case quote, "\\": "\\" + String(scalar)
        case "\n": "\\n"
        case "\r": "\\r"
        case "\t": "\\t"
        case "\u{7}": "\\a"
        case "\u{8}": "\\b"
        case "\u{B}": "\\v"
        case "\u{C}": "\\f"
        default: isPrintable(scalar) ? String(scalar) : numbered(scalar)
        }
    }

    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        case .spaceSeparator: scalar == " "
        default: true
        }
    }

    private static func numbered(_ scalar: Unicode.Scalar) -> String {
        func padded(_ width: Int) -> String {
            let digits = String(scalar.value, radix: 16)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        if scalar.value < 0x80 { return "\\x" + padded(2) }
        return scalar.value < 0x10000 ? "\\u" + padded(4) : "\\U" + padded(8)
    }
}
