import ByteCoding
import MetricModel

extension Labels {
    /// Reads a varint length and that many canonical bytes, and checks that they are canonical.
    init(from reader: inout WireReader) throws(WireError) {
        let bytes = try reader.prefixedSpan().copied()
        do throws(ModelError) {
            try self.init(validating: bytes)
        } catch {
            throw reader.malformed("labels", found: UInt64(bytes.count))
        }
    }
}
