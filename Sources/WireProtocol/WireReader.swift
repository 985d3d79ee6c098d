import ByteCoding
import MetricModel

/// Reads one message of the hot family, telling every fault the message's name.
struct WireReader: ~Escapable {
    private var reader: ByteReader
    private let message: String
    /// Elements that few bytes of the message may still stand for.
    private var expansionLeft = WireLimits.expansionMax

    @_lifetime(copy bytes)
    init(_ bytes: RawSpan, message: String) {
        self.reader = ByteReader(bytes)
        self.message = message
    }

    /// Bytes consumed so far.
    var offset: Int { reader.offset }

    @_lifetime(self: copy self)
    mutating func uint8() throws(WireError) -> UInt8 {
        do { return try reader.readUInt8() } catch { throw WireError(error, in: message) }
    }

    @_lifetime(self: copy self)
    mutating func uint32() throws(WireError) -> UInt32 {
        do { return try reader.readUInt32() } catch { throw WireError(error, in: message) }
    }

    @_lifetime(self: copy self)
    mutating func uint64() throws(WireError) -> UInt64 {
        do { return try reader.readUInt64() } catch { throw WireError(error, in: message) }
    }

    @_lifetime(self: copy self)
    mutating func int64() throws(WireError) -> Int64 { Int64(bitPattern: try uint64()) }

    @_lifetime(self: copy self)
    mutating func varint() throws(WireError) -> UInt64 {
        do { return try reader.readVarint() } catch { throw WireError(error, in: message) }
    }

    /// Counts elements that take less room in the message than in memory.
    ///
    /// - Throws: `WireError.limitExceeded` beyond `WireLimits.expansionMax` in one message.
    @_lifetime(self: copy self)
    mutating func expand(_ field: String, by count: Int) throws(WireError) {
        guard count <= expansionLeft else {
            throw WireError(
                .limitExceeded, in: "\(message).\(field)", offset: reader.offset, found: UInt64(count),
                expected: UInt64(expansionLeft))
        }
        expansionLeft -= count
    }

    @_lifetime(self: copy self)
    mutating func zigzag() throws(WireError) -> Int64 {
        do { return try reader.readZigzag() } catch { throw WireError(error, in: message) }
    }

    /// A varint number below `limit`.
    @_lifetime(self: copy self)
    mutating func number(_ field: String, below limit: Int) throws(WireError) -> Int {
        let value = try varint()
        guard value < UInt64(limit) else { throw malformed(field, found: value, expected: UInt64(limit)) }
        return Int(value)
    }

    /// A fixed 32-bit count of things that take at least `unit` bytes each, at most `limit`.
    @_lifetime(self: copy self)
    mutating func count(_ field: String, unit: Int, limit: Int) throws(WireError) -> Int {
        try flaggedCount(field, unit: unit, limit: limit, flag: 0).count
    }

    /// The same with a bit of the number that says something else.
    @_lifetime(self: copy self)
    mutating func flaggedCount(
        _ field: String, unit: Int, limit: Int, flag: UInt32
    ) throws(WireError) -> (count: Int, isSet: Bool) {
        let start = reader.offset
        let number = try uint32()
        let value = Int(number & ~flag)
        guard value <= limit else {
            throw WireError(
                .limitExceeded, in: "\(message).\(field)", offset: start, found: UInt64(value), expected: UInt64(limit))
        }
        guard value <= reader.remaining / unit else {
            throw WireError(.truncated, in: "\(message).\(field)", offset: start, found: UInt64(value))
        }
        return (value, number & flag != 0)
    }

    @_lifetime(self: copy self)
    mutating func string() throws(WireError) -> String {
        do { return try reader.readString() } catch { throw WireError(error, in: message) }
    }

    /// A varint length and as many bytes, not copied.
    @_lifetime(self: copy self)
    @_lifetime(copy self)
    mutating func prefixedSpan() throws(WireError) -> RawSpan {
        do {
            let count = try reader.readCount()
            return try reader.readSpan(count: count)
        } catch { throw WireError(error, in: message) }
    }

    /// So many bytes, not copied.
    @_lifetime(self: copy self)
    @_lifetime(copy self)
    mutating func span(count: UInt64) throws(WireError) -> RawSpan {
        do { return try reader.readSpan(count: Int(clamping: count)) } catch { throw WireError(error, in: message) }
    }

    @_lifetime(self: copy self)
    mutating func uint32Column(count: Int) throws(WireError) -> [UInt32] {
        do { return try reader.readUInt32Array(count: count) } catch { throw WireError(error, in: message) }
    }

    @_lifetime(self: copy self)
    mutating func int64Column(count: Int) throws(WireError) -> [Int64] {
        do { return try reader.readInt64Array(count: count) } catch { throw WireError(error, in: message) }
    }

    @_lifetime(self: copy self)
    mutating func doubleColumn(count: Int) throws(WireError) -> [Double] {
        do { return try reader.readDoubleArray(count: count) } catch { throw WireError(error, in: message) }
    }

    /// A histogram as `NativeHistogram.encode` writes it.
    @_lifetime(self: copy self)
    mutating func histogram() throws(WireError) -> NativeHistogram {
        do { return try NativeHistogram(reading: &reader) } catch { throw WireError(error, in: message) }
    }

    /// Histograms among rows as `HistogramRows.encode` writes them.
    @_lifetime(self: copy self)
    mutating func histograms(rowCount: Int) throws(WireError) -> HistogramRows {
        do { return try HistogramRows(reading: &reader, rowCount: rowCount) } catch {
            throw WireError(error, in: message)
        }
    }

    /// Throws unless everything has been read.
    borrowing func expectEnd() throws(WireError) {
        guard reader.isAtEnd else {
            throw WireError(.trailingBytes, in: message, offset: reader.offset, found: UInt64(reader.remaining))
        }
    }

    /// The fault of a field that was read but holds what it cannot hold.
    borrowing func malformed(_ field: String, found: UInt64 = 0, expected: UInt64 = 0) -> WireError {
        WireError(.malformed, in: "\(message).\(field)", offset: reader.offset, found: found, expected: expected)
    }
}
