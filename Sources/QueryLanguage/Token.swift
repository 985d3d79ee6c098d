/// One token of PromQL with its place in the text.
struct Token: Equatable {
    /// What it is; literals carry their value.
    enum Kind: Equatable {
        case endOfInput
        case identifier
        /// A name with a colon in it: a metric's, never a label's.
        case metricIdentifier
        case number(Double)
        /// In milliseconds.
        case duration(Int64)
        case string(String)
        case leftParenthesis
        case rightParenthesis
        case leftBrace
        case rightBrace
        case leftBracket
        case rightBracket
        case comma
        case colon
        case at
        /// `=`, which only matchers use.
        case assign
        case regexMatch
        case regexMismatch
        /// `!=` stands here for the matcher too.
        case binaryOperator(BinaryOperator)
        case aggregation(AggregationOperator)
        case keyword(Keyword)
        /// `start` and `end`.
        case boundary(AtModifier)
    }

    /// Words with a meaning of their own that are neither operators nor aggregations.
    enum Keyword: String, CaseIterable {
        case offset
        case by
        case without
        case on
        case ignoring
        case groupLeft = "group_left"
        case groupRight = "group_right"
        case bool
    }

    var kind: Kind
    var range: SourceRange
    /// The token as written.
    var text: Substring

    /// What Prometheus calls such a token in "unexpected …".
    var described: String {
        switch kind {
        case .endOfInput: "end of input"
        case .identifier: "identifier \(Quoted.text(text))"
        case .metricIdentifier: "metric identifier \(Quoted.text(text))"
        case .number: "number \(shortened)"
        case .duration: "duration \(shortened)"
        case .string: "string \(shortened)"
        case .at, .binaryOperator, .regexMatch, .regexMismatch: "<op:\(text)>"
        case .aggregation: "<aggr:\(text)>"
        case .keyword: "<\(text)>"
        case .leftParenthesis, .rightParenthesis, .leftBrace, .rightBrace, .leftBracket, .rightBracket, .comma, .colon,
            .assign, .boundary:
            Quoted.text(text)
        }
    }

    private var shortened: String {
        text.unicodeScalars.count > 10
            ? Quoted.text(String(String.UnicodeScalarView(text.unicodeScalars.prefix(10)))) + "..." : Quoted.text(text)
    }

    /// Whether the token can stand for a metric's name in front of braces, a range or a modifier.
    var isMetricName: Bool {
        switch kind {
        case .identifier, .metricIdentifier, .aggregation, .boundary: true
        case .keyword(let keyword): keyword == .by || keyword == .without || keyword == .offset
        case .binaryOperator(let operation): operation.isSet
        case .endOfInput, .number, .duration, .string, .leftParenthesis, .rightParenthesis, .leftBrace, .rightBrace,
            .leftBracket, .rightBracket, .comma, .colon, .at, .assign, .regexMatch, .regexMismatch:
            false
        }
    }

    /// Whether the token can stand for a label in `by (…)`, `on (…)` and their like.
    var isGroupingLabel: Bool {
        switch kind {
        case .identifier, .metricIdentifier, .aggregation, .boundary, .keyword: true
        case .binaryOperator(let operation): operation.isSet || operation == .atan2
        case .endOfInput, .number, .duration, .string, .leftParenthesis, .rightParenthesis, .leftBrace, .rightBrace,
            .leftBracket, .rightBracket, .comma, .colon, .at, .assign, .regexMatch, .regexMismatch:
            false
        }
    }

    /// The words of the language, in lower case; they are recognised in any.
    static let words: [String: Kind] = {
        var words: [String: Kind] = [
            "inf": .number(.infinity), "nan": .number(.nan), "start": .boundary(.start), "end": .boundary(.end),
        ]
        for keyword in Keyword.allCases { words[keyword.rawValue] = .keyword(keyword) }
        for operation in AggregationOperator.allCases { words[operation.rawValue] = .aggregation(operation) }
        for operation in [BinaryOperator.and, .or, .unless, .atan2] {
            words[operation.rawValue] = .binaryOperator(operation)
        }
        return words
    }()
}
