package import MetricModel

// What arrives: text, in `Parser`. What leaves: the tree of this file, checked for types, with source ranges.
// Read next: Operators.swift and FunctionName.swift (the vocabulary), Lexer.swift, Parser.swift, TypeChecker.swift, Printer.swift.

/// A PromQL expression as of Prometheus 3.5, with the place in the text it came from.
package indirect enum Expression: Sendable {
    case number(NumberLiteral)
    case string(StringLiteral)
    case vectorSelector(VectorSelector)
    case matrixSelector(MatrixSelector)
    case subquery(Subquery)
    case call(FunctionCall)
    case aggregation(Aggregation)
    case binary(BinaryExpression)
    case unary(UnaryExpression)
    case parenthesized(ParenthesizedExpression)

    /// Where the expression stands in the text.
    package var range: SourceRange {
        switch self {
        case .number(let node): node.range
        case .string(let node): node.range
        case .vectorSelector(let node): node.range
        case .matrixSelector(let node): node.range
        case .subquery(let node): node.range
        case .call(let node): node.range
        case .aggregation(let node): node.range
        case .binary(let node): node.range
        case .unary(let node): node.range
        case .parenthesized(let node): node.range
        }
    }

    /// The type of the value it stands for.
    package var type: ValueType {
        switch self {
        case .number: .scalar
        case .string: .string
        case .vectorSelector, .aggregation: .vector
        case .matrixSelector, .subquery: .matrix
        case .call(let node): node.function.signature.result
        case .binary(let node): node.left.type == .scalar && node.right.type == .scalar ? .scalar : .vector
        case .unary(let node): node.operand.type
        case .parenthesized(let node): node.inner.type
        }
    }

    /// The expression without parentheses round the whole of it.
    package var withoutParentheses: Expression {
        var current = self
        while case .parenthesized(let node) = current { current = node.inner }
        return current
    }
}

/// A half-open range of UTF-8 offsets in the text of a query.
package struct SourceRange: Hashable, Sendable {
    /// Offset of the first byte.
    package var start: Int
    /// Offset behind the last byte.
    package var end: Int

    package init(_ start: Int, _ end: Int) {
        self.start = start
        self.end = end
    }
}

/// What an expression evaluates to.
package enum ValueType: String, Sendable {
    case scalar
    case string
    /// One sample for each series and step.
    case vector
    /// Many samples for each series and step.
    case matrix

    /// The documentation's words for the type.
    package var documented: String {
        switch self {
        case .scalar: "scalar"
        case .string: "string"
        case .vector: "instant vector"
        case .matrix: "range vector"
        }
    }
}

/// A number, or a duration, which stands for its seconds.
package struct NumberLiteral: Sendable {
    package var value: Double
    /// Whether it was written as a duration (`5m`); only the printer cares.
    package var isDuration: Bool
    package var range: SourceRange

    package init(value: Double, isDuration: Bool = false, range: SourceRange) {
        self.value = value
        self.isDuration = isDuration
        self.range = range
    }
}

/// A text, its escapes resolved.
package struct StringLiteral: Sendable {
    package var value: String
    package var range: SourceRange

    package init(value: String, range: SourceRange) {
        self.value = value
        self.range = range
    }
}

/// The time that the `@` modifier pins a selector to.
package enum AtModifier: Hashable, Sendable {
    /// Unix milliseconds.
    case timestamp(Int64)
    /// Start of the query's range.
    case start
    /// End of the query's range.
    case end
}

/// `name{matchers} @ … offset …`
package struct VectorSelector: Sendable {
    /// The metric's name when it was written in front of the braces; its matcher is then the last of `matchers`.
    package var name: String?
    /// Every predicate, that on `__name__` included.
    package var matchers: [Matcher]
    /// Milliseconds into the past; negative looks into the future.
    package var offset: Int64 = 0
    package var at: AtModifier?
    package var range: SourceRange

    package init(name: String?, matchers: [Matcher], range: SourceRange) {
        self.name = name
        self.matchers = matchers
        self.range = range
    }
}

/// `selector[window]`: the samples of the last `window` milliseconds, left-open. Offset and `@` are the selector's.
package struct MatrixSelector: Sendable {
    package var selector: VectorSelector
    /// Length of the window in milliseconds.
    package var window: Int64
    package var range: SourceRange

    package init(selector: VectorSelector, window: Int64, range: SourceRange) {
        self.selector = selector
        self.window = window
        self.range = range
    }
}

/// `expression[window:step] @ … offset …`: an instant expression evaluated at the multiples of the step inside the window.
package struct Subquery: Sendable {
    package var inner: Expression
    /// Length of the window in milliseconds.
    package var window: Int64
    /// Milliseconds; nil takes the evaluator's default.
    package var step: Int64?
    /// Milliseconds into the past.
    package var offset: Int64 = 0
    package var at: AtModifier?
    package var range: SourceRange

    package init(inner: Expression, window: Int64, step: Int64?, range: SourceRange) {
        self.inner = inner
        self.window = window
        self.step = step
        self.range = range
    }
}

/// `function(arguments)`
package struct FunctionCall: Sendable {
    package var function: FunctionName
    package var arguments: [Expression]
    package var range: SourceRange

    package init(function: FunctionName, arguments: [Expression], range: SourceRange) {
        self.function = function
        self.arguments = arguments
        self.range = range
    }
}

/// `operator by|without (labels) (parameter, expression)`
package struct Aggregation: Sendable {
    package var operation: AggregationOperator
    /// The labels of the clause, as written.
    package var grouping: [String]
    /// Whether the clause is `without`.
    package var isWithout: Bool
    /// The k, the quantile or the label's name, for operators that take one.
    package var parameter: Expression?
    package var inner: Expression
    package var range: SourceRange

    package init(
        operation: AggregationOperator, grouping: [String], isWithout: Bool, parameter: Expression?, inner: Expression,
        range: SourceRange
    ) {
        self.operation = operation
        self.grouping = grouping
        self.isWithout = isWithout
        self.parameter = parameter
        self.inner = inner
        self.range = range
    }
}

/// How many series of one side may match one of the other.
package enum MatchCardinality: Sendable {
    case oneToOne
    /// `group_left`
    case manyToOne
    /// `group_right`
    case oneToMany
    /// Set operators.
    case manyToMany
}

/// Which series of the two sides of a binary operator belong together.
package struct VectorMatching: Sendable {
    package var cardinality: MatchCardinality
    /// The labels of `on` or `ignoring`.
    package var labels: [String]
    /// Whether the clause is `on`; without a clause, `ignoring ()` holds.
    package var isOn: Bool
    /// The labels that `group_left` or `group_right` copies from the one side.
    package var include: [String]

    package init(
        cardinality: MatchCardinality = .oneToOne, labels: [String] = [], isOn: Bool = false, include: [String] = []
    ) {
        self.cardinality = cardinality
        self.labels = labels
        self.isOn = isOn
        self.include = include
    }
}

/// `left operator right`
package struct BinaryExpression: Sendable {
    package var operation: BinaryOperator
    package var left: Expression
    package var right: Expression
    /// Whether a comparison answers 0 or 1 instead of filtering.
    package var returnsBool: Bool
    /// Nil unless both sides are vectors.
    package var matching: VectorMatching?
    /// Where the operator itself stands.
    package var operatorRange: SourceRange

    package init(
        operation: BinaryOperator, left: Expression, right: Expression, returnsBool: Bool, matching: VectorMatching?,
        operatorRange: SourceRange
    ) {
        self.operation = operation
        self.left = left
        self.right = right
        self.returnsBool = returnsBool
        self.matching = matching
        self.operatorRange = operatorRange
    }

    /// From the first byte of the left side to the last of the right.
    package var range: SourceRange { SourceRange(left.range.start, right.range.end) }
}

/// `-operand` or `+operand`
package struct UnaryExpression: Sendable {
    package var isNegation: Bool
    package var operand: Expression
    package var range: SourceRange

    package init(isNegation: Bool, operand: Expression, range: SourceRange) {
        self.isNegation = isNegation
        self.operand = operand
        self.range = range
    }
}

/// `(inner)`; kept, so that a printed query looks like the one that was written.
package struct ParenthesizedExpression: Sendable {
    package var inner: Expression
    package var range: SourceRange

    package init(inner: Expression, range: SourceRange) {
        self.inner = inner
        self.range = range
    }
}
