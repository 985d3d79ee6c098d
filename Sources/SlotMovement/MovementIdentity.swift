/// A member as one process numbers it; the wire carries names. Order is by number and has no meaning but to be the same in every run.
package struct NodeID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package var number: UInt32

    package init(_ number: UInt32) {
        self.number = number
    }

    package static func < (left: NodeID, right: NodeID) -> Bool { left.number < right.number }

    package var description: String { "n\(number)" }
}

/// One start of a node, whatever it holds: whom a batch is owed to.
package struct NodeStart: Hashable, Sendable {
    package var node: NodeID
    /// The node's start, counted over its whole life, also over lost disks.
    package var boot: UInt32

    package init(node: NodeID, boot: UInt32) {
        self.node = node
        self.boot = boot
    }
}

/// Whoever waits for the answer to a store or a read, be it a member or not: the shell chooses a number for each pending answer.
package struct RequesterID: Hashable, Sendable {
    package var number: UInt64

    package init(_ number: UInt64) {
        self.number = number
    }
}

/// What a node is to a slot.
package enum SlotRole: UInt8, Hashable, Sendable {
    /// It does not hold the slot; it may keep samples of it that others miss.
    case none
    /// It is wanted, has registered and copies: who accepts a batch must see to it that the candidate gets it.
    case candidate
    /// It has everything and tells all others that it is about to hold.
    case announcing
    /// It holds the slot: it anchors batches and may be read alone while it has every lease.
    case holder
}

extension SlotRole: Comparable {
    package static func < (left: SlotRole, right: SlotRole) -> Bool { left.rawValue < right.rawValue }
}

/// One node's claim to a slot's batches, from its registration until it starts again or registers anew.
package struct Stake: Hashable, Sendable {
    package var node: NodeID
    /// The node's start, counted over its whole life, also over lost disks.
    package var boot: UInt32
    /// The registration of that start; 0 before the first.
    package var attempt: UInt32
    package var role: SlotRole

    package init(node: NodeID, boot: UInt32, attempt: UInt32, role: SlotRole) {
        self.node = node
        self.boot = boot
        self.attempt = attempt
        self.role = role
    }

    /// Whether `self` was made after `other`, of the same node.
    func isNewer(than other: Stake) -> Bool { (boot, attempt) > (other.boot, other.attempt) }
}
