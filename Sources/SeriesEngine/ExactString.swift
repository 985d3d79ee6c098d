internal import ByteCoding
internal import MetricModel

/// A string that is equal only to the same UTF-8 bytes.
///
/// Swift's own equality also holds between canonically equivalent strings, which are different labels here.
package struct ExactString: Hashable, Sendable {
    /// The string itself.
    package let string: String

    package init(_ string: String) {
        self.string = string
    }

    package static func == (left: ExactString, right: ExactString) -> Bool {
        left.string.hasSameBytes(as: right.string)
    }

    package func hash(into hasher: inout Hasher) {
        string.withRawSpan { hasher.combine(span: $0) }
        hasher.combine(0xFF as UInt8)
    }
}
