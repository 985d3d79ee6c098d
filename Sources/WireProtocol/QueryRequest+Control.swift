import ByteCoding
import MetricModel

// The wire forms of the query requests: protobuf messages of the same names in control.proto.

extension SelectRequest {
    /// Appends the wire form.
    package func encode(into bytes: inout [UInt8]) {
        bytes.field(1, selection.tenant.name)
        for matcher in selection.matchers { ProtobufWriter.message(2, into: &bytes) { matcher.encode(into: &$0) } }
        bytes.field(3, selection.start)
        bytes.field(4, selection.end)
        bytes.field(5, UInt64(seriesMax))
        bytes.field(6, UInt64(samplesMax))
        part.encode(field: 7, into: &bytes)
        bytes.field(8, UInt64(explains ? 1 : 0))
    }

    /// Reads the wire form; a regular expression that does not compile is `malformed`.
    package init(decoding bytes: RawSpan) throws(WireError) {
        var reader = ControlReader(bytes, message: "SelectRequest")
        var tenant: TenantID?
        self.init(selection: SeriesSelection(tenant: .default, matchers: [], start: 0, end: 0))
        while let field = try reader.next() {
            switch field {
            case (1, .bytes): tenant = try reader.tenant()
            case (2, .bytes):
                try reader.expect("matchers", fewerThan: WireLimits.matchersMax, selection.matchers.count)
                selection.matchers.append(try Matcher(decoding: try reader.span()))
            case (3, .varint): selection.start = try reader.int64()
            case (4, .varint): selection.end = try reader.int64()
            case (5, .varint): seriesMax = Int(clamping: try reader.varint())
            case (6, .varint): samplesMax = Int(clamping: try reader.varint())
            case (7, .bytes): part = try SlotPart(decoding: try reader.span())
            case (8, .varint): explains = try reader.varint() != 0
            default: try reader.skip(field)
            }
        }
        selection.tenant = try reader.require(tenant)
    }
}

extension MetadataScope {
    /// Appends the wire form.
    package func encode(into bytes: inout [UInt8]) {
        bytes.field(1, tenant.name)
        for set in matcherSets {
            ProtobufWriter.message(2, into: &bytes) { inner in
                for matcher in set { ProtobufWriter.message(1, into: &inner) { matcher.encode(into: &$0) } }
            }
        }
        bytes.field(3, start)
        bytes.field(4, end)
        bytes.field(5, UInt64(limit))
        part.encode(field: 6, into: &bytes)
    }

    /// Reads the wire form.
    package init(decoding bytes: RawSpan) throws(WireError) {
        var reader = ControlReader(bytes, message: "MetadataScope")
        var tenant: TenantID?
        self.init(tenant: .default, start: 0, end: 0)
        while let field = try reader.next() {
            switch field {
            case (1, .bytes): tenant = try reader.tenant()
            case (2, .bytes):
                try reader.expect("matcher_sets", fewerThan: WireLimits.matchersMax, matcherSets.count)
                matcherSets.append(try [Matcher](decoding: try reader.span()))
            case (3, .varint): start = try reader.int64()
            case (4, .varint): end = try reader.int64()
            case (5, .varint): limit = Int(clamping: try reader.varint())
            case (6, .bytes): part = try SlotPart(decoding: try reader.span())
            default: try reader.skip(field)
            }
        }
        self.tenant = try reader.require(tenant)
    }
}

extension LabelNamesRequest {
    /// Appends the wire form.
    package func encode(into bytes: inout [UInt8]) {
        ProtobufWriter.message(1, into: &bytes) { scope.encode(into: &$0) }
    }

    /// Reads the wire form.
    package init(decoding bytes: RawSpan) throws(WireError) {
        (scope, _) = try decodeScoped(bytes, message: "LabelNamesRequest")
    }
}

extension LabelValuesRequest {
    /// Appends the wire form.
    package func encode(into bytes: inout [UInt8]) {
        ProtobufWriter.message(1, into: &bytes) { scope.encode(into: &$0) }
        bytes.field(2, name)
    }

    /// Reads the wire form.
    package init(decoding bytes: RawSpan) throws(WireError) {
        (scope, name) = try decodeScoped(bytes, message: "LabelValuesRequest")
    }
}

extension SeriesRequest {
    /// Appends the wire form.
    package func encode(into bytes: inout [UInt8]) {
        ProtobufWriter.message(1, into: &bytes) { scope.encode(into: &$0) }
    }

    /// Reads the wire form.
    package init(decoding bytes: RawSpan) throws(WireError) {
        (scope, _) = try decodeScoped(bytes, message: "SeriesRequest")
    }
}

/// Reads the form that the three requests about labels share: the scope in field 1 and, in one of them, a name in field 2.
private func decodeScoped(_ bytes: RawSpan, message: String) throws(WireError) -> (MetadataScope, name: String) {
    var reader = ControlReader(bytes, message: message)
    var scope: MetadataScope?
    var name = ""
    while let field = try reader.next() {
        switch field {
        case (1, .bytes): scope = try MetadataScope(decoding: try reader.span())
        case (2, .bytes): name = try reader.string()
        default: try reader.skip(field)
        }
    }
    guard let scope else { throw reader.malformed("scope") }
    return (scope, name)
}

extension MetadataRequest {
    /// Appends the wire form.
    package func encode(into bytes: inout [UInt8]) {
        bytes.field(1, tenant.name)
        bytes.field(2, metric)
        bytes.field(3, UInt64(limit))
        part.encode(field: 4, into: &bytes)
    }

    /// Reads the wire form.
    package init(decoding bytes: RawSpan) throws(WireError) {
        let form = try TextRequest(decoding: bytes, message: "MetadataRequest")
        self.init(tenant: form.tenant, metric: form.text, limit: form.limit)
        part = form.part
    }
}

extension ServersRequest {
    /// Appends the wire form.
    package func encode(into bytes: inout [UInt8]) {
        bytes.field(1, tenant.name)
        bytes.field(2, search)
        bytes.field(3, UInt64(limit))
        part.encode(field: 4, into: &bytes)
    }

    /// Reads the wire form.
    package init(decoding bytes: RawSpan) throws(WireError) {
        let form = try TextRequest(decoding: bytes, message: "ServersRequest")
        self.init(tenant: form.tenant, search: form.text, limit: form.limit)
        part = form.part
    }
}

extension StatisticsRequest {
    /// Appends the wire form.
    package func encode(into bytes: inout [UInt8]) {
        bytes.field(1, tenant.name)
        bytes.field(3, UInt64(limit))
        part.encode(field: 4, into: &bytes)
    }

    /// Reads the wire form.
    package init(decoding bytes: RawSpan) throws(WireError) {
        let form = try TextRequest(decoding: bytes, message: "StatisticsRequest")
        self.init(tenant: form.tenant, limit: form.limit)
        part = form.part
    }
}

/// The form that three requests share: tenant, a text to look for, a limit, the slots.
private struct TextRequest {
    let tenant: TenantID
    var text = ""
    var limit = 0
    var part = SlotPart.everything

    init(decoding bytes: RawSpan, message: String) throws(WireError) {
        var reader = ControlReader(bytes, message: message)
        var tenant: TenantID?
        while let field = try reader.next() {
            switch field {
            case (1, .bytes): tenant = try reader.tenant()
            case (2, .bytes): text = try reader.string()
            case (3, .varint): limit = Int(clamping: try reader.varint())
            case (4, .bytes): part = try SlotPart(decoding: try reader.span())
            default: try reader.skip(field)
            }
        }
        self.tenant = try reader.require(tenant)
    }
}

extension Matcher {
    func encode(into bytes: inout [UInt8]) {
        bytes.field(1, name)
        bytes.field(2, UInt64(operation.rawValue))
        bytes.field(3, value)
    }

    init(decoding bytes: RawSpan) throws(WireError) {
        var reader = ControlReader(bytes, message: "Matcher")
        var name = ""
        var number: UInt64 = 0
        var value = ""
        while let field = try reader.next() {
            switch field {
            case (1, .bytes): name = try reader.string()
            case (2, .varint): number = try reader.varint()
            case (3, .bytes): value = try reader.string()
            default: try reader.skip(field)
            }
        }
        guard let operation = Operation(rawValue: UInt8(clamping: number)) else {
            throw reader.malformed("operation", found: number)
        }
        do throws(ModelError) {
            try self.init(name, operation, value)
        } catch {
            throw reader.malformed("value")
        }
    }
}

extension [Matcher] {
    fileprivate init(decoding bytes: RawSpan) throws(WireError) {
        var reader = ControlReader(bytes, message: "MatcherSet")
        self = []
        while let field = try reader.next() {
            switch field {
            case (1, .bytes):
                try reader.expect("matchers", fewerThan: WireLimits.matchersMax, count)
                append(try Matcher(decoding: try reader.span()))
            default: try reader.skip(field)
            }
        }
    }
}

extension ControlReader {
    @_lifetime(self: copy self)
    mutating func tenant() throws(WireError) -> TenantID {
        let name = try string()
        do throws(ModelError) {
            return try TenantID(validating: name)
        } catch {
            throw malformed("tenant")
        }
    }

    /// The tenant, which no request may leave out: a missing one must never read as somebody's.
    borrowing func require(_ tenant: TenantID?) throws(WireError) -> TenantID {
        guard let tenant else { throw malformed("tenant") }
        return tenant
    }

    borrowing func expect(_ field: String, fewerThan limit: Int, _ count: Int) throws(WireError) {
        if count >= limit { throw limitExceeded(field, found: count + 1, expected: limit) }
    }
}
