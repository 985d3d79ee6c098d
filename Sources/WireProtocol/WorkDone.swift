import ByteCoding
package import MetricModel

/// What a node did for an answer, for EXPLAIN: message `WorkDone` of control.proto.
package struct WorkDone: Hashable, Sendable {
    /// From the request's arrival to the end.
    package var microseconds: Int
    /// Series and samples that were read.
    package var seriesCount: Int
    package var sampleCount: Int
    /// What they lay in.
    package var volume = ReadVolume()
    /// The operators that ran; at most `OperatorFigures.countMax` cross the wire.
    package var operators: [OperatorFigures] = []

    /// Work that took so long and read so much.
    package init(microseconds: Int, seriesCount: Int, sampleCount: Int) {
        self.microseconds = microseconds
        self.seriesCount = seriesCount
        self.sampleCount = sampleCount
    }
}

extension WorkDone {
    /// Appends the wire form.
    func encode(into bytes: inout [UInt8]) {
        bytes.field(1, UInt64(microseconds))
        bytes.field(2, UInt64(seriesCount))
        bytes.field(3, UInt64(sampleCount))
        bytes.field(4, UInt64(volume.chunks))
        bytes.field(5, UInt64(volume.bytes))
        for one in operators.prefix(OperatorFigures.countMax) {
            ProtobufWriter.message(6, into: &bytes) { inner in
                inner.field(1, one.name)
                inner.field(2, one.detail)
                inner.field(3, UInt64(one.depth))
                inner.field(4, UInt64(one.rows.map { $0 + 1 } ?? 0))
                inner.field(5, UInt64(one.microseconds.map { $0 + 1 } ?? 0))
            }
        }
    }

    init(decoding bytes: RawSpan) throws(WireError) {
        var reader = ControlReader(bytes, message: "WorkDone")
        self.init(microseconds: 0, seriesCount: 0, sampleCount: 0)
        while let field = try reader.next() {
            switch field {
            case (1, .varint): microseconds = Int(clamping: try reader.varint())
            case (2, .varint): seriesCount = Int(clamping: try reader.varint())
            case (3, .varint): sampleCount = Int(clamping: try reader.varint())
            case (4, .varint): volume.chunks = Int(clamping: try reader.varint())
            case (5, .varint): volume.bytes = Int(clamping: try reader.varint())
            case (6, .bytes):
                try reader.expect("operators", fewerThan: OperatorFigures.countMax, operators.count)
                operators.append(try OperatorFigures(decoding: try reader.span()))
            default: try reader.skip(field)
            }
        }
    }
}

extension OperatorFigures {
    fileprivate init(decoding bytes: RawSpan) throws(WireError) {
        var reader = ControlReader(bytes, message: "OperatorFigures")
        var name = ""
        var detail = ""
        var depth = 0
        var rows = 0
        var microseconds = 0
        while let field = try reader.next() {
            switch field {
            case (1, .bytes): name = try reader.string()
            case (2, .bytes): detail = try reader.string()
            case (3, .varint): depth = Int(clamping: try reader.varint())
            case (4, .varint): rows = Int(clamping: try reader.varint())
            case (5, .varint): microseconds = Int(clamping: try reader.varint())
            default: try reader.skip(field)
            }
        }
        self.init(name: name, detail: detail, depth: min(depth, Self.countMax))
        self.rows = rows > 0 ? rows - 1 : nil
        self.microseconds = microseconds > 0 ? microseconds - 1 : nil
    }
}
