/// A moment of one node's monotonic clock, in microseconds since a beginning that means nothing to other nodes.
package struct MembershipInstant: Hashable, Comparable, Sendable, BitwiseCopyable {
    /// Microseconds since that beginning.
    package var microseconds: Int64

    package init(microseconds: Int64) {
        self.microseconds = microseconds
    }

    /// A moment that never comes.
    package static let never = MembershipInstant(microseconds: .max / 2)

    package static func < (left: Self, right: Self) -> Bool { left.microseconds < right.microseconds }

    /// The moment `delay` microseconds later.
    package func advanced(by delay: Int64) -> MembershipInstant {
        MembershipInstant(microseconds: microseconds + delay)
    }

    /// Microseconds from `earlier` to this moment; negative when it is the later one.
    package func since(_ earlier: MembershipInstant) -> Int64 { microseconds - earlier.microseconds }

    /// Moves the moment later; `never` stays.
    mutating func postpone(by delay: Int64) {
        if self < .never { microseconds += delay }
    }
}

extension Int64 {
    /// `count` milliseconds in microseconds.
    package static func milliseconds(_ count: Int64) -> Int64 { count * 1_000 }
    /// `count` seconds in microseconds.
    package static func seconds(_ count: Int64) -> Int64 { count * 1_000_000 }
}
