extension [UInt8] {
    /// Appends a number as Prometheus' API writes it: the fewest digits that read back to the same bits, plain notation
    /// for magnitudes in [1e-6, 1e21), else an exponent of two digits or more; `NaN`, `+Inf`, `-Inf`.
    ///
    /// Source: `MarshalFloat` in Prometheus' util/jsonutil, that is Go's `strconv.AppendFloat(…, -1, 64)`.
    package mutating func append(prometheus value: Double) {
        if value.isNaN {
            append(contentsOf: "NaN".utf8)
        } else if value.isInfinite {
            append(contentsOf: (value < 0 ? "-Inf" : "+Inf").utf8)
        } else if value.magnitude < 1e15, value.rounded(.towardZero) == value {
            // Exact in Int64, and the commonest case by far: counters and gauges that count.
            if value.sign == .minus { append(UInt8(ascii: "-")) }
            append(decimal: UInt64(value.magnitude))
        } else if !append(shortDecimal: value) {
            append(shortest: value)
        }
    }

    /// Appends an unsigned integer.
    mutating func append(decimal value: UInt64) {
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var rest = value
        var first = 20
        repeat {
            first &-= 1
            let (tenth, digit) = rest.quotientAndRemainder(dividingBy: 10)
            digits[first] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit)
            rest = tenth
        } while rest > 0
        for place in first..<20 { append(digits[place]) }
    }

    /// Appends a number of at most three decimals and 15 digits, as measurements often are; false where it is none.
    ///
    /// A double that is the nearest to a decimal of at most 15 digits is so to no other of them: these digits are the shortest, but for zeros
    /// at the end.
    private mutating func append(shortDecimal value: Double) -> Bool {
        let thousandths = (value.magnitude * 1000).rounded()
        guard thousandths >= 1, thousandths < 1e15, thousandths / 1000 == value.magnitude else { return false }
        let (whole, fraction) = UInt64(thousandths).quotientAndRemainder(dividingBy: 1000)
        if value < 0 { append(UInt8(ascii: "-")) }
        append(decimal: whole)
        append(UInt8(ascii: "."))
        var rest = fraction
        var unit: UInt64 = 100
        while rest > 0 {
            append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest / unit))
            rest %= unit
            unit /= 10
        }
        return true
    }

    /// Rearranges the digits of `description`, which are the shortest that read back, into Go's notation.
    private mutating func append(shortest value: Double) {
        let digits = ShortestDigits(value)
        if value < 0 { append(UInt8(ascii: "-")) }
        if value.magnitude < 1e-6 || value.magnitude >= 1e21 {
            append(digits.digits[0])
            if digits.count > 1 { append(UInt8(ascii: ".")) }
            append(digits, from: 1, to: digits.count)
            let exponent = digits.point - 1
            append(contentsOf: (exponent < 0 ? "e-" : "e+").utf8)
            if exponent.magnitude < 10 { append(UInt8(ascii: "0")) }
            append(contentsOf: String(exponent.magnitude).utf8)
        } else if digits.point <= 0 {
            append(contentsOf: "0.".utf8)
            append(contentsOf: repeatElement(UInt8(ascii: "0"), count: -digits.point))
            append(digits, from: 0, to: digits.count)
        } else if digits.point >= digits.count {
            append(digits, from: 0, to: digits.count)
            append(contentsOf: repeatElement(UInt8(ascii: "0"), count: digits.point - digits.count))
        } else {
            append(digits, from: 0, to: digits.point)
            append(UInt8(ascii: "."))
            append(digits, from: digits.point, to: digits.count)
        }
    }

    private mutating func append(_ digits: borrowing ShortestDigits, from start: Int, to end: Int) {
        for index in start..<Swift.max(start, end) { append(digits.digits[index]) }
    }
}

/// The shortest decimal digits of a finite number other than zero: 0.DIGITS times ten to the power of `point`.
private struct ShortestDigits {
    /// ASCII digits, the first and last not zero; a double has at most 17.
    var digits = InlineArray<24, UInt8>(repeating: UInt8(ascii: "0"))
    /// Digits in use.
    var count = 0
    /// How many digits stand before the decimal point; negative for leading zeros after it.
    var point = 0

    init(_ value: Double) {
        var seenPoint = false
        var exponent = 0
        var text = value.magnitude.description.utf8[...]
        while let byte = text.popFirst() {
            switch byte {
            case UInt8(ascii: "."): seenPoint = true
            case UInt8(ascii: "e"):
                exponent = Int(Substring(text)) ?? 0
                text = text.suffix(0)
            case UInt8(ascii: "0") where count == 0:
                if seenPoint { point -= 1 }
            default:
                digits[count] = byte
                count += 1
                if !seenPoint { point += 1 }
            }
        }
        point += exponent
        while count > 1, digits[count - 1] == UInt8(ascii: "0") { count -= 1 }
    }
}
