/// Why bytes are not JSON, or not the JSON that was asked for.
struct JSONError: Error, Equatable, CustomStringConvertible {
    /// What the trouble is with.
    enum Kind: Equatable {
        /// The text is not JSON.
        case syntax
        /// It may be JSON, but it is not arranged or nested as it must be here.
        case form
    }

    var kind = Kind.syntax
    /// What was expected or found.
    var reason: String
    /// Where, in bytes from the beginning of the body.
    var offset: Int

    var description: String { (kind == .syntax ? "not JSON: " : "") + "\(reason), at byte \(offset)" }
}

/// A strict pull reader of JSON text: the caller asks for what it expects, in order, and no tree is built.
///
/// Source: RFC 8259. Strings must be UTF-8 and may not hold unpaired surrogates; numbers follow the grammar to the letter;
/// nesting is limited. Why there is one here: docs/decisions, "JSON push is read by our own pull reader".
struct JSONReader {
    /// What a value is, by its first byte.
    enum Kind: Equatable {
        case object, array, string, number, boolean, null

        /// With its article, for errors.
        var name: String {
            switch self {
            case .object: "an object"
            case .array: "an array"
            case .string: "text"
            case .number: "a number"
            case .boolean: "true or false"
            case .null: "null"
            }
        }
    }

    /// The text.
    let bytes: [UInt8]
    /// Bytes consumed so far.
    private(set) var offset: Int
    /// The deepest nesting of arrays and objects that is read.
    static let depthMax = 32

    init(_ bytes: [UInt8], at offset: Int = 0) {
        self.bytes = bytes
        self.offset = offset
    }

    /// Moves on to `offset`, to read again behind an error.
    mutating func seek(to offset: Int) {
        precondition(offset >= 0 && offset <= bytes.count, "seek to \(offset) of \(bytes.count)")
        self.offset = offset
    }

    // MARK: - Between values

    /// Skips white space and returns the next byte, nil at the end.
    mutating func peek() -> UInt8? {
        while offset < bytes.count {
            let byte = bytes[offset]
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return byte }
            offset &+= 1
        }
        return nil
    }

    /// The kind of the next value, which is not consumed.
    mutating func peekKind() throws(JSONError) -> Kind {
        guard let byte = peek() else { throw error("the text ends where a value should be") }
        switch byte {
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return .boolean
        case UInt8(ascii: "n"): return .null
        default: throw notValue(byte)
        }
    }

    /// What stands where a value should be: `NaN`, `True`, a word or quotes that JSON has not.
    private func notValue(_ byte: UInt8) -> JSONError {
        if let word { return error("\"\(word)\" is no JSON value: text stands in double quotes") }
        if byte == UInt8(ascii: "'") {
            return error("a single quote where a value should be: text stands in double quotes")
        }
        if offset == 0 && byte == 0xEF { return error("a byte order mark, which JSON has not") }
        return error("a value cannot begin with \(JSONReader.shown(byte))")
    }

    /// The letters, digits and underscores that come next, as far as an error shows them; nil unless a letter is first.
    private var word: String? {
        let word = bytes[offset...].prefix(JSONReader.wordShownMax).prefix { byte in
            JSONReader.isLetter(byte) || JSONReader.isDigit(byte)
        }
        guard let first = word.first, JSONReader.isLetter(first) else { return nil }
        return String(decoding: word, as: UTF8.self)
    }

    /// Bytes of a word that errors show.
    private static let wordShownMax = 32

    /// Consumes `byte` if it comes next.
    mutating func consume(_ byte: UInt8) -> Bool {
        guard peek() == byte else { return false }
        offset &+= 1
        return true
    }

    /// Consumes `byte`, which must come next.
    mutating func expect(_ byte: UInt8) throws(JSONError) {
        guard consume(byte) else { throw missing(JSONReader.shown(byte)) }
    }

    /// Stands before the next member of an object or element of an array; false when `close` ends it.
    ///
    /// `isFirst` says whether none was read yet, and is set to false.
    mutating func next(before close: UInt8, isFirst: inout Bool) throws(JSONError) -> Bool {
        if consume(close) { return false }
        if isFirst {
            isFirst = false
        } else {
            guard consume(UInt8(ascii: ",")) else { throw missing("',' or \(JSONReader.shown(close))") }
            if peek() == close { throw error("a comma with nothing behind it") }
        }
        return true
    }

    // MARK: - Values

    /// Consumes a string and returns where its UTF-8 lies: in `bytes`, or in `scratch` when it has escapes.
    mutating func readString(scratch: inout [UInt8]) throws(JSONError) -> JSONString {
        // Who asks for a value has looked: only an object's names can be something else.
        guard consume(UInt8(ascii: "\"")) else { throw missing("a name in double quotes") }
        let start = offset
        var isASCII: UInt8 = 0
        while offset < bytes.count {
            let byte = bytes[offset]
            if byte == UInt8(ascii: "\"") {
                let range = start..<offset
                offset &+= 1
                if isASCII >= 0x80 { try checkUTF8(bytes[range], at: start) }
                return JSONString(range: range, isDecoded: false)
            }
            if byte == UInt8(ascii: "\\") {
                return try readEscapedString(from: start, scratch: &scratch)
            }
            if byte < 0x20 { throw error("\(JSONReader.shown(byte)) inside a string, unescaped") }
            isASCII |= byte
            offset &+= 1
        }
        throw JSONError(reason: "a string without its closing quote", offset: start - 1)
    }

    private mutating func readEscapedString(from start: Int, scratch: inout [UInt8]) throws(JSONError) -> JSONString {
        let target = scratch.count
        scratch.append(contentsOf: bytes[start..<offset])
        while offset < bytes.count {
            let byte = bytes[offset]
            switch byte {
            case UInt8(ascii: "\""):
                offset &+= 1
                try checkUTF8(scratch[target...], at: start)
                return JSONString(range: target..<scratch.count, isDecoded: true)
            case UInt8(ascii: "\\"):
                offset &+= 1
                try readEscape(into: &scratch)
            case 0..<0x20: throw error("\(JSONReader.shown(byte)) inside a string, unescaped")
            default:
                scratch.append(byte)
                offset &+= 1
            }
        }
        throw JSONError(reason: "a string without its closing quote", offset: start - 1)
    }

    private mutating func readEscape(into scratch: inout [UInt8]) throws(JSONError) {
        guard offset < bytes.count else { throw error("the text ends inside a string") }
        let byte = bytes[offset]
        offset &+= 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): scratch.append(byte)
        case UInt8(ascii: "b"): scratch.append(0x08)
        case UInt8(ascii: "f"): scratch.append(0x0C)
        case UInt8(ascii: "n"): scratch.append(0x0A)
        case UInt8(ascii: "r"): scratch.append(0x0D)
        case UInt8(ascii: "t"): scratch.append(0x09)
        case UInt8(ascii: "u"):
            let scalar = try readEscapedScalar()
            scratch.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        default:
            throw JSONError(reason: "a backslash before \(JSONReader.shown(byte))", offset: offset - 2)
        }
    }

    /// Reads the digits behind `\u`, and the second half of a surrogate pair.
    private mutating func readEscapedScalar() throws(JSONError) -> Unicode.Scalar {
        let start = offset - 2
        let unit = try readHexDigits()
        if let scalar = Unicode.Scalar(unit) { return scalar }
        guard unit < 0xDC00, offset + 1 < bytes.count, bytes[offset] == UInt8(ascii: "\\"),
            bytes[offset + 1] == UInt8(ascii: "u")
        else { throw JSONError(reason: "unpaired surrogate", offset: start) }
        offset += 2
        let low = try readHexDigits()
        guard low >= 0xDC00, low <= 0xDFFF,
            let scalar = Unicode.Scalar(0x1_0000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(low) - 0xDC00))
        else { throw JSONError(reason: "unpaired surrogate", offset: start) }
        return scalar
    }

    private mutating func readHexDigits() throws(JSONError) -> UInt16 {
        guard bytes.count - offset >= 4 else { throw error("the text ends inside \\u") }
        var unit: UInt16 = 0
        for _ in 0..<4 {
            let digit: UInt8
            switch bytes[offset] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = bytes[offset] - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = bytes[offset] - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = bytes[offset] - UInt8(ascii: "A") + 10
            default: throw error("\(JSONReader.shown(bytes[offset])) is no hexadecimal digit")
            }
            unit = unit << 4 | UInt16(digit)
            offset &+= 1
        }
        return unit
    }

    /// Consumes a number and returns where its text lies; `JSONNumber` reads it.
    mutating func readNumber() throws(JSONError) -> Range<Int> {
        guard peek() != nil else { throw error("the text ends where a number should be") }
        let start = offset
        if bytes[offset] == UInt8(ascii: "-") { offset &+= 1 }
        if offset < bytes.count, bytes[offset] == UInt8(ascii: "0") {
            offset &+= 1
            if offset < bytes.count, JSONReader.isDigit(bytes[offset]) { throw error("a number with a leading zero") }
        } else {
            try skipDigits()
        }
        if offset < bytes.count, bytes[offset] == UInt8(ascii: ".") {
            offset &+= 1
            try skipDigits()
        }
        if offset < bytes.count, bytes[offset] | 0x20 == UInt8(ascii: "e") {
            offset &+= 1
            if offset < bytes.count, bytes[offset] == UInt8(ascii: "+") || bytes[offset] == UInt8(ascii: "-") {
                offset &+= 1
            }
            try skipDigits()
        }
        return start..<offset
    }

    private mutating func skipDigits() throws(JSONError) {
        let start = offset
        while offset < bytes.count, JSONReader.isDigit(bytes[offset]) { offset &+= 1 }
        if offset == start { throw error("a digit is missing in a number") }
    }

    /// Consumes `true` or `false`.
    mutating func readBoolean() throws(JSONError) -> Bool {
        if peek() == UInt8(ascii: "t") {
            try readWord(JSONReader.trueWord)
            return true
        }
        try readWord(JSONReader.falseWord)
        return false
    }

    /// Consumes `null`.
    mutating func readNull() throws(JSONError) {
        _ = peek()
        try readWord(JSONReader.nullWord)
    }

    private mutating func readWord(_ word: [UInt8]) throws(JSONError) {
        let rest = bytes[offset...].dropFirst(word.count)
        let isLonger = rest.first.map { JSONReader.isLetter($0) || JSONReader.isDigit($0) } ?? false
        guard !isLonger, bytes[offset..<rest.startIndex].elementsEqual(word) else { throw notValue(bytes[offset]) }
        offset = rest.startIndex
    }

    private static let trueWord = Array("true".utf8)
    private static let falseWord = Array("false".utf8)
    private static let nullWord = Array("null".utf8)

    /// Consumes any value, checking that it is JSON. `depth` says how deep the value lies already.
    mutating func skipValue(depth: Int, scratch: inout [UInt8]) throws(JSONError) {
        switch try peekKind() {
        case .string: _ = try readString(scratch: &scratch)
        case .number: _ = try readNumber()
        case .boolean: _ = try readBoolean()
        case .null: try readNull()
        case .array:
            guard depth < JSONReader.depthMax else { throw tooDeep }
            offset &+= 1
            var isFirst = true
            while try next(before: UInt8(ascii: "]"), isFirst: &isFirst) {
                try skipValue(depth: depth + 1, scratch: &scratch)
            }
        case .object:
            guard depth < JSONReader.depthMax else { throw tooDeep }
            offset &+= 1
            var isFirst = true
            while try next(before: UInt8(ascii: "}"), isFirst: &isFirst) {
                _ = try readString(scratch: &scratch)
                try expect(UInt8(ascii: ":"))
                try skipValue(depth: depth + 1, scratch: &scratch)
            }
        }
    }

    // MARK: - Helpers

    private func checkUTF8(_ slice: ArraySlice<UInt8>, at start: Int) throws(JSONError) {
        guard String(validating: slice, as: UTF8.self) != nil else {
            throw JSONError(reason: "invalid UTF-8 in the string", offset: start)
        }
    }

    /// What stands where `expected` should.
    private func missing(_ expected: String) -> JSONError {
        let found = offset < bytes.count ? JSONReader.shown(bytes[offset]) : "the text ends"
        return error("\(found) where \(expected) should be")
    }

    private var tooDeep: JSONError {
        JSONError(kind: .form, reason: "nested deeper than \(JSONReader.depthMax)", offset: offset)
    }

    private func error(_ reason: String) -> JSONError {
        JSONError(reason: reason, offset: offset)
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        byte &- UInt8(ascii: "0") < 10
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte == UInt8(ascii: "_")
    }

    /// A byte as errors name it.
    static func shown(_ byte: UInt8) -> String {
        switch byte {
        case 0x09: "a tab"
        case 0x0A: "a line end"
        case 0x0D: "a carriage return"
        case UInt8(ascii: "'"): "a single quote"
        case UInt8(ascii: "\""): "a double quote"
        case 0x21...0x7E: "'\(Unicode.Scalar(byte))'"
        default: "byte 0x\(String(byte, radix: 16))"
        }
    }
}

/// Where a string's UTF-8 lies.
struct JSONString: Equatable {
    /// In the text, or in the scratch bytes.
    var range: Range<Int>
    /// Whether the range is one of the scratch bytes.
    var isDecoded: Bool
}
