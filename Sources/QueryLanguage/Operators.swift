/// The binary operators; the raw value is what a query writes.
package enum BinaryOperator: String, Sendable, CaseIterable {
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case modulo = "%"
    case power = "^"
    case atan2
    case equal = "=="
    case notEqual = "!="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    case and
    case or
    case unless

    /// How tightly it binds: 1 (`or`) ... 6 (`^`).
    package var precedence: Int {
        switch self {
        case .or: 1
        case .and, .unless: 2
        case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual: 3
        case .add, .subtract: 4
        case .multiply, .divide, .modulo, .atan2: 5
        case .power: 6
        }
    }

    /// Whether `a op b op c` is `a op (b op c)`.
    package var isRightAssociative: Bool { self == .power }

    /// Whether it filters, or with `bool` answers 0 or 1.
    package var isComparison: Bool { precedence == 3 }

    /// Whether it works on the presence of series alone.
    package var isSet: Bool { self == .and || self == .or || self == .unless }
}

/// The aggregation operators; the raw value is what a query writes.
package enum AggregationOperator: String, Sendable, CaseIterable {
    case sum
    case avg
    case count
    case min
    case max
    case group
    case stddev
    case stdvar
    case topk
    case bottomk
    case countValues = "count_values"
    case quantile
    case limitk
    case limitRatio = "limit_ratio"

    /// The type of the first argument of operators that take two.
    package var parameterType: ValueType? {
        switch self {
        case .topk, .bottomk, .quantile, .limitk, .limitRatio: .scalar
        case .countValues: .string
        case .sum, .avg, .count, .min, .max, .group, .stddev, .stdvar: nil
        }
    }

    /// Whether Prometheus 3.5 keeps it behind `promql-experimental-functions`.
    package var isExperimental: Bool { self == .limitk || self == .limitRatio }
}
