internal import ByteCoding
internal import MetricModel

/// Keeps the labels of `by`/`on`, or drops those of `without`/`ignoring` together with the metric's name; on canonical bytes, so that
/// a group's key is at once the group's label set.
struct LabelFilter: Sendable {
    private let names: [String]
    /// The names' bytes one after the other, and where each stands: a walk over arrays of arrays would count references.
    private let nameBytes: [UInt8]
    private let places: [Range<Int>]
    private let isDropping: Bool
    /// Whether no result has a metric name.
    let dropsName: Bool

    /// Keeps only `names`.
    init(keeping names: [String]) {
        self.init(names, isDropping: false, dropsName: !names.contains(Labels.metricName))
    }

    /// Drops `names`, and the metric's name unless told otherwise.
    init(dropping names: [String], andName dropsName: Bool = true) {
        self.init(
            dropsName ? names + [Labels.metricName] : names, isDropping: true,
            dropsName: dropsName || names.contains(Labels.metricName))
    }

    private init(_ names: [String], isDropping: Bool, dropsName: Bool) {
        var bytes: [UInt8] = []
        var places: [Range<Int>] = []
        for name in names {
            let start = bytes.count
            bytes.append(contentsOf: name.utf8)
            places.append(start..<bytes.count)
        }
        self.names = names
        nameBytes = bytes
        self.places = places
        self.isDropping = isDropping
        self.dropsName = dropsName
    }

    /// Drops the metric's name and nothing else.
    static let withoutName = LabelFilter(dropping: [])

    /// As a query writes it.
    var clause: String {
        let list = names.joined(separator: ", ")
        return isDropping ? "without (\(list))" : names.isEmpty ? "" : "by (\(list))"
    }

    /// The canonical bytes of what remains of a label set.
    func key(_ labels: Labels) -> [UInt8] {
        var key: [UInt8] = []
        if isDropping { key.reserveCapacity(labels.bytes.count) }
        append(labels, to: &key)
        return key
    }

    /// Appends the canonical bytes of what remains of a label set.
    ///
    /// Walks the bytes itself: this runs once for every series of every query, and whole fields are copied as they are.
    func append(_ labels: Labels, to key: inout [UInt8]) {
        if places.isEmpty {
            if isDropping { key.append(contentsOf: labels.bytes) }
            return
        }
        let bytes = labels.bytes.rawSpan
        var at = 0
        var found = 0
        while at < bytes.byteCount {
            let field = at
            let nameLength = LabelFilter.length(bytes, &at)
            let name = bytes.extracting(at..<at + nameLength)
            at += nameLength
            let valueLength = LabelFilter.length(bytes, &at)
            at += valueLength
            let isNamed = isNamed(name)
            if isNamed != isDropping { key.append(span: bytes.extracting(field..<at)) }
            guard isNamed else { continue }
            // A label set has each name once: behind the last there is nothing to look for.
            found += 1
            if found < places.count { continue }
            if isDropping { key.append(span: bytes.extracting(at..<bytes.byteCount)) }
            return
        }
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

    private func isNamed(_ name: RawSpan) -> Bool {
        let all = nameBytes.rawSpan
        for place in places where place.count == name.byteCount {
            if all.extracting(place).isEqual(to: name) { return true }
        }
        return false
    }

    /// A varint length; canonical bytes hold well-formed ones only.
    @inline(__always)
    private static func length(_ bytes: RawSpan, _ at: inout Int) -> Int {
        var value = 0
        var shift = 0
        while true {
            let byte = bytes.byte(at: at)
            at += 1
            value |= Int(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
    }
}
