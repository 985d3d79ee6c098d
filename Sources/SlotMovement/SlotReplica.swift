/// One slot at one node: whether the node holds it, who else does, what it owes to whom, and who may be read alone.
///
/// What arrives are messages, time and views; what leaves are effects. Why it is safe stands in docs/movement.md. The concerns lie in files of
/// their own: who is asked and answers (`SlotReplica+Asking.swift`), becoming a holder (`+Joining`), ceasing to be one (`+Leaving`), accepting
/// batches (`+Storing`), and reading (`+Reading`). `SlotKeeper` owns all replicas of a node.
struct SlotReplica {
    let slot: Int
    let me: NodeID
    let boot: UInt32
    let limits: MovementLimits
    let bugs: PlantedBugs
    let startedAt: Int64

    /// How far the node has come to hold the slot.
    var role = SlotRole.none
    var attempt: UInt32 = 0
    /// Grows with each message sent.
    var serial: UInt64 = 0
    var isSound = true
    /// Whether the checkpoint may have samples that were lost here and are not restored yet.
    var awaitsCheckpoint = false
    /// Whether this node sees no majority, so that the others may be going on without it.
    var isIsolated = false
    var hasSamples = false
    var others: [NodeID: OtherNode] = [:]

    // Asking.
    var round: UInt64 = 0
    var roundsSentAt: [Int64] = Array(repeating: .min, count: 16)
    var nextAsk: Int64

    // Batches.
    /// Numbers of batches that a member misses, ascending.
    var debts: [NodeID: [UInt64]] = [:]
    /// Until when a member may count on a lease of this node.
    var granted: [NodeID: Int64] = [:]
    /// No grant of an earlier start lasts longer.
    let grantFloor: Int64
    var recent: [UInt64: LoggedBatch] = [:]
    var waiting: [WaitingReply] = []
    var lastLoggedAt: Int64

    // Repair.
    var nextRepair: Int64
    var lastRepaired: NodeID?

    // Moving.
    var joining: Joining?
    /// The first round of the latest registration.
    var registeredRound: UInt64 = 0
    var fetching: Fetch?
    var retiredAt: Int64

    /// A batch that routers may still ask about.
    struct LoggedBatch {
        var number: UInt64
        var at: Int64
    }

    /// An answer to a router that waits until no skipped member may be read alone without the batch.
    struct WaitingReply {
        var batch: UInt64
        var number: UInt64
        var router: NodeID
        var skipping: [NodeID]
        /// Those of `skipping` that have not said since that they logged it.
        var missing: [NodeID]
        var since: Int64
    }

    init(slot: Int, me: NodeID, boot: UInt32, limits: MovementLimits, bugs: PlantedBugs, now: Int64) {
        self.slot = slot
        self.me = me
        self.boot = boot
        self.limits = limits
        self.bugs = bugs
        startedAt = now
        nextAsk = now
        nextRepair = now + limits.repairInterval
        grantFloor = now + limits.grantedFor
        lastLoggedAt = now
        retiredAt = now
    }

    var stake: Stake { Stake(node: me, boot: boot, attempt: attempt, role: role) }

    /// Others in the same order in every run.
    var otherNodes: [NodeID] { others.keys.sorted() }

    /// What the next message says of this node.
    mutating func information(_ now: Int64) -> SlotInformation {
        serial += 1
        var stake = stake
        if bugs.contains(.copyBeforeSubscribe), role == .candidate { stake.role = .none }
        return SlotInformation(
            stake: stake, serial: serial, isSound: isSound, hasSamples: hasSamples, isWhole: isWhole(now))
    }

    /// Whether every batch acknowledged so far is here: no other node may have accepted one that is not.
    func isWhole(_ now: Int64) -> Bool {
        guard role == .holder, !isIsolated, !awaitsCheckpoint else { return false }
        if bugs.contains(.readWithoutLease) { return true }
        return others.values.allSatisfy { other in
            switch other.standing {
            case .clear: true
            case .anchor: other.leaseUntil > now
            case .unknown, .lost: false
            }
        }
    }

    /// Stakes that a batch has to cover before it is acknowledged.
    var stakesToCover: [Stake] {
        otherNodes.compactMap { node in
            guard let other = others[node], other.mustBeCovered else { return nil }
            return other.coveredStake
        }
    }

    /// Does whatever is due.
    mutating func tick(_ view: MovementView, now: Int64, into effects: inout [MovementEffect]) {
        forgetNonMembers(view, now: now)
        if now >= nextAsk {
            nextAsk = now + limits.askInterval
            startOrStop(view, now: now)
            sendAsks(view, now: now, into: &effects)
            payDebts(view, into: &effects)
            if awaitsCheckpoint, role == .holder { effects.append(.restore(slot: slot)) }
            recent = recent.filter { $0.value.at + limits.grace > now }
        }
        advanceJoining(view, now: now, into: &effects)
        settleLost(view, now: now, into: &effects)
        advanceFetch(view, now: now, into: &effects)
        advanceLeaving(view, now: now, into: &effects)
        advanceRepair(now: now, into: &effects)
        answerWaiting(view, now: now, into: &effects)
    }
}
