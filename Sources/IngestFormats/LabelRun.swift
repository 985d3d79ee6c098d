package import ByteCoding
package import MetricModel

/// The one form in which every format hands over a series' labels: a run of protobuf fields `1: Label {1: name, 2: value}`.
///
/// It is what a remote-write `TimeSeries` holds in place, so the format that matters most copies nothing; the others write it
/// with `append`. Order is the sender's. A run is read only when its hash is new to the router.
package enum LabelRun {
    /// The tag byte of the field that holds one label.
    static let labelTag: UInt8 = 0x0A
    private static let nameTag: UInt8 = 0x0A
    private static let valueTag: UInt8 = 0x12

    /// Appends one label to the run that ends `bytes`.
    package static func append(name: some Collection<UInt8>, value: some Collection<UInt8>, to bytes: inout [UInt8]) {
        let inner = 2 + varintLength(name.count) + name.count + varintLength(value.count) + value.count
        bytes.append(labelTag)
        bytes.append(varint: inner)
        bytes.append(nameTag)
        bytes.append(varint: name.count)
        bytes.append(contentsOf: name)
        bytes.append(valueTag)
        bytes.append(varint: value.count)
        bytes.append(contentsOf: value)
    }

    /// Reads a run and brings it into canonical form.
    ///
    /// Senders must sort labels and leave empty ones out; here labels are sorted and empty values dropped for those that do not.
    /// - Parameters:
    ///   - run: the bytes that a `RawSeries` points at.
    ///   - limits: how many labels, and how long.
    /// - Returns: labels that have a metric name.
    /// - Throws: `LabelError`, whose text names the label.
    package static func labels(in run: RawSpan, limits: Limits) throws(LabelError) -> Labels {
        var labels: [Label] = []
        labels.reserveCapacity(16)
        var reader = ProtobufReader(run)
        while true {
            let label: Label
            do throws(ByteError) {
                guard let field = try reader.nextField() else { break }
                guard field.number == 1, field.type == .bytes else {
                    try reader.skip(field.type)
                    continue
                }
                label = try self.label(in: try reader.readSpan())
            } catch {
                throw .malformed(label: labels.count, error)
            }
            try check(label, limits: limits)
            labels.append(label)
            guard labels.count <= limits.labelsPerSeriesMax else {
                throw .limit(name: "labels_per_series_max", maximum: limits.labelsPerSeriesMax, found: labels.count)
            }
        }
        guard labels.contains(where: { $0.name == Labels.metricName && !$0.value.isEmpty }) else { throw .noMetricName }
        do throws(ModelError) {
            return try Labels(labels)
        } catch {
            throw .model(error)
        }
    }

    private static func label(in bytes: RawSpan) throws(ByteError) -> Label {
        var label = Label("", "")
        var reader = ProtobufReader(bytes)
        while let field = try reader.nextField() {
            switch (field.number, field.type) {
            case (1, .bytes): label.name = try reader.readString()
            case (2, .bytes): label.value = try reader.readString()
            default: try reader.skip(field.type)
            }
        }
        return label
    }

    private static func check(_ label: Label, limits: Limits) throws(LabelError) {
        if label.name.isEmpty { throw .emptyName(value: label.value) }
        if label.name.utf8.count > limits.labelNameBytesMax {
            throw .limit(
                name: "label_name_bytes_max", maximum: limits.labelNameBytesMax, found: label.name.utf8.count)
        }
        if label.value.utf8.count > limits.labelValueBytesMax {
            throw .limit(
                name: "label_value_bytes_max", maximum: limits.labelValueBytesMax, found: label.value.utf8.count)
        }
    }

    private static func varintLength(_ value: Int) -> Int {
        var rest = value >> 7
        var length = 1
        while rest > 0 {
            rest >>= 7
            length += 1
        }
        return length
    }
}

/// Why a series' labels are not a label set.
package enum LabelError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The label at this place, from 0, cannot be read.
    case malformed(label: Int, ByteError)
    /// A label with a value has no name.
    case emptyName(value: String)
    /// There is no `__name__`, or it is empty.
    case noMetricName
    /// A limit, by the name of its setting.
    case limit(name: String, maximum: Int, found: Int)
    /// The labels together are not a set.
    case model(ModelError)

    /// The error in words, as the reply carries it.
    package var description: String {
        switch self {
        case .malformed(let label, let error): "label \(label): \(error)"
        case .emptyName(let value): "a label has no name (its value is \"\(value.prefix(64))\")"
        case .noMetricName: "the metric's name (label __name__) is missing or empty"
        case .limit(let name, let maximum, let found): "\(name) is \(maximum), found \(found)"
        case .model(let error): error.description
        }
    }
}
