import ByteCoding
import MetricModel

// The wire forms of exemplars: protobuf messages of the same names in control.proto.

extension ExemplarBatch {
    /// Appends the wire form.
    package func encode(into bytes: inout [UInt8]) {
        bytes.field(1, tenant.name)
        for one in series { ProtobufWriter.message(2, into: &bytes) { one.encode(into: &$0) } }
    }

    /// Reads the wire form.
    package init(decoding bytes: RawSpan) throws(WireError) {
        var reader = ControlReader(bytes, message: "ExemplarBatch")
        var tenant: TenantID?
        var series: [SeriesExemplars] = []
        while let field = try reader.next() {
            switch field {
            case (1, .bytes): tenant = try reader.tenant()
            case (2, .bytes): series.append(try SeriesExemplars(decoding: try reader.span()))
            default: try reader.skip(field)
            }
        }
        self.init(tenant: try reader.require(tenant), series: series)
    }
}

extension ExemplarsRequest {
    /// Appends the wire form.
    package func encode(into bytes: inout [UInt8]) {
        ProtobufWriter.message(1, into: &bytes) { scope.encode(into: &$0) }
    }

    /// Reads the wire form.
    package init(decoding bytes: RawSpan) throws(WireError) {
        var reader = ControlReader(bytes, message: "ExemplarsRequest")
        var scope: MetadataScope?
        while let field = try reader.next() {
            switch field {
            case (1, .bytes): scope = try MetadataScope(decoding: try reader.span())
            default: try reader.skip(field)
            }
        }
        guard let scope else { throw reader.malformed("scope") }
        self.init(scope: scope)
    }
}

extension ExemplarsPage {
    /// Appends the wire form.
    package func encode(into bytes: inout [UInt8]) {
        for one in series { ProtobufWriter.message(1, into: &bytes) { one.encode(into: &$0) } }
    }

    /// Reads the wire form.
    package init(decoding bytes: RawSpan) throws(WireError) {
        var reader = ControlReader(bytes, message: "ExemplarsPage")
        self.init(series: [])
        while let field = try reader.next() {
            switch field {
            case (1, .bytes): series.append(try SeriesExemplars(decoding: try reader.span()))
            default: try reader.skip(field)
            }
        }
    }
}

extension SeriesExemplars {
    fileprivate func encode(into bytes: inout [UInt8]) {
        ProtobufWriter.bytes(1, labels.bytes, into: &bytes)
        for exemplar in exemplars {
            ProtobufWriter.message(2, into: &bytes) { inner in
                ProtobufWriter.bytes(1, exemplar.labels.bytes, into: &inner)
                // Every bit of the value crosses, that of a zero's sign included.
                ProtobufWriter.double(2, exemplar.value, into: &inner)
                inner.field(3, exemplar.timestamp)
            }
        }
    }

    fileprivate init(decoding bytes: RawSpan) throws(WireError) {
        var reader = ControlReader(bytes, message: "SeriesExemplars")
        self.init(labels: .empty, exemplars: [])
        while let field = try reader.next() {
            switch field {
            case (1, .bytes): labels = try reader.labels()
            case (2, .bytes): exemplars.append(try Exemplar(decoding: try reader.span()))
            default: try reader.skip(field)
            }
        }
    }
}

extension Exemplar {
    fileprivate init(decoding bytes: RawSpan) throws(WireError) {
        var reader = ControlReader(bytes, message: "Exemplar")
        self.init(labels: .empty, value: 0, timestamp: 0)
        while let field = try reader.next() {
            switch field {
            case (1, .bytes): labels = try reader.labels()
            case (2, .fixed64): value = try reader.double()
            case (3, .varint): timestamp = try reader.int64()
            default: try reader.skip(field)
            }
        }
    }
}

extension ControlReader {
    /// The canonical bytes of a label set.
    @_lifetime(self: copy self)
    fileprivate mutating func labels() throws(WireError) -> Labels {
        let canonical = try span().copied()
        do throws(ModelError) { return try Labels(validating: canonical) } catch { throw malformed("labels") }
    }
}
