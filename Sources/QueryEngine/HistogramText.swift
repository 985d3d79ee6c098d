internal import MetricModel

extension NativeHistogram {
    /// As `count_values` names it: `{count:6, sum:8.5, [-1,-0.5):1, [-0.1,0.1]:2, (1,2]:3}`.
    var text: String {
        let parts = ascendingWholeBuckets.filter { $0.count != 0 }.map { bucket in
            let open = bucket.includesLower ? "[" : "("
            let close = bucket.includesUpper ? "]" : ")"
            let bounds = "\(ShortDecimal.text(bucket.lower)),\(ShortDecimal.text(bucket.upper))"
            return ", \(open)\(bounds)\(close):\(ShortDecimal.text(bucket.count))"
        }
        return "{count:\(ShortDecimal.text(count)), sum:\(ShortDecimal.text(sum))\(parts.joined())}"
    }
}

/// Numbers as Go's `%g` prints them: the shortest digits, with an exponent below 1e-4 and from 1e6 on.
enum ShortDecimal {
    static func text(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        let sign = value.sign == .minus ? "-" : ""
        if value == 0 { return sign + "0" }
        var mantissa = value.magnitude.description[...]
        var exponent = 0
        if let mark = mantissa.firstIndex(of: "e") {
            exponent = Int(mantissa[mantissa.index(after: mark)...]) ?? 0
            mantissa = mantissa[..<mark]
        }
        let parts = mantissa.split(separator: ".", omittingEmptySubsequences: false)
        let whole = parts[0].drop { $0 == "0" }
        let all = String(parts[0]) + (parts.count > 1 ? String(parts[1]) : "")
        let leading = all.prefix { $0 == "0" }.count
        var digits = String(all.dropFirst(leading))
        while digits.count > 1, digits.last == "0" { digits.removeLast() }
        // The power of ten of the first digit.
        let power = whole.isEmpty ? exponent + parts[0].count - leading - 1 : exponent + whole.count - 1
        if power < -4 || power >= exponentMin {
            let fraction = digits.count > 1 ? "." + digits.dropFirst() : ""
            let magnitude = "\(power.magnitude)"
            return sign + digits.prefix(1) + fraction + "e" + (power < 0 ? "-" : "+")
                + (magnitude.count < 2 ? "0" : "") + magnitude
        }
        if power < 0 { return sign + "0." + String(repeating: "0", count: -power - 1) + digits }
        if digits.count <= power + 1 { return sign + digits + String(repeating: "0", count: power + 1 - digits.count) }
        return sign + digits.prefix(power + 1) + "." + digits.dropFirst(power + 1)
    }

    private static let exponentMin = 6
}
