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

    /// As a query writes it.
    var clause: String {
        let list = names.map { String(decoding: $0, as: UTF8.self) }.joined(separator: ", ")
        return isDropping ? "without (\(list))" : names.isEmpty ? "" : "by (\(list))"
    }

    /// The canonical bytes of what remains of a label set.
    ///
    /// Walks the bytes itself: this runs once for every series of every query, and whole fields are copied as they are.
    func key(_ labels: Labels) -> [UInt8] {
        var key: [UInt8] = []
        if names.isEmpty && !isDropping { return key }
        let bytes = labels.bytes
        if isDropping { key.reserveCapacity(bytes.count) }
        var at = 0
        while at < bytes.count {
            let field = at
            let nameLength = LabelFilter.length(bytes, &at)
            let name = at
            at += nameLength
            let valueLength = LabelFilter.length(bytes, &at)
            at += valueLength
            if contains(bytes, name, nameLength) != isDropping { key.append(contentsOf: bytes[field..<at]) }
        }
        return key
    }

    /// What remains of a label set.
    func callAsFunction(_ labels: Labels) -> Labels {
        LabelFilter.labels(key(labels))
    }

    /// The label set that a key stands for.
    static func labels(_ key: [UInt8]) -> Labels {
        // Whole fields of canonical labels, in their order.
        Labels(canonicalBytes: key)
    }

    private func contains(_ bytes: [UInt8], _ start: Int, _ length: Int) -> Bool {
        for wanted in names where wanted.count == length {
            var index = 0
            while index < length && bytes[start + index] == wanted[index] { index += 1 }
            if index == length { return true }
        }
        return false
    }

    /// A varint length; canonical bytes hold well-formed ones only.
    private static func length(_ bytes: [UInt8], _ at: inout Int) -> Int {
        var value = 0
        var shift = 0
        while true {
            let byte = bytes[at]
            at += 1
            value |= Int(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
    }
}
