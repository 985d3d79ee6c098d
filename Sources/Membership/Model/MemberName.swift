/// A member's stable name: the ring's key, kept over restarts and new disks.
///
/// 1 ... 128 visible ASCII bytes, so that equal names are equal bytes on every machine.
package struct MemberName: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// `member_name_bytes_max`
    package static let bytesMax = 128

    /// The name as text.
    package let text: String

    /// - Parameter text: the name.
    /// - Throws: `MembershipError.malformed` for an empty one, a space, or what is not visible ASCII; `limitExceeded` when it is too long.
    package init(_ text: String) throws(MembershipError) {
        guard !text.isEmpty, PlainText.holds(text) else { throw MembershipError(.malformed, in: "member name") }
        guard text.utf8.count <= Self.bytesMax else { throw MembershipError(.limitExceeded, in: "member name") }
        self.text = text
    }

    package static func < (left: MemberName, right: MemberName) -> Bool {
        left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
    }

    package var description: String { text }
}

/// What names and zones may be made of.
enum PlainText {
    /// Whether all bytes are visible ASCII.
    static func holds(_ text: String) -> Bool { text.utf8.allSatisfy { (0x21...0x7E).contains($0) } }
}
