internal import ByteCoding
internal import MetricModel

/// Keeps the labels of `by`/`on`, or drops those of `without`/`ignoring` together with the metric's name; on canonical bytes, so that
/// a group's key is at once the group's label set.
struct LabelFilter: Sendable {
    private let names: [[UInt8]]
    private let isDropping: Bool
    /// Whether no result has a metric name.
    let dropsName: Bool

    /// Keeps only `names`.
    init(keeping names: [String]) {
        self.names = names.map { Array($0.utf8) }
        isDropping = false
        dropsName = !names.contains(Labels.metricName)
    }

    /// Drops `names`, and the metric's name unless told otherwise.
    init(dropping names: [String], andName dropsName: Bool = true) {
        self.names = (dropsName ? names + [Labels.metricName] : names).map { Array($0.utf8) }
        isDropping = true
        self.dropsName = dropsName || names.contains(Labels.metricName)
    }

    /// Drops the metric's name and nothing else.
    static let withoutName = LabelFilter(dropping: [])

    /// The canonical bytes of what remains of a label set.
    func key(_ labels: Labels) -> [UInt8] {
        var key: [UInt8] = []
        if names.isEmpty && !isDropping { return key }
        key.reserveCapacity(isDropping ? labels.bytes.count : 0)
        labels.forEach { name, value in
            if contains(name) == isDropping { return }
            key.append(varint: name.byteCount)
            key.append(span: name)
            key.append(varint: value.byteCount)
            key.append(span: value)
        }
        return key
    }

    /// What remains of a label set.
    func callAsFunction(_ labels: Labels) -> Labels {
        LabelFilter.labels(key(labels))
    }

    /// The label set that a key stands for.
    static func labels(_ key: [UInt8]) -> Labels {
        do throws(ModelError) {
            return try Labels(validating: key)
        } catch {
            preconditionFailure("whole fields of canonical labels are canonical: \(error)")
        }
    }

    private func contains(_ name: RawSpan) -> Bool {
        for wanted in names where name.isEqual(to: wanted.rawSpan) { return true }
        return false
    }
}
