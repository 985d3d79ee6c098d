/// What a node says of itself in every message about a slot.
package struct SlotInformation: Equatable, Sendable {
    package var stake: Stake
    /// Grows with each message of a start: what is older than what was heard is ignored.
    package var serial: UInt64
    /// False after a start that may have lost what was acknowledged, until the slot is whole elsewhere or here again.
    package var isSound: Bool
    /// Whether it keeps samples of the slot.
    package var hasSamples: Bool
    /// Whether it could be read alone at this moment.
    package var isWhole: Bool

    package init(stake: Stake, serial: UInt64, isSound: Bool, hasSamples: Bool, isWhole: Bool) {
        self.stake = stake
        self.serial = serial
        self.isSound = isSound
        self.hasSamples = hasSamples
        self.isWhole = isWhole
    }
}

/// What nodes say to each other about one slot. Every message may be lost, repeated and late; what matters is asked for again.
///
/// Samples travel beside a message and never in it: `stored` batches, `pay` and `page` have some.
package enum MovementMessage: Equatable, Sendable {
    /// Tells who the asker is (so it registers a candidate or holder), and asks for the same and for a lease.
    case ask(slot: Int, SlotInformation, round: UInt64, owesYou: Bool)
    /// `boot` is the asker's start. `peers` are all stakes that the answerer knows. `lease`: the asker may be read alone, as far as the
    /// answerer is concerned.
    case answer(slot: Int, SlotInformation, boot: UInt32, round: UInt64, owesYou: Bool, peers: [Stake], lease: Bool)
    /// Asks for a page of a slot, as this stake; pages go from new to old, cursor 0 is the first.
    case copy(slot: Int, for: Stake, cursor: Int)
    /// A page with its samples; `next` is nil at the end.
    case page(slot: Int, SlotInformation, for: Stake, cursor: Int, next: Int?)
    /// Batches that the receiver missed, by their numbers at the sender.
    case pay(slot: Int, numbers: [UInt64])
    /// They are logged.
    case paid(slot: Int, numbers: [UInt64])
    /// The sender's digests of the slot's windows that end before a time, by their starts: repair begins.
    case windowDigests(slot: Int, before: Int64, [Int64: WindowDigest])
    /// The sender's digests of a window in which both differ, by series.
    case seriesDigests(slot: Int, window: Int64, [UInt64: WindowDigest])
    /// The sender's samples of series of a window come beside it; the receiver's are wanted back.
    case repair(slot: Int, window: Int64, series: [UInt64], wantsBack: Bool)
    /// A router's batch, which comes beside it; again with more skipped stakes once it is logged.
    case store(StoreRequest)
    case stored(StoreReply)
    /// A coordinator's question for all samples of a slot.
    case read(slot: Int, query: UInt64)
    /// The samples come beside it. `members` are those that the answerer knows of.
    case readReply(slot: Int, query: UInt64, SlotInformation, members: [NodeID], missingMax: Int)
}

/// A router asks a member to log a batch of a slot.
package struct StoreRequest: Equatable, Sendable {
    package var slot: Int
    /// The batch, for ever the same number: a second request of it logs nothing again.
    package var batch: UInt64
    /// Stakes that will not get the batch before it is acknowledged: the receiver owes it to them.
    package var skipping: [Stake]
    /// Whether the receiver shall log it although it does not hold the slot.
    package var isStandIn: Bool

    package init(slot: Int, batch: UInt64, skipping: [Stake], isStandIn: Bool) {
        self.slot = slot
        self.batch = batch
        self.skipping = skipping
        self.isStandIn = isStandIn
    }
}

/// What came of a `StoreRequest`.
package struct StoreReply: Equatable, Sendable {
    /// The kinds of answer.
    package enum Outcome: Equatable, Sendable {
        /// Logged, and owed to `skipping`, none of which may be read alone without it any more.
        case logged(skipping: [NodeID])
        /// Not logged: this member does not hold the slot. These are wanted.
        case notHolder(wanted: [NodeID])
        /// Not logged: a skipped stake does not know this member, or it sees no majority.
        case refused
    }

    /// As in the request.
    package var slot: Int
    package var batch: UInt64
    /// Who answers, and what came of it.
    package var stake: Stake
    package var outcome: Outcome
    /// All stakes that the member knows: the batch is acknowledged once each has it or is owed it.
    package var peers: [Stake]
    /// On how many members the batch must lie, as this member sees it.
    package var copiesWanted: Int

    package init(slot: Int, batch: UInt64, stake: Stake, outcome: Outcome, peers: [Stake], copiesWanted: Int) {
        self.slot = slot
        self.batch = batch
        self.stake = stake
        self.outcome = outcome
        self.peers = peers
        self.copiesWanted = copiesWanted
    }
}
