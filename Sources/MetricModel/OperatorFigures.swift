/// One operator of a query's plan and, where it has run, what it did. A plan is a list in the order of its tree from the top, each operator with its
/// depth.
package struct OperatorFigures: Hashable, Sendable {
    /// Operators of one plan that are told; further ones count as part of those around them.
    package static let countMax = 200
    /// Bytes of a detail that are told.
    package static let detailBytesMax = 200

    /// `sum`, `rate`, `+`, `selector`, ….
    package var name: String
    /// Matchers, labels, windows; cut at `detailBytesMax`.
    package var detail: String
    /// 0 for the outermost.
    package var depth: Int
    /// Rows that it gave; nil where it has not run.
    package var rows: Int?
    /// Its own time without that of its inputs; nil where it has not run.
    package var microseconds: Int?

    /// An operator that has not run.
    package init(name: String, detail: String, depth: Int) {
        self.name = name
        let isLong = detail.utf8.count > Self.detailBytesMax
        self.detail =
            isLong ? String(decoding: detail.utf8.prefix(Self.detailBytesMax), as: UTF8.self) + "…" : detail
        self.depth = depth
    }
}

/// What was read from the store.
package struct ReadVolume: Hashable, Sendable {
    /// Encoded runs of samples, and those that are still open.
    package var chunks = 0
    /// Their bytes.
    package var bytes = 0

    /// Nothing.
    package init() {}

    /// Adds one run.
    package mutating func add(bytes: Int) {
        chunks += 1
        self.bytes += bytes
    }
}
