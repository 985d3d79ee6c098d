/// What a row about a slot says of its sender; bits that mean nothing in a row of its kind are clear.
package struct SlotFlags: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// Not set after a start that may have lost what was acknowledged, until the slot is whole elsewhere or here again.
    package static let isSound = SlotFlags(rawValue: 1)
    /// It keeps samples of the slot.
    package static let hasSamples = SlotFlags(rawValue: 2)
    /// It could be read alone at this moment.
    package static let isWhole = SlotFlags(rawValue: 4)
    /// It owes the receiver batches of the slot.
    package static let owesYou = SlotFlags(rawValue: 8)
    /// In an answer: the asker may be read alone, as far as the answerer is concerned.
    package static let grantsLease = SlotFlags(rawValue: 16)
    /// In an answer: the asker missed more than the answerer remembers. It gets no lease any more unless it registers anew and copies.
    package static let registerAnew = SlotFlags(rawValue: 32)
    /// The checkpoint may have samples that it lacks: whoever unites what members have must ask the checkpoint too.
    package static let awaitsCheckpoint = SlotFlags(rawValue: 64)
}

/// What a node says of itself in one slot.
package struct SlotRow: Hashable, Sendable {
    package var slot: UInt16
    package var role: SlotRole
    package var flags: SlotFlags
    /// The registration of the node's start; 0 before the first.
    package var attempt: UInt32

    package init(slot: Int, role: SlotRole, flags: SlotFlags, attempt: UInt32) {
        self.slot = UInt16(truncatingIfNeeded: slot)
        self.role = role
        self.flags = flags
        self.attempt = attempt
    }
}

/// Tells who the sender is in its slots (so it registers a candidate or holder), and asks for the same and for leases.
///
/// The rows may be cut into several messages with the same head, and any of them may be lost.
package struct SlotAsks: Equatable, Sendable {
    /// The sender's start.
    package var boot: UInt32
    /// Grows with each message of a start, except that parts of one message share it: of one slot, what is older than what was heard is ignored.
    package var serial: UInt64
    /// Comes back with the answer.
    package var round: UInt32
    /// One a slot; ascending.
    package var rows: [SlotRow]

    package init(boot: UInt32, serial: UInt64, round: UInt32, rows: [SlotRow]) {
        self.boot = boot
        self.serial = serial
        self.round = round
        self.rows = rows
    }
}

/// The answer to `SlotAsks`, or to a part of them.
package struct SlotAnswers: Equatable, Sendable {
    /// The answerer's start and serial, as in `SlotAsks`.
    package var boot: UInt32
    package var serial: UInt64
    /// The asker's start and round, which are answered.
    package var askerBoot: UInt32
    package var round: UInt32
    /// One a slot, of the answerer; ascending.
    package var rows: [SlotRow]
    /// How many of `peers` belong to each row; one behind the other.
    package var peerCounts: [UInt16]
    /// All stakes that the answerer knows, but for the asker's, row after row.
    package var peers: [Stake]

    package init(
        boot: UInt32, serial: UInt64, askerBoot: UInt32, round: UInt32, rows: [SlotRow], peerCounts: [UInt16],
        peers: [Stake]
    ) {
        self.boot = boot
        self.serial = serial
        self.askerBoot = askerBoot
        self.round = round
        self.rows = rows
        self.peerCounts = peerCounts
        self.peers = peers
    }
}

/// Some slots of a batch, by the number that the batch has at the node that logged it.
package struct BatchPart: Hashable, Sendable {
    package var number: UInt64
    /// Ascending, distinct.
    package var slots: [Int]

    package init(number: UInt64, slots: [Int]) {
        self.number = number
        self.slots = slots
    }
}

/// What members say to each other about slots. Every message may be lost, repeated and late; what matters is asked for again.
///
/// Samples travel beside a message and never in it: `pay`, `page` and `repair` have some. What routers and coordinators say: `StoreMessage.swift`.
package enum MovementMessage: Equatable, Sendable {
    case asks(SlotAsks)
    case answers(SlotAnswers)
    /// Asks for a page of a slot, as this stake; pages go from new to old, cursor 0 is the first.
    case copy(slot: Int, for: Stake, cursor: Int)
    /// A page with its samples, and whether its sender could be read alone at that moment; `next` is nil at the end.
    case page(slot: Int, from: Stake, isWhole: Bool, for: Stake, cursor: Int, next: Int?)
    /// Batches that the receiver missed, by their numbers at the sender. May be cut into several.
    case pay([BatchPart])
    /// They are logged.
    case paid([BatchPart])
    /// The sender's digests of the slot's windows that end before a time, by their starts: repair begins.
    case windowDigests(slot: Int, before: Int64, [Int64: WindowDigest])
    /// The sender's digests of a window in which both differ, by series.
    case seriesDigests(slot: Int, window: Int64, [UInt64: WindowDigest])
    /// The sender's samples of series of a window come beside it; the receiver's are wanted back.
    case repair(slot: Int, window: Int64, series: [UInt64], wantsBack: Bool)

    /// Whether samples travel beside it, if only none.
    package var hasSamples: Bool {
        switch self {
        case .page, .pay, .repair: true
        case .asks, .answers, .copy, .paid, .windowDigests, .seriesDigests: false
        }
    }
}
