import ByteCoding
import MetricModel

// The wire forms of pages other than `SeriesPage`: protobuf messages of the same names in control.proto.

extension StringPage {
    /// Appends the wire form.
    package func encode(into bytes: inout [UInt8]) {
        for value in values { ProtobufWriter.string(1, value, into: &bytes) }
    }

    /// Reads the wire form.
    package init(decoding bytes: RawSpan) throws(WireError) {
        var reader = ControlReader(bytes, message: "StringPage")
        self.init(values: [])
        while let field = try reader.next() {
            switch field {
            case (1, .bytes): values.append(try reader.string())
            default: try reader.skip(field)
            }
        }
    }
}

extension LabelsPage {
    /// Appends the wire form.
    package func encode(into bytes: inout [UInt8]) {
        for one in labels { ProtobufWriter.bytes(1, one.bytes, into: &bytes) }
    }

    /// Reads the wire form.
    package init(decoding bytes: RawSpan) throws(WireError) {
        var reader = ControlReader(bytes, message: "LabelsPage")
        self.init(labels: [])
        while let field = try reader.next() {
            switch field {
            case (1, .bytes):
                let canonical = try reader.span().copied()
                do throws(ModelError) {
                    labels.append(try Labels(validating: canonical))
                } catch {
                    throw reader.malformed("labels")
                }
            default: try reader.skip(field)
            }
        }
    }
}

extension MetadataPage {
    /// Appends the wire form.
    package func encode(into bytes: inout [UInt8]) {
        for entry in metadata {
            ProtobufWriter.message(1, into: &bytes) { inner in
                inner.field(1, entry.metric)
                inner.field(2, entry.type)
                inner.field(3, entry.unit)
                inner.field(4, entry.help)
            }
        }
    }

    /// Reads the wire form.
    package init(decoding bytes: RawSpan) throws(WireError) {
        var reader = ControlReader(bytes, message: "MetadataPage")
        self.init(metadata: [])
        while let field = try reader.next() {
            switch field {
            case (1, .bytes): metadata.append(try MetricMetadata(decoding: try reader.span()))
            default: try reader.skip(field)
            }
        }
    }
}

extension MetricMetadata {
    fileprivate init(decoding bytes: RawSpan) throws(WireError) {
        var reader = ControlReader(bytes, message: "MetricMetadata")
        self.init(metric: "", type: "", unit: "", help: "")
        while let field = try reader.next() {
            switch field {
            case (1, .bytes): metric = try reader.string()
            case (2, .bytes): type = try reader.string()
            case (3, .bytes): unit = try reader.string()
            case (4, .bytes): help = try reader.string()
            default: try reader.skip(field)
            }
        }
    }
}

extension ServersPage {
    /// Appends the wire form.
    package func encode(into bytes: inout [UInt8]) {
        for server in servers {
            ProtobufWriter.message(1, into: &bytes) { inner in
                inner.field(1, server.id)
                inner.field(2, server.label)
                inner.field(3, server.lastPush)
                inner.field(4, UInt64(server.seriesCount))
            }
        }
        bytes.field(2, UInt64(total))
    }

    /// Reads the wire form.
    package init(decoding bytes: RawSpan) throws(WireError) {
        var reader = ControlReader(bytes, message: "ServersPage")
        self.init(servers: [], total: 0)
        while let field = try reader.next() {
            switch field {
            case (1, .bytes): servers.append(try ServerSummary(decoding: try reader.span()))
            case (2, .varint): total = Int(clamping: try reader.varint())
            default: try reader.skip(field)
            }
        }
    }
}

extension ServerSummary {
    fileprivate init(decoding bytes: RawSpan) throws(WireError) {
        var reader = ControlReader(bytes, message: "ServerSummary")
        self.init(id: "", label: "", lastPush: 0, seriesCount: 0)
        while let field = try reader.next() {
            switch field {
            case (1, .bytes): id = try reader.string()
            case (2, .bytes): label = try reader.string()
            case (3, .varint): lastPush = try reader.int64()
            case (4, .varint): seriesCount = Int(clamping: try reader.varint())
            default: try reader.skip(field)
            }
        }
    }
}

extension SelectEnd {
    /// Appends the wire form; warnings beyond the limit are summed up in the last one.
    package func encode(into bytes: inout [UInt8]) {
        bytes.field(1, UInt64(seriesCount))
        bytes.field(2, UInt64(sampleCount))
        for warning in warnings.prefix(WireLimits.warningsMax - 1) {
            ProtobufWriter.string(3, warning.cut(toBytes: Self.warningBytesMax), into: &bytes)
        }
        let rest = warnings.count - (WireLimits.warningsMax - 1)
        if rest > 0 { ProtobufWriter.string(3, "and \(rest) more warnings", into: &bytes) }
        let slots = slots.bytes
        if !slots.isEmpty { ProtobufWriter.bytes(4, slots, into: &bytes) }
        bytes.field(5, UInt64(placements.rawValue))
        for (number, texts) in [(6, notes.warnings), (7, notes.infos)] {
            for text in texts.prefix(WireLimits.notesMax) {
                ProtobufWriter.string(number, text.cut(toBytes: Self.noteBytesMax), into: &bytes)
            }
        }
        var names = NodeNames()
        for standing in standings { for member in standing.members { names.add(member) } }
        for name in names.list { ProtobufWriter.string(8, name, into: &bytes) }
        for standing in standings { ProtobufWriter.message(9, into: &bytes) { standing.encode(names, into: &$0) } }
        if let work { ProtobufWriter.message(10, into: &bytes) { work.encode(into: &$0) } }
    }

    /// A warning's share of the frame, and a note's: 64 and 2 × 16 of them and a set of all slots stay under
    /// `WireLimits.controlPayloadBytesMax`.
    private static let warningBytesMax = 640
    private static let noteBytesMax = 448

    /// Reads the wire form.
    package init(decoding bytes: RawSpan) throws(WireError) {
        var reader = ControlReader(bytes, message: "SelectEnd")
        self.init(seriesCount: 0)
        var names: [String] = []
        while let field = try reader.next() {
            switch field {
            case (1, .varint): seriesCount = Int(clamping: try reader.varint())
            case (2, .varint): sampleCount = Int(clamping: try reader.varint())
            case (3, .bytes):
                try reader.expect("warnings", fewerThan: WireLimits.warningsMax, warnings.count)
                warnings.append(try reader.string())
            case (4, .bytes): slots = try reader.slots("slots")
            case (5, .varint): placements = PlacementKinds(rawValue: UInt32(truncatingIfNeeded: try reader.varint()))
            case (6, .bytes):
                try reader.expect("notes", fewerThan: WireLimits.notesMax, notes.warnings.count)
                notes.warnings.append(try reader.string())
            case (7, .bytes):
                try reader.expect("infos", fewerThan: WireLimits.notesMax, notes.infos.count)
                notes.infos.append(try reader.string())
            case (8, .bytes):
                try reader.expect("members", fewerThan: WireLimits.nodeNamesMax, names.count)
                names.append(try reader.nodeName("members"))
            case (9, .bytes):
                try reader.expect("standings", fewerThan: WireLimits.standingsMax, standings.count)
                standings.append(try SlotStanding(decoding: try reader.span(), names: names))
            case (10, .bytes): work = try WorkDone(decoding: try reader.span())
            default: try reader.skip(field)
            }
        }
    }
}
