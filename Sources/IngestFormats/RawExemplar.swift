internal import ByteCoding
package import MetricModel

/// An exemplar as it came, found but not yet read: remote write's `Exemplar` message and the labels of its series.
package struct RawExemplar: Sendable, Equatable, BitwiseCopyable {
    /// Where the message begins in `ParsedWrite.bytes`, and its length.
    package var offset: UInt32
    package var length: UInt32
    /// Where the series' label run begins in `ParsedWrite.bytes`, and its length.
    package var runOffset: UInt32 = 0
    package var runLength: UInt32 = 0

    /// A message whose series' labels are not known yet.
    init(offset: Int, length: Int) {
        self.offset = UInt32(offset)
        self.length = UInt32(length)
    }
}

extension ParsedWrite {
    /// The most exemplars of one request that are kept; the rest is left out and counted.
    package static let exemplarsPerRequestMax = 10_000

    /// Notes an exemplar of the series being read, while there is room.
    mutating func noteExemplar(offset: Int, length: Int) {
        if exemplars.count == ParsedWrite.exemplarsPerRequestMax {
            exemplarsDropped += 1
        } else {
            exemplars.append(RawExemplar(offset: offset, length: length))
        }
    }

    /// Gives the exemplars from `first` on the labels of their series; without labels in one piece they are left out.
    mutating func placeExemplars(from first: Int, run: Range<Int>?) {
        guard let run else {
            exemplarsDropped += exemplars.count - first
            exemplars.removeSubrange(first...)
            return
        }
        for index in first..<exemplars.count {
            exemplars[index].runOffset = UInt32(run.lowerBound)
            exemplars[index].runLength = UInt32(run.count)
        }
    }

    /// The labels of an exemplar's series.
    ///
    /// - Throws: `LabelError`, as for a series with samples.
    package func series(of raw: RawExemplar, limits: Limits) throws(LabelError) -> Labels {
        try LabelRun.labels(
            in: bytes.rawSpan.extracting(Int(raw.runOffset)..<Int(raw.runOffset) + Int(raw.runLength)), limits: limits)
    }

    /// An exemplar itself; nil when it is malformed or its labels are too long.
    package func exemplar(_ raw: RawExemplar) -> Exemplar? {
        let message = bytes.rawSpan.extracting(Int(raw.offset)..<Int(raw.offset) + Int(raw.length))
        do { return try ParsedWrite.exemplar(message) } catch { return nil }
    }

    private static func exemplar(_ message: RawSpan) throws -> Exemplar? {
        var reader = ProtobufReader(message)
        var labels: [Label] = []
        var characters = 0
        var exemplar = Exemplar(labels: .empty, value: 0, timestamp: 0)
        while let field = try reader.nextField() {
            switch (field.number, field.type) {
            case (1, .bytes):
                let label = try ParsedWrite.label(try reader.readSpan())
                characters += label.name.unicodeScalars.count + label.value.unicodeScalars.count
                if characters > Exemplar.labelCharactersMax { return nil }
                labels.append(label)
            case (2, .fixed64): exemplar.value = try reader.readDouble()
            case (3, .varint): exemplar.timestamp = try reader.readInt64()
            default: try reader.skip(field.type)
            }
        }
        exemplar.labels = try Labels(labels)
        return exemplar
    }

    private static func label(_ message: RawSpan) throws -> Label {
        var reader = ProtobufReader(message)
        var (name, value) = ("", "")
        while let field = try reader.nextField() {
            switch (field.number, field.type) {
            case (1, .bytes): name = try reader.readString()
            case (2, .bytes): value = try reader.readString()
            default: try reader.skip(field.type)
            }
        }
        return Label(name, value)
    }
}
