import ByteCoding

/// One sub-block's integers while they are packed or unpacked: on the stack, 64 at most.
typealias IntegerBlock = InlineArray<64, Int64>

/// The widths that packed integers can have: 0 ... 57 and 64 bits.
///
/// 58 ... 63 do not exist so that one unaligned 8-byte word always holds a whole integer.
enum BitWidth {
    /// The narrowest width that holds `bits` bits.
    static func holding(bits: Int) -> Int { bits <= 57 ? bits : 64 }

    /// The number of bits up to the highest set one.
    @inline(__always)
    static func bits(of value: UInt64) -> Int { 64 &- value.leadingZeroBitCount }

    /// The width as six bits of a header byte.
    static func code(of width: Int) -> UInt8 { width == 64 ? 58 : UInt8(width) }

    /// The width behind six bits of a header byte; nil for a code that does not exist.
    static func width(code: UInt8) -> Int? { code <= 57 ? Int(code) : code == 58 ? 64 : nil }
}

extension [UInt8] {
    /// Appends the low `width` bits of each integer, the first in the lowest bits of the first byte.
    mutating func append(packing values: Span<UInt64>, width: Int) {
        guard width > 0 else { return }
        let mask = width == 64 ? UInt64.max : (1 as UInt64) &<< UInt64(width) &- 1
        var word: UInt64 = 0
        var filled = 0
        for index in values.indices {
            let value = values[index] & mask
            word |= value &<< UInt64(truncatingIfNeeded: filled)
            filled &+= width
            guard filled >= 64 else { continue }
            append(littleEndian: word)
            filled &-= 64
            // A shift by 64 - which `>>` makes 0 - is what remains of a value that ended on the word's edge.
            word = value >> UInt64(truncatingIfNeeded: width &- filled)
        }
        while filled > 0 {
            append(UInt8(truncatingIfNeeded: word))
            word >>= 8
            filled &-= 8
        }
    }
}
