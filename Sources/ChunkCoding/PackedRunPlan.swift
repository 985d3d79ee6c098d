/// The base and width that make one sub-block of a packed run smallest, or nearly so.
///
/// Two families of frames are weighed by histograms of bit lengths, each in one pass: those that begin at the least value
/// (exceptions lie above) and those centred on a typical one (exceptions lie on both sides: a counter's reset, a dip).
struct PackedRunPlan: Equatable {
    /// Subtracted from every value, wrapping.
    private(set) var base: Int64
    /// Bits of each packed difference; see `BitWidth`.
    private(set) var width: Int
    /// Values whose difference needs more than `width` bits.
    private(set) var exceptionCount = 0

    /// More exceptions than this, and a wider frame is smaller in all but contrived data.
    private static let exceptionCountMax = 16

    private typealias Histogram = InlineArray<65, UInt8>

    /// - Parameter values: 1 ... 64 integers.
    init(for values: Span<Int64>) {
        var least = values[0]
        var greatest = values[0]
        for index in values.indices {
            least = min(least, values[index])
            greatest = max(greatest, values[index])
        }
        let bits = BitWidth.bits(of: UInt64(bitPattern: greatest &- least))
        base = least
        width = BitWidth.holding(bits: bits)
        // A frame that begins at zero saves the base's bytes.
        if least > 0, BitWidth.holding(bits: BitWidth.bits(of: UInt64(greatest))) == width { base = 0 }
        // Up to two bits, exceptions of two bytes and more each cannot pay against 16 bytes.
        if bits > 2 { narrow(values, least: least, bits: bits) }
    }

    private mutating func narrow(_ values: Span<Int64>, least: Int64, bits: Int) {
        let centre = Self.median(values[0], values[values.count / 2], values[values.count - 1])
        var above = Histogram(repeating: 0)
        var around = Histogram(repeating: 0)
        for index in values.indices {
            above[BitWidth.bits(of: UInt64(bitPattern: values[index] &- least))] &+= 1
            let distance = values[index] &- centre
            around[BitWidth.bits(of: UInt64(bitPattern: (distance &<< 1) ^ (distance &>> 63)))] &+= 1
        }
        var bestSize = Self.packedSize(count: values.count, width: width)
        if let narrower = Self.best(above, count: values.count, bitsMax: bits, below: &bestSize) {
            base = least
            width = narrower
        }
        if let narrower = Self.best(around, count: values.count, bitsMax: min(bits + 1, 64), below: &bestSize) {
            // The frame reaches from centre - 2^(width-1) to centre + 2^(width-1) - 1: the zigzag of what is inside fits.
            base = narrower == 0 ? centre : centre &- (1 as Int64) &<< Int64(narrower - 1)
            width = narrower
        }
        exceptionCount = 0
        for index in values.indices where BitWidth.bits(of: UInt64(bitPattern: values[index] &- base)) > width {
            exceptionCount += 1
        }
    }

    /// The width that is smallest with its exceptions; nil when none is below `bestSize`, which is lowered. No value is longer than
    /// `bitsMax`.
    private static func best(_ histogram: Histogram, count: Int, bitsMax: Int, below bestSize: inout Int) -> Int? {
        var found: Int?
        var exceptions = 0
        var width = bitsMax
        // A width as wide as the longest value has been weighed already, without exceptions.
        while width > 0 {
            exceptions += Int(histogram[width])
            width -= 1
            guard exceptions <= exceptionCountMax else { break }
            guard width <= 57, exceptions > 0 else { continue }
            let size = packedSize(count: count, width: width) + exceptionSize(histogram, bitsMax: bitsMax, width: width)
            if size < bestSize {
                bestSize = size
                found = width
            }
        }
        return found
    }

    private static func packedSize(count: Int, width: Int) -> Int { (count * width + 7) >> 3 }

    /// Bytes of the list of exceptions: their number, and for each its place and a zigzag varint of the bits above `width`.
    private static func exceptionSize(_ histogram: Histogram, bitsMax: Int, width: Int) -> Int {
        var size = 1
        var bits = bitsMax
        while bits > width {
            if histogram[bits] > 0 { size += Int(histogram[bits]) * (1 + (bits - width + 1 + 6) / 7) }
            bits -= 1
        }
        return size
    }

    private static func median(_ a: Int64, _ b: Int64, _ c: Int64) -> Int64 { max(min(a, b), min(max(a, b), c)) }
}
