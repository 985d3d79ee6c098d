/// The logarithm in weighted rendezvous hashing, in integers: two machines never disagree in its last bit.
package enum Logarithm {
    /// Bits behind the point of what `distanceBelowOne` returns.
    package static let fractionBits = 32

    /// -log2(u) for u = max(`hash`, 1) / 2^64, rounded by less than 2^-31: 0 ... 64, with 32 bits behind the point.
    ///
    /// The base does not matter to an order, so ln is spared. The integer part is the position of the highest bit; each squaring of the
    /// remaining mantissa, kept in [1, 2), yields one bit more of the fraction (Knuth, TAOCP 1, section 1.2.2, exercise 25).
    package static func distanceBelowOne(_ hash: UInt64) -> UInt64 {
        let value = max(hash, 1)
        let zeros = UInt64(value.leadingZeroBitCount)
        // 1.63 fixed point: the highest bit is the 1 before the point.
        var mantissa = value << zeros
        var fraction: UInt64 = 0
        for _ in 0..<fractionBits {
            let square = mantissa.multipliedFullWidth(by: mantissa).high
            // The square's high word is 2.62: its top bit tells whether the square reached 2.
            let carry = square >> 63
            mantissa = carry == 1 ? square : square << 1
            fraction = fraction << 1 | carry
        }
        // log2(u) = 63 - zeros + fraction - 64.
        return (zeros + 1) << UInt64(fractionBits) - fraction
    }
}
