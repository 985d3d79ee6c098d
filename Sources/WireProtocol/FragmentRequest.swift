import ByteCoding
package import MetricModel

/// Asks a node to evaluate an expression of a query on the series of some slots.
package struct FragmentRequest: Equatable, Sendable {
    /// Whose series.
    package var tenant: TenantID
    /// The whole query as written.
    package var query: String
    /// Where the expression stands in it: offsets in bytes, half-open.
    package var range: Range<Int>
    /// What is asked of it; the evaluator knows the numbers.
    package var shape: UInt8
    /// First time of evaluation, Unix milliseconds.
    package var start: Int64
    /// Milliseconds between times.
    package var step: Int64
    /// Number of times.
    package var count: Int
    /// What `@ start()` means, Unix milliseconds.
    package var queryStart: Int64
    /// What `@ end()` means, Unix milliseconds.
    package var queryEnd: Int64
    /// How far an instant selector looks back, milliseconds.
    package var lookback: Int64
    /// The step of a subquery that names none, milliseconds.
    package var subqueryStep: Int64
    /// More series than this are an error, `tooLarge`; 0 for no limit of the asker's.
    package var seriesMax: Int
    /// More samples than this are an error; 0 for no limit of the asker's.
    package var samplesMax: Int
    /// Whether the query was read with experimental functions.
    package var experimentalFunctions: Bool
    /// Whether the query was read with arithmetic in durations.
    package var durationExpressions: Bool
    /// The slots whose series are read.
    package var slots: SlotSet
    /// Whether the end of the answer is to tell what was done.
    package var explains: Bool
    /// What of the tenant's samples is to be left out, besides what the node itself knows of.
    package var deletions: [Deletion]

    /// A question about `range` of `query`; everything else is set afterwards.
    package init(tenant: TenantID, query: String, range: Range<Int>, shape: UInt8, slots: SlotSet) {
        self.tenant = tenant
        self.query = query
        self.range = range
        self.shape = shape
        self.slots = slots
        start = 0
        step = 0
        count = 0
        queryStart = 0
        queryEnd = 0
        lookback = 0
        subqueryStep = 0
        seriesMax = 0
        samplesMax = 0
        experimentalFunctions = false
        durationExpressions = false
        explains = false
        deletions = []
    }
}

extension FragmentRequest {
    /// Appends the wire form.
    package func encode(into bytes: inout [UInt8]) {
        bytes.field(1, tenant.name)
        bytes.field(2, query)
        bytes.field(3, UInt64(range.lowerBound))
        bytes.field(4, UInt64(range.upperBound))
        bytes.field(5, UInt64(shape))
        bytes.field(6, start)
        bytes.field(7, step)
        bytes.field(8, UInt64(count))
        bytes.field(9, queryStart)
        bytes.field(10, queryEnd)
        bytes.field(11, lookback)
        bytes.field(12, subqueryStep)
        bytes.field(13, UInt64(seriesMax))
        bytes.field(14, UInt64(samplesMax))
        bytes.field(15, UInt64(experimentalFunctions ? 1 : 0))
        bytes.field(16, UInt64(durationExpressions ? 1 : 0))
        let slots = slots.bytes
        if !slots.isEmpty { ProtobufWriter.bytes(17, slots, into: &bytes) }
        bytes.field(18, UInt64(explains ? 1 : 0))
        for deletion in deletions { ProtobufWriter.bytes(19, deletion.bytes, into: &bytes) }
    }

    /// Reads the wire form.
    package init(decoding bytes: RawSpan) throws(WireError) {
        var reader = ControlReader(bytes, message: "FragmentRequest")
        var tenant: TenantID?
        var (lower, upper) = (0, 0)
        self.init(tenant: .default, query: "", range: 0..<0, shape: 0, slots: SlotSet())
        while let field = try reader.next() {
            switch field {
            case (1, .bytes): tenant = try reader.tenant()
            case (2, .bytes): query = try reader.string()
            case (3, .varint): lower = Int(clamping: try reader.varint())
            case (4, .varint): upper = Int(clamping: try reader.varint())
            case (5, .varint): shape = UInt8(clamping: try reader.varint())
            case (6, .varint): start = try reader.int64()
            case (7, .varint): step = try reader.int64()
            case (8, .varint): count = Int(clamping: try reader.varint())
            case (9, .varint): queryStart = try reader.int64()
            case (10, .varint): queryEnd = try reader.int64()
            case (11, .varint): lookback = try reader.int64()
            case (12, .varint): subqueryStep = try reader.int64()
            case (13, .varint): seriesMax = Int(clamping: try reader.varint())
            case (14, .varint): samplesMax = Int(clamping: try reader.varint())
            case (15, .varint): experimentalFunctions = try reader.varint() != 0
            case (16, .varint): durationExpressions = try reader.varint() != 0
            case (17, .bytes): slots = try reader.slots("slots")
            case (18, .varint): explains = try reader.varint() != 0
            case (19, .bytes): try reader.deletion(into: &deletions)
            default: try reader.skip(field)
            }
        }
        guard query.utf8.count <= WireLimits.queryBytesMax else {
            throw reader.limitExceeded("query", found: query.utf8.count, expected: WireLimits.queryBytesMax)
        }
        guard lower <= upper, upper <= query.utf8.count else { throw reader.malformed("range", found: UInt64(upper)) }
        range = lower..<upper
        self.tenant = try reader.require(tenant)
    }
}

extension ControlReader {
    /// A set of slots.
    @_lifetime(self: copy self)
    mutating func slots(_ field: String) throws(WireError) -> SlotSet {
        let bytes = try span().copied()
        guard let set = SlotSet(bytes: bytes) else { throw malformed(field, found: UInt64(bytes.count)) }
        return set
    }
}
