/// Numbers as PromQL prints them: the shortest digits that read back as the same number, never with an exponent.
package enum PlainDecimal {
    /// The text of a value; `NaN`, `+Inf` and `-Inf` for the special ones.
    package static func text(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        let sign = value.sign == .minus ? "-" : ""
        // Swift's description has the shortest digits; only the placing of the point differs.
        var mantissa = value.magnitude.description[...]
        var exponent = 0
        if let mark = mantissa.firstIndex(of: "e") {
            exponent = Int(mantissa[mantissa.index(after: mark)...]) ?? 0
            mantissa = mantissa[..<mark]
        }
        let parts = mantissa.split(separator: ".", omittingEmptySubsequences: false)
        var whole = String(parts[0])
        var fraction = parts.count > 1 && parts[1] != "0" ? String(parts[1]) : ""
        if exponent > 0 {
            let padded = fraction + String(repeating: "0", count: max(0, exponent - fraction.count))
            whole += padded.prefix(exponent)
            fraction = String(padded.dropFirst(exponent))
        } else if exponent < 0 {
            let padded = String(repeating: "0", count: max(0, -exponent - whole.count + 1)) + whole
            fraction = padded.suffix(-exponent) + fraction
            whole = String(padded.dropLast(-exponent))
        }
        return sign + whole + (fraction.isEmpty ? "" : "." + fraction)
    }
}
