package import NIOCore

/// A document that is written in pieces as the client reads it: a beginning, elements with a comma between them, an end.
///
/// Memory is bounded by a piece, `chunkBytes` plus one element, however long the document is.
package struct JSONChunks: Sendable {
    /// A piece ends with the element that reaches this size.
    package static let chunkBytes = 64 << 10

    private let count: Int
    private let element: @Sendable (Int, inout JSONText) -> Void
    private let separator: String
    private let end: String
    private var text = JSONText()
    private var next = 0
    private var ended = false

    /// A document of `beginning`, `count` elements with `separator` between them, and `end`.
    package init(
        beginning: String, count: Int, separator: String = ",", end: String,
        element: @escaping @Sendable (Int, inout JSONText) -> Void
    ) {
        self.count = count
        self.element = element
        self.separator = separator
        self.end = end
        text.raw(beginning)
    }

    /// The next piece, or nil after the last.
    package mutating func nextChunk() -> ByteBuffer? {
        if ended { return nil }
        while next < count, text.bytes.count < JSONChunks.chunkBytes {
            if next > 0 { text.raw(separator) }
            element(next, &text)
            next += 1
        }
        if next == count {
            text.raw(end)
            ended = true
        }
        return ByteBuffer(bytes: text.take())
    }
}
