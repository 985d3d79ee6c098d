/// Durations as Prometheus writes them: `15s`, `1h30m`, `200ms`, `31d`.
package enum DurationText {
    private static let units: [(name: String, milliseconds: Int64)] = [
        ("y", 31_536_000_000), ("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000),
        ("ms", 1),
    ]

    /// Milliseconds of a duration, or nil when the text is none.
    ///
    /// Whole numbers, each with a unit, from the greatest unit to the least, none twice; `0` needs no unit. A year has
    /// 365 days. Nil too when the sum does not fit 64 bits. The grammar is that of Prometheus' `model.ParseDuration`.
    package static func milliseconds(_ text: String) -> Int64? {
        if text == "0" { return 0 }
        var rest = text.utf8[...]
        var nextUnit = 0
        var total: Int64 = 0
        if rest.isEmpty { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            rest = rest[digits.endIndex...]
            let letters = rest.prefix { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) }
            rest = rest[letters.endIndex...]
            guard let number = Int64(Substring(digits)),
                let unit = units[nextUnit...].firstIndex(where: { $0.name.utf8.elementsEqual(letters) })
            else { return nil }
            let (product, productOverflow) = number.multipliedReportingOverflow(by: units[unit].milliseconds)
            let (sum, sumOverflow) = total.addingReportingOverflow(product)
            if productOverflow || sumOverflow { return nil }
            total = sum
            nextUnit = unit + 1
        }
        return total
    }

    /// The shortest text that `milliseconds(_:)` reads back, of days and less; `0s` for none.
    ///
    /// - Parameter milliseconds: 0 or more.
    /// - Returns: such as `1h30m`.
    package static func text(milliseconds: Int64) -> String {
        precondition(milliseconds >= 0, "a duration is not negative: \(milliseconds)")
        var rest = milliseconds
        var result = ""
        for unit in units.dropFirst(2) where rest >= unit.milliseconds {
            result += "\(rest / unit.milliseconds)\(unit.name)"
            rest %= unit.milliseconds
        }
        return result.isEmpty ? "0s" : result
    }
}
