import ByteCoding

/// A column of timestamps in the shortest of three forms: samples of one scrape share a time, those of one series lie close.
///
/// Wire form: u8 form, then by form: 0 constant: i64; 1 near: i64 base (the least), then a u32 offset from it per row; 2 raw: an i64
/// per row. The number of rows is known from the message. An empty column has form 2.
enum TimestampColumn {
    private static let constant: UInt8 = 0
    private static let near: UInt8 = 1
    private static let raw: UInt8 = 2
    /// The greatest base of a near column: no offset leads past 64 bits.
    private static let baseMax = Int64.max - Int64(UInt32.max)

    /// Appends `timestamps` (Unix milliseconds, any order).
    static func encode(_ timestamps: [Int64], into bytes: inout [UInt8]) {
        guard let first = timestamps.first else {
            bytes.append(raw)
            return
        }
        var least = first
        var greatest = first
        for timestamp in timestamps {
            least = min(least, timestamp)
            greatest = max(greatest, timestamp)
        }
        if least == greatest {
            bytes.append(constant)
            bytes.append(littleEndian: least)
        } else if least <= baseMax, UInt64(bitPattern: greatest &- least) <= UInt64(UInt32.max) {
            bytes.append(near)
            bytes.append(littleEndian: least)
            // The difference fits 32 bits, as the line above shows for the greatest.
            bytes.append(column: timestamps.map { UInt32(truncatingIfNeeded: $0 &- least) })
        } else {
            bytes.append(raw)
            bytes.append(column: timestamps)
        }
    }

    /// Reads `count` timestamps.
    ///
    /// - Throws: `WireError` when the form is unknown, a near column leaves 64 bits, or too few bytes remain.
    static func decode(count: Int, from reader: inout WireReader) throws(WireError) -> [Int64] {
        let form = try reader.uint8()
        switch form {
        case constant:
            return [Int64](repeating: try reader.int64(), count: count)
        case near:
            let base = try reader.int64()
            let offsets = try reader.uint32Column(count: count)
            guard base <= baseMax else {
                throw reader.malformed("timestamps.base", found: UInt64(bitPattern: base))
            }
            // No overflow: the base was checked against the greatest offset.
            return offsets.map { base &+ Int64($0) }
        case raw:
            return try reader.int64Column(count: count)
        default:
            throw reader.malformed("timestamps.form", found: UInt64(form), expected: UInt64(raw))
        }
    }
}
