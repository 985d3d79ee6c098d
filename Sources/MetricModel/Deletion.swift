internal import ByteCoding

/// A deletion: samples of the series of one tenant that pass every matcher, in a closed time range, are shown to nobody.
///
/// It is its contents: two of the same contents are the same. It masks what is read; what is stored stays until retention drops it. Prometheus
/// calls its like a tombstone. Source: docs/decisions/0030-deletions-mask.md.
package struct Deletion: Hashable, Sendable, CustomStringConvertible {
    /// `deletion_bytes_max`: of one deletion as it travels and rests.
    package static let bytesMax = 4 << 10

    /// Whose series.
    package let tenant: TenantID
    /// Sorted by their bytes, each once.
    package let matchers: [Matcher]
    /// First time, Unix milliseconds.
    package let start: Int64
    /// Last time, Unix milliseconds; not after `created`, so that what comes later is seen.
    package let end: Int64
    /// When it was asked for, Unix milliseconds.
    package let created: Int64
    /// What travels, rests on disk, hashes and compares: a protobuf message, `Deletion` in control.proto.
    package let bytes: [UInt8]
    /// Of tenant and matchers: the same for deletions that differ in their times alone.
    package let series: [UInt8]

    /// A deletion as somebody asks for it.
    ///
    /// - Parameters:
    ///   - tenant: whose series.
    ///   - matchers: which series, at least one; in any order.
    ///   - start: Unix milliseconds, inclusive.
    ///   - end: Unix milliseconds, inclusive; cut off at `created`.
    ///   - created: now, Unix milliseconds.
    /// - Throws: `ModelError.limit` for more than `bytesMax` bytes.
    package init(
        tenant: TenantID, matchers: [Matcher], start: Int64, end: Int64, created: Int64
    ) throws(ModelError) {
        let sorted = matchers.map { ($0, $0.encoded) }.sorted { $0.1.lexicographicallyPrecedes($1.1) }
        var kept: [(Matcher, [UInt8])] = []
        for one in sorted where kept.last?.1 != one.1 { kept.append(one) }
        var series: [UInt8] = []
        ProtobufWriter.string(1, tenant.name, into: &series)
        for (_, bytes) in kept { ProtobufWriter.bytes(2, bytes, into: &series) }
        var bytes = series
        let last = min(end, created)
        ProtobufWriter.int64(3, start, into: &bytes)
        ProtobufWriter.int64(4, last, into: &bytes)
        ProtobufWriter.int64(5, created, into: &bytes)
        guard bytes.count <= Self.bytesMax else {
            throw .limit(name: "deletion_bytes_max", maximum: Self.bytesMax, found: bytes.count)
        }
        self.tenant = tenant
        self.matchers = kept.map(\.0)
        self.start = start
        self.end = last
        self.created = created
        self.series = series
        self.bytes = bytes
    }

    /// Reads the bytes of another one.
    ///
    /// - Throws: `ModelError`: `.notCanonical` for what is none, `.badRegex` for an expression that does not compile, `.limit`.
    package init(validating bytes: [UInt8]) throws(ModelError) {
        guard bytes.count <= Self.bytesMax else {
            throw .limit(name: "deletion_bytes_max", maximum: Self.bytesMax, found: bytes.count)
        }
        var fields = Fields()
        do throws(ByteError) { try fields.read(bytes.rawSpan) } catch { throw .notCanonical("deletion: \(error)") }
        guard let name = fields.tenant, !fields.matchers.isEmpty else {
            throw .notCanonical("deletion without a tenant or without a matcher")
        }
        var matchers: [Matcher] = []
        for matcher in fields.matchers {
            guard let operation = Matcher.Operation(rawValue: UInt8(clamping: matcher.operation)) else {
                throw .notCanonical("deletion with the operation \(matcher.operation)")
            }
            matchers.append(try Matcher(matcher.name, operation, matcher.value))
        }
        try self.init(
            tenant: try TenantID(validating: name), matchers: matchers, start: fields.start, end: fields.end,
            created: fields.created)
        if isEmpty { throw .notCanonical("deletion that ends before it starts") }
    }

    /// Whether it stands for no time at all: its start lies behind the moment at which it was asked for.
    package var isEmpty: Bool { start > end }

    /// Whether everything that `other` hides is hidden by this one: of two of the same contents but for `created`, the older one covers.
    package func covers(_ other: Deletion) -> Bool {
        guard start <= other.start, end >= other.end, series == other.series else { return false }
        return start < other.start || end > other.end || created <= other.created
    }

    package static func == (left: Deletion, right: Deletion) -> Bool { left.bytes == right.bytes }

    package func hash(into hasher: inout Hasher) { hasher.combine(bytes) }

    package var description: String {
        "{\(matchers.map(\.description).joined(separator: ","))} of \(tenant), \(start) ... \(end)"
    }

    /// The message as it is read, before it is known to make sense.
    private struct Fields {
        var tenant: String?
        var matchers: [(name: String, operation: UInt64, value: String)] = []
        var start: Int64 = 0
        var end: Int64 = 0
        var created: Int64 = 0

        mutating func read(_ bytes: RawSpan) throws(ByteError) {
            var reader = ProtobufReader(bytes)
            while let field = try reader.nextField() {
                switch field {
                case (1, .bytes): tenant = try reader.readString()
                case (2, .bytes): try readMatcher(try reader.readSpan())
                case (3, .varint): start = try reader.readInt64()
                case (4, .varint): end = try reader.readInt64()
                case (5, .varint): created = try reader.readInt64()
                default: try reader.skip(field.type)
                }
            }
        }

        private mutating func readMatcher(_ bytes: RawSpan) throws(ByteError) {
            var reader = ProtobufReader(bytes)
            var matcher = (name: "", operation: UInt64(0), value: "")
            while let field = try reader.nextField() {
                switch field {
                case (1, .bytes): matcher.name = try reader.readString()
                case (2, .varint): matcher.operation = try reader.readVarint()
                case (3, .bytes): matcher.value = try reader.readString()
                default: try reader.skip(field.type)
                }
            }
            matchers.append(matcher)
        }
    }
}

extension Matcher {
    /// The message `Matcher` of control.proto.
    fileprivate var encoded: [UInt8] {
        var bytes: [UInt8] = []
        if !name.isEmpty { ProtobufWriter.string(1, name, into: &bytes) }
        if operation != .equal { ProtobufWriter.varint(2, UInt64(operation.rawValue), into: &bytes) }
        if !value.isEmpty { ProtobufWriter.string(3, value, into: &bytes) }
        return bytes
    }
}
