package import ByteCoding

/// Digests of windows as bytes: what an asker sends beside `copy`, so that it gets only windows that it does not have.
///
/// varint count, then for each, by ascending start: zigzag start (of the first) or varint difference, high (8), low (8), varint samples.
extension [Int64: WindowDigest] {
    /// More windows than these are not listed: then all are sent.
    package static var listedMax: Int { 65_536 }

    /// The digests' bytes; nil when there are too many.
    package var encoded: [UInt8]? {
        guard count <= Self.listedMax else { return nil }
        var bytes: [UInt8] = []
        bytes.append(varint: count)
        var last: Int64?
        for (start, digest) in sorted(by: { $0.key < $1.key }) {
            if let last { bytes.append(varint: UInt64(bitPattern: start &- last)) } else { bytes.append(zigzag: start) }
            bytes.append(littleEndian: digest.high)
            bytes.append(littleEndian: digest.low)
            bytes.append(varint: digest.count)
            last = start
        }
        return bytes
    }

    /// Reads what `encoded` gives.
    ///
    /// - Throws: `ByteError`.
    package init(decoding bytes: RawSpan) throws(ByteError) {
        self.init()
        var reader = ByteReader(bytes)
        let count = try reader.readCount(unit: 18)
        guard count <= Self.listedMax else { throw ByteError(.outOfRange, offset: 0, needed: count) }
        var last: Int64?
        for _ in 0..<count {
            let start =
                if let last { last &+ Int64(bitPattern: try reader.readVarint()) } else { try reader.readZigzag() }
            let high = try reader.readUInt64()
            let low = try reader.readUInt64()
            self[start] = WindowDigest(high: high, low: low, count: Int(clamping: try reader.readVarint()))
            last = start
        }
        guard reader.isAtEnd else { throw ByteError(.truncated, offset: reader.offset, needed: 0) }
    }
}
