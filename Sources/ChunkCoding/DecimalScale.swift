/// Values as integers over a power of ten, exact to the bit or not at all.
///
/// A double that was parsed from, or rounded to, a short decimal is the double nearest to `integer / 10^exponent`; division is
/// correctly rounded, so dividing gives the same bits back. Each value is checked by doing just that.
struct DecimalScale {
    /// Number of decimals, 0 ... `exponentMax`.
    let exponent: Int
    private let power: Double

    static let exponentMax = 9

    /// 1.5 * 2^52: adding it to |x| < 2^51 rounds x to an integer (half to even) that then stands in the sum's low bits.
    private static let magic: Double = 6_755_399_441_055_744
    private static let magicBits = Int64(bitPattern: magic.bitPattern)

    private static let powers: InlineArray<10, Double> = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9]

    /// - Parameter exponent: 0 ... `exponentMax`.
    init(exponent: Int) {
        self.exponent = exponent
        self.power = Self.powers[exponent]
    }

    /// The integer that stands for `value`, in -2^51 ..< 2^51; nil where none gives the same bits back.
    @inline(__always)
    func integer(_ value: Double) -> Int64? {
        let shifted = value * power + Self.magic
        let integer = Int64(bitPattern: shifted.bitPattern) &- Self.magicBits
        let back = (shifted - Self.magic) / power
        // Outside ±2^51 (infinities and NaN included) the low bits are not the integer.
        guard back.bitPattern == value.bitPattern, UInt64(bitPattern: integer &+ 1 << 51) < 1 << 52 else { return nil }
        return integer
    }

    /// The double for an integer that `integer(_:)` gave; for any other integer some double, never a trap.
    @inline(__always)
    func value(_ integer: Int64) -> Double {
        (Double(bitPattern: UInt64(bitPattern: integer &+ Self.magicBits)) - Self.magic) / power
    }

    /// The same where `exponent` is 0.
    @inline(__always)
    static func whole(_ integer: Int64) -> Double {
        Double(bitPattern: UInt64(bitPattern: integer &+ magicBits)) - magic
    }

    /// The least exponent from `least` on at which `value` is exact; nil where there is none.
    static func leastExponent(for value: Double, from least: Int = 0) -> Int? {
        // Most of what is no number at all is turned away before ten divisions.
        guard value.isFinite else { return nil }
        var exponent = least
        while exponent <= exponentMax {
            if DecimalScale(exponent: exponent).integer(value) != nil { return exponent }
            exponent += 1
        }
        return nil
    }
}
