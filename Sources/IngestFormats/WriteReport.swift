/// What became of a push, as the sender is told.
package struct WriteReport: Equatable, Sendable {
    /// Samples that are stored and acknowledged.
    package var stored: Int
    /// Samples, histograms and elements that are not, and never will be as they were sent.
    package var rejectedCount: Int
    /// The first of them, by index, in order.
    package var rejections: [ElementRejection]
    /// Exemplars that were left out, which is no error.
    package var exemplarsDropped: Int

    /// A report over everything that one push contained.
    package init(stored: Int, rejectedCount: Int, rejections: [ElementRejection], exemplarsDropped: Int) {
        self.stored = stored
        self.rejectedCount = rejectedCount
        self.rejections = rejections
        self.exemplarsDropped = exemplarsDropped
    }

    /// Whether the push is answered with 204 rather than 400.
    package var isComplete: Bool { rejectedCount == 0 }

    /// One line that says how much was stored and what was wrong first.
    ///
    /// `noun` is what the sender calls an element: `series` or `element`.
    package func summary(noun: String) -> String {
        let first = rejections.first.map { ": \(noun) \($0.element): \($0.reason)" } ?? ""
        return "\(rejectedCount) rejected, \(stored) samples stored\(first)"
    }
}
