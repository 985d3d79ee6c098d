internal import QueryLanguage
internal import RealModule

/// The binary operators on numbers.
enum Arithmetic {
    /// The number that an arithmetic operator gives.
    @inline(__always)
    static func value(_ operation: BinaryOperator, _ left: Double, _ right: Double) -> Double {
        switch operation {
        case .add: left + right
        case .subtract: left - right
        case .multiply: left * right
        case .divide: left / right
        case .modulo: left.truncatingRemainder(dividingBy: right)
        case .power: power(left, right)
        case .atan2: Double.atan2(y: left, x: right)
        case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual: left
        case .and, .or, .unless: preconditionFailure("set operators have no value")
        }
    }

    /// Whether a comparison holds; true for arithmetic.
    @inline(__always)
    static func holds(_ operation: BinaryOperator, _ left: Double, _ right: Double) -> Bool {
        switch operation {
        case .equal: left == right
        case .notEqual: left != right
        case .less: left < right
        case .lessOrEqual: left <= right
        case .greater: left > right
        case .greaterOrEqual: left >= right
        case .add, .subtract, .multiply, .divide, .modulo, .power, .atan2: true
        case .and, .or, .unless: preconditionFailure("set operators compare nothing")
        }
    }

    /// Between scalars, where a comparison answers 0 or 1.
    static func scalar(_ operation: BinaryOperator, _ left: Double, _ right: Double) -> Double {
        if operation.isComparison { return holds(operation, left, right) ? 1 : 0 }
        return value(operation, left, right)
    }

    /// C's and Go's `pow`, which unlike RealModule's is defined for negative bases with whole exponents, and 1 for 0 ^ 0.
    static func power(_ base: Double, _ exponent: Double) -> Double {
        if let whole = Int(exactly: exponent) { return Double.pow(base, whole) }
        if exponent.isNaN { return base == 1 ? 1 : .nan }
        // Whole beyond Int's range means even; so is an infinite exponent for this purpose.
        if exponent.magnitude >= 0x1p63 {
            return base.magnitude == 1 ? 1 : Double.pow(base.magnitude, exponent)
        }
        if base == -.infinity { return exponent > 0 ? .infinity : 0 }
        // -0 with a broken exponent is +0 or +Inf.
        return Double.pow(base == 0 ? 0 : base, exponent)
    }
}
