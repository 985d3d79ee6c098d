/// What a replica knows of one other node, concerning one slot.
struct OtherNode: Equatable {
    /// What the other's past still means for being read alone.
    enum Standing: Equatable {
        /// It accepts nothing that this replica does not get, or is not told of.
        case clear
        /// It may have accepted batches that this replica misses: its lease is needed.
        case anchor
        /// It may have been an anchor and never answered since this replica registered: its samples must be copied first.
        case unknown
        /// It was an anchor and lost what it knew, or left for good. Whatever it acknowledged lies on others too: once all of them but as many as
        /// may be missing have said, from `round` on, that they owe this replica nothing, it does not matter any more.
        case lost(since: Int64, round: UInt64?)
    }

    var stake: Stake
    var serial: UInt64 = 0
    var isSound = false
    var hasSamples = false
    var isWhole = false
    var owesMe = false
    var standing = Standing.clear
    /// The latest of this replica's rounds that it answered, and the latest that it answered with a lease.
    var answeredRound: UInt64 = 0
    var leasedRound: UInt64 = 0
    /// Until when its lease lets this replica be read alone.
    var leaseUntil: Int64 = .min

    init(stake: Stake) {
        self.stake = stake
    }

    /// Whether a batch must reach it, or be owed to it, before it is acknowledged.
    var mustBeCovered: Bool {
        switch standing {
        case .unknown: true
        case .lost: false
        case .clear, .anchor: stake.role != .none
        }
    }

    /// The stake that a router has to cover; of an unknown node any of its starts.
    var coveredStake: Stake {
        guard standing == .unknown, stake.role == .none else { return stake }
        return Stake(node: stake.node, boot: stake.boot, attempt: stake.attempt, role: .holder)
    }

    /// Takes over what the node says of itself; older news than was heard before change nothing.
    ///
    /// - Returns: whether it was news.
    mutating func hear(_ information: SlotInformation, owesMe: Bool, now: Int64) -> Bool {
        let news = information.stake
        guard (news.boot, information.serial) > (stake.boot, serial) else { return false }
        stake = news
        serial = information.serial
        isSound = information.isSound
        hasSamples = information.hasSamples
        isWhole = information.isWhole
        self.owesMe = owesMe
        switch standing {
        case .clear where news.role >= .announcing: standing = .anchor
        case .anchor where news.role < .announcing:
            if !isSound {
                standing = .lost(since: now, round: nil)
            } else if !owesMe {
                standing = .clear
            }
        case .clear, .anchor, .unknown, .lost: break
        }
        return true
    }
}

extension SlotRole: Comparable {
    package static func < (left: SlotRole, right: SlotRole) -> Bool { left.rawValue < right.rawValue }
}
