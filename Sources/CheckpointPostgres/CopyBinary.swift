import ByteCoding
import CheckpointPlan

/// Rows of the block table in PostgreSQL's binary COPY format (documentation of COPY, "Binary Format"): big-endian, each field with a length.
enum CopyBinary {
    /// The statement that takes such rows.
    static let statement = """
        COPY murmuration.block (slot, id, retention, min_time, max_time, sample_count, digest, byte_count, bytes)
        FROM STDIN (FORMAT binary)
        """

    /// Signature, flags, length of the header's extension.
    static let header: [UInt8] = [UInt8]("PGCOPY\n".utf8) + [0xFF, 0x0D, 0x0A, 0x00] + [UInt8](repeating: 0, count: 8)

    /// A field count of -1.
    static let trailer: [UInt8] = [0xFF, 0xFF]

    /// A row up to the length of its last field: the block's own bytes follow.
    static func row(_ record: BlockRecord) -> [UInt8] {
        var row: [UInt8] = []
        row.reserveCapacity(120)
        row.append(bigEndian: 9 as Int16)
        row.appendField(Int32(record.slot))
        row.appendField(record.id.bytes)
        row.appendField(Int16(record.retention.number))
        row.appendField(record.minTime)
        row.appendField(record.maxTime)
        row.appendField(Int64(record.sampleCount))
        row.appendField(digest(record.digest))
        row.appendField(Int32(record.byteCount))
        row.append(bigEndian: Int32(record.byteCount))
        return row
    }

    /// A digest is stored like an ID: 16 bytes, big-endian.
    static func digest(_ digest: XXH3.Hash128) -> [UInt8] { BlockID(high: digest.high, low: digest.low).bytes }
}

extension [UInt8] {
    fileprivate mutating func append(bigEndian value: some FixedWidthInteger & BitwiseCopyable) {
        append(littleEndian: value.byteSwapped)
    }

    fileprivate mutating func appendField<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value) {
        append(bigEndian: Int32(Value.bitWidth / 8))
        append(bigEndian: value)
    }

    fileprivate mutating func appendField(_ bytes: [UInt8]) {
        append(bigEndian: Int32(bytes.count))
        append(contentsOf: bytes)
    }
}
