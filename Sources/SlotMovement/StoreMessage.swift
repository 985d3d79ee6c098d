/// A router asks a member to log a batch of many slots.
package struct StoreRequest: Equatable, Sendable {
    /// The slots of the batch that this member shall log: ascending, distinct.
    package var slots: [Int]
    /// The batch, for ever the same number: a second request of it logs nothing again.
    package var batch: UInt64
    /// Who will not get these slots of the batch before it is acknowledged: the receiver owes it to them. Registrations do not matter here: a debt is
    /// a node's, and what a later start of it needs to know it learns when it registers.
    package var skipping: [NodeStart]
    /// Whether the receiver shall log slots that it does not hold.
    package var isStandIn: Bool
    /// Whether the receiver said that it logged these slots of the batch: no samples come beside it, and it refuses what it does not remember.
    package var isRepeated: Bool

    package init(slots: [Int], batch: UInt64, skipping: [NodeStart], isStandIn: Bool, isRepeated: Bool = false) {
        self.slots = slots
        self.batch = batch
        self.skipping = skipping
        self.isStandIn = isStandIn
        self.isRepeated = isRepeated
    }
}

/// What came of a `StoreRequest`, or of a part of it.
package struct StoreReply: Equatable, Sendable {
    /// The kinds of answer.
    package enum Outcome: Hashable, Sendable {
        /// Logged, and owed to `skipping`, none of which may be read alone without it any more.
        case logged(skipping: [NodeID])
        /// Not logged: this member does not hold the slot. These are wanted.
        case notHolder(wanted: [NodeID])
        /// Not logged: a skipped start does not know this member, it sees no majority, it leaves for good, or it remembers nothing of a
        /// repeated request.
        case refused
    }

    /// Slots that have the same answer.
    package struct Group: Equatable, Sendable {
        /// Ascending, distinct, in no other group.
        package var slots: [Int]
        /// The answerer's registration and role in these slots.
        package var attempt: UInt32
        package var role: SlotRole
        package var outcome: Outcome
        /// All stakes that the member knows: the batch is acknowledged once each has it or is owed it.
        package var peers: [Stake]
        /// On how many members the batch must lie, as this member sees it.
        package var copiesWanted: Int

        package init(
            slots: [Int], attempt: UInt32, role: SlotRole, outcome: Outcome, peers: [Stake], copiesWanted: Int
        ) {
            self.slots = slots
            self.attempt = attempt
            self.role = role
            self.outcome = outcome
            self.peers = peers
            self.copiesWanted = copiesWanted
        }
    }

    /// As in the request.
    package var batch: UInt64
    /// Who answers.
    package var node: NodeID
    package var boot: UInt32
    /// By the first slot.
    package var groups: [Group]

    package init(batch: UInt64, node: NodeID, boot: UInt32, groups: [Group]) {
        self.batch = batch
        self.node = node
        self.boot = boot
        self.groups = groups
    }
}

/// What a coordinator is told beside a member's samples of slots.
package struct ReadReply: Equatable, Sendable {
    /// Slots of which the same is to be said.
    package struct Group: Equatable, Sendable {
        /// Ascending, distinct, in no other group.
        package var slots: [Int]
        /// The answerer's role in these slots.
        package var role: SlotRole
        /// Whether whatever the answerer logged of them is still there.
        package var isSound: Bool
        /// Whether the answerer's samples are all that there are.
        package var isWhole: Bool
        /// Who may have samples of the slots, as far as the answerer knows.
        package var members: [NodeID]
        /// How many of `members` may be missing in a union that is complete; negative when none is.
        package var missingMax: Int

        package init(
            slots: [Int], role: SlotRole, isSound: Bool, isWhole: Bool, members: [NodeID], missingMax: Int
        ) {
            self.slots = slots
            self.role = role
            self.isSound = isSound
            self.isWhole = isWhole
            self.members = members
            self.missingMax = missingMax
        }
    }

    /// Who answers.
    package var node: NodeID
    package var boot: UInt32
    /// By the first slot.
    package var groups: [Group]

    package init(node: NodeID, boot: UInt32, groups: [Group]) {
        self.node = node
        self.boot = boot
        self.groups = groups
    }
}
