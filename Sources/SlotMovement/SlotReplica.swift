/// One slot at one node: whether the node holds it, who else does, and who may be read alone.
///
/// What arrives are messages, time and views; what leaves are effects. Why it is safe stands in docs/movement.md. The concerns lie in files of
/// their own: who is asked and answers (`SlotReplica+Asking.swift`), becoming a holder (`+Joining`) and ceasing to be one (`+Leaving`). What all
/// slots of a node share is passed in (`Surroundings`); batches and debts are the node's (`SlotKeeper+Storing.swift`), since one batch has many slots.
/// There are 16,384 of these: what is here is small.
struct SlotReplica {
    let slot: Int

    /// How far the node has come to hold the slot.
    var role = SlotRole.none
    var isSound = true
    /// Whether the checkpoint may have samples that were lost here and are not restored yet.
    var awaitsCheckpoint = false
    var hasSamples = false
    /// Whether the view wants the slot here.
    var isWanted = false
    /// Whether something is to be done at each tick.
    var isBusy = true
    var attempt: UInt32 = 0
    var others = OtherNodes()
    /// Until when nodes that were forgotten may count on leases of this one.
    var forgottenGrantUntil: Int64 = .min
    var lastLoggedAt: Int64

    // Moving.
    var joining: Joining?
    /// Whether the node waits with its registration until it has room: others hold the slot meanwhile.
    var isPostponed = false
    /// The first round of the latest registration.
    var registeredRound: UInt32 = 0
    var fetching: Fetch?
    var retiredAt: Int64
    /// What all members were told of this node, and the round in which that was new.
    var toldRow: SlotRow?
    var toldRound: UInt32 = 0
    /// The node that the slot was compared with last.
    var lastRepaired: NodeID?

    init(slot: Int, now: Int64) {
        self.slot = slot
        lastLoggedAt = now
        retiredAt = now
    }

    func stake(_ around: Surroundings) -> Stake {
        Stake(node: around.me, boot: around.boot, attempt: attempt, role: role)
    }

    /// What the next message says of this node.
    func row(_ around: Surroundings) -> SlotRow {
        var flags: SlotFlags = []
        if isSound { flags.insert(.isSound) }
        if awaitsCheckpoint { flags.insert(.awaitsCheckpoint) }
        if hasSamples { flags.insert(.hasSamples) }
        if isWhole(around) { flags.insert(.isWhole) }
        let isHidden = around.bugs.contains(.copyBeforeSubscribe) && role == .candidate
        return SlotRow(slot: slot, role: isHidden ? .none : role, flags: flags, attempt: attempt)
    }

    /// Whether every batch acknowledged so far is here: no other node may have accepted one that is not.
    func isWhole(_ around: Surroundings) -> Bool {
        guard role == .holder, !around.isIsolated, !awaitsCheckpoint else { return false }
        if around.bugs.contains(.readWithoutLease) { return true }
        return others.all.allSatisfy { other in
            switch other.standing {
            case .clear: true
            case .anchor: other.leaseUntil > around.time
            case .unknown, .lost: false
            }
        }
    }

    /// Until when a node may be read alone without what is logged here now.
    func grantEnd(_ node: NodeID) -> Int64 { max(others[node]?.grantedUntil ?? .min, forgottenGrantUntil) }

    /// Samples were logged.
    mutating func noteLogged(_ now: Int64) {
        hasSamples = true
        lastLoggedAt = now
        // Who is not wanted has something to leave behind again.
        if !isWanted { isBusy = true }
    }

    /// Does whatever is due.
    ///
    /// - Parameters:
    ///   - around: at this moment.
    ///   - hasOpenBatches: whether the node owes batches of the slot, or has not answered for one yet.
    ///   - room: how many slots more may be copied and registered in.
    ///   - effects: what to do.
    mutating func tick(
        _ around: Surroundings, hasOpenBatches: Bool, room: inout JoiningRoom, into effects: inout [MovementEffect]
    ) {
        advanceJoining(around, &room, into: &effects)
        settleLost(around, into: &effects)
        advanceFetch(around, into: &effects)
        advanceLeaving(around, hasOpenBatches: hasOpenBatches, into: &effects)
        isBusy =
            joining != nil || fetching != nil
            || !isWanted && (hasSamples || role != .none || !isSound)
            || role >= .announcing && others.all.contains { $0.standing != .clear && $0.standing != .anchor }
    }
}
