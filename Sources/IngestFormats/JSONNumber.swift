/// The value of a JSON number's text, exactly rounded.
enum JSONNumber {
    /// The nearest double to the number that `bytes[range]` writes; `range` comes from `JSONReader.readNumber`.
    ///
    /// Up to 19 digits that fit 2^53 and a power of ten up to 22 are exact in a double, so that one multiplication or division rounds
    /// once (Clinger, "How to read floating point numbers accurately", 1990). Everything else goes to the standard library.
    /// - Returns: nil when the number is too large for a double.
    static func double(_ bytes: [UInt8], _ range: Range<Int>) -> Double? {
        var mantissa: UInt64 = 0
        var digits = 0
        var exponent = 0
        var at = range.lowerBound
        let isNegative = bytes[at] == UInt8(ascii: "-")
        if isNegative { at &+= 1 }
        var isFraction = false
        while at < range.upperBound {
            let byte = bytes[at]
            if byte == UInt8(ascii: ".") {
                isFraction = true
            } else if byte | 0x20 == UInt8(ascii: "e") {
                break
            } else {
                mantissa = mantissa &* 10 &+ UInt64(byte &- UInt8(ascii: "0"))
                if mantissa > 0 { digits &+= 1 }
                if isFraction { exponent &-= 1 }
            }
            at &+= 1
        }
        // The exponent part is rare in metrics; the standard library reads it.
        guard at == range.upperBound, digits <= 18, mantissa <= 1 << 53, exponent >= -22 else {
            return slow(bytes, range)
        }
        let magnitude = exponent == 0 ? Double(mantissa) : Double(mantissa) / powersOfTen[-exponent]
        return isNegative ? -magnitude : magnitude
    }

    private static func slow(_ bytes: [UInt8], _ range: Range<Int>) -> Double? {
        guard let value = Double(String(decoding: bytes[range], as: UTF8.self)), value.isFinite else { return nil }
        return value
    }

    private static let powersOfTen: [Double] = [
        1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21,
        1e22,
    ]
}
