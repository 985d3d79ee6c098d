/// Which bits of the last difference between two values were in use: the next one reuses them where it fits.
struct ValueWindow {
    private var leading = 0
    private var trailing = 0
    private var isSet = false

    /// Writes the difference of a value's bits to those before, XOR, into `bits`.
    mutating func write(_ difference: UInt64, into bits: inout BitWriter) {
        if difference == 0 { return bits.write(0, 1) }
        bits.write(1, 1)
        // Five bits hold the number of leading zeros.
        let newLeading = min(difference.leadingZeroBitCount, 31)
        let newTrailing = difference.trailingZeroBitCount
        if isSet && newLeading >= leading && newTrailing >= trailing {
            bits.write(0, 1)
            return bits.write(difference >> UInt64(trailing), 64 - leading - trailing)
        }
        (leading, trailing, isSet) = (newLeading, newTrailing, true)
        let size = 64 - leading - trailing
        bits.write(1, 1)
        bits.write(UInt64(leading), 5)
        // Six bits hold the size; 64 is written as 0.
        bits.write(UInt64(size), 6)
        bits.write(difference >> UInt64(trailing), size)
    }
}

/// Appends bits to bytes, the highest first.
struct BitWriter {
    private(set) var bytes: [UInt8] = []
    /// Bits of the last byte that are still free.
    private var free = 0

    /// The lowest `count` bits of a number.
    mutating func write(_ value: UInt64, _ count: Int) {
        var left = count
        while left > 0 {
            if free == 0 {
                bytes.append(0)
                free = 8
            }
            let taken = min(free, left)
            let part = UInt8(truncatingIfNeeded: value >> UInt64(left - taken)) & UInt8((1 << taken) - 1)
            bytes[bytes.count - 1] |= part << UInt8(free - taken)
            free -= taken
            left -= taken
        }
    }

    /// Seven bits a byte, the lowest first.
    mutating func write(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            write(rest | 0x80, 8)
            rest >>= 7
        }
        write(rest, 8)
    }

    mutating func write(zigzag value: Int64) {
        write(varint: UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }
}
