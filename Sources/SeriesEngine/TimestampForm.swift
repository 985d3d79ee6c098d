internal import ByteCoding

/// How a column of timestamps is written in a log record: all equal, offsets of 32 bits, or whole.
enum TimestampForm: Equatable, Sendable {
    case equal(Int64)
    case offsets(from: Int64)
    case whole

    /// The most compact form for a column of at least one timestamp.
    init(of timestamps: [Int64]) {
        var least = Int64.max
        var greatest = Int64.min
        for timestamp in timestamps {
            least = min(least, timestamp)
            greatest = max(greatest, timestamp)
        }
        let (span, overflow) = greatest.subtractingReportingOverflow(least)
        if least == greatest {
            self = .equal(least)
        } else if !overflow && span <= Int64(UInt32.max) {
            self = .offsets(from: least)
        } else {
            self = .whole
        }
    }

    /// The form with this number, its base not yet known.
    init?(code: UInt8) {
        switch code {
        case 0: self = .equal(0)
        case 1: self = .offsets(from: 0)
        case 2: self = .whole
        default: return nil
        }
    }

    /// The number that stands for the form.
    var code: UInt8 {
        switch self {
        case .equal: 0
        case .offsets: 1
        case .whole: 2
        }
    }

    func write(_ timestamps: [Int64], into log: inout [UInt8]) {
        switch self {
        case .equal(let timestamp):
            log.append(littleEndian: timestamp)
        case .offsets(let base):
            log.append(littleEndian: base)
            log.append(column: timestamps.map { UInt32(truncatingIfNeeded: $0 &- base) })
        case .whole:
            log.append(column: timestamps)
        }
    }

    @_lifetime(reader: copy reader)
    func read(count: Int, _ reader: inout ByteReader) throws(ByteError) -> [Int64] {
        switch self {
        case .equal:
            return [Int64](repeating: try reader.readInt64(), count: count)
        case .offsets:
            let base = try reader.readInt64()
            return try reader.readUInt32Array(count: count).map { base &+ Int64($0) }
        case .whole:
            return try reader.readInt64Array(count: count)
        }
    }
}
