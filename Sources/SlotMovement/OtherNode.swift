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
        case lost(since: Int64, round: UInt32?)
    }

    var stake: Stake
    /// As it said last; `owesYou` means this node.
    var flags: SlotFlags = []
    var standing = Standing.clear
    /// The latest of this node's rounds that it answered, and the latest that it answered with a lease.
    var answeredRound: UInt32 = 0
    var leasedRound: UInt32 = 0
    var serial: UInt64 = 0
    /// When it last said who it is itself; long ago before the first time.
    var heardAt: Int64 = .min
    /// Until when its lease lets this replica be read alone.
    var leaseUntil: Int64 = .min
    /// Until when it may count on a lease of this node.
    var grantedUntil: Int64 = .min

    init(stake: Stake) {
        self.stake = stake
    }

    /// A node of which nothing is known.
    init(node: NodeID) {
        stake = Stake(node: node, boot: 0, attempt: 0, role: .none)
    }

    var isSound: Bool { flags.contains(.isSound) }
    var hasSamples: Bool { flags.contains(.hasSamples) }
    var isWhole: Bool { flags.contains(.isWhole) }
    var awaitsCheckpoint: Bool { flags.contains(.awaitsCheckpoint) }
    var owesMe: Bool { flags.contains(.owesYou) }

    /// Whether a holder needs nothing of it, neither a lease nor batches, nor it anything of the holder.
    var isQuiet: Bool { standing == .clear && stake.role == .none && !owesMe }

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
    mutating func hear(_ row: SlotRow, boot: UInt32, serial: UInt64, now: Int64) -> Bool {
        guard (boot, serial) > (stake.boot, self.serial) else { return false }
        stake.boot = boot
        stake.attempt = row.attempt
        stake.role = row.role
        self.serial = serial
        heardAt = now
        flags = row.flags
        switch standing {
        case .clear where row.role >= .announcing: standing = .anchor
        case .anchor where row.role < .announcing:
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

/// What a replica knows of all other nodes, in the order of their numbers: of most slots the owners, of slots that are held all members.
struct OtherNodes {
    private(set) var all: ContiguousArray<OtherNode> = []
    /// The stakes of those that must be covered, in the same order; kept where there are so many others that looking at all costs more.
    private var covered: [Stake] = []
    private static let scannedMax = 4

    /// In the same order in every run.
    var nodes: [NodeID] { all.map(\.stake.node) }

    /// Where a node is, or else where it belongs.
    private func position(_ node: NodeID) -> (index: Int, isThere: Bool) {
        var (low, high) = (0, all.count)
        while low < high {
            let middle = (low &+ high) / 2
            if all[middle].stake.node < node { low = middle &+ 1 } else { high = middle }
        }
        return (low, low < all.count && all[low].stake.node == node)
    }

    subscript(_ node: NodeID) -> OtherNode? {
        get {
            let (index, isThere) = position(node)
            return isThere ? all[index] : nil
        }
        set {
            let (index, isThere) = position(node)
            switch (newValue, isThere) {
            case (let other?, true): all[index] = other
            case (let other?, false): all.insert(other, at: index)
            case (nil, true): all.remove(at: index)
            case (nil, false): break
            }
            cover()
        }
    }

    /// The stake of a node that is known.
    func stake(of node: NodeID) -> Stake? {
        let (index, isThere) = position(node)
        return isThere ? all[index].stake : nil
    }

    /// Whether a stake is known to be that of its node, at a glance; false means nothing.
    func clearlyHas(_ stake: Stake) -> Bool { covered.contains(stake) }

    /// Where the node is; it is added if it is new.
    ///
    /// - Parameters:
    ///   - node: any.
    ///   - hint: where the node was in another slot, most likely the same as here.
    /// - Returns: its place in `all`.
    mutating func index(of node: NodeID, hint: Int = .max) -> Int {
        if hint < all.count, all[hint].stake.node == node { return hint }
        let (index, isThere) = position(node)
        if !isThere {
            all.insert(OtherNode(node: node), at: index)
            cover()
        }
        return index
    }

    /// Changes one in place.
    mutating func change<Result>(at index: Int, _ body: (inout OtherNode) -> Result) -> Result {
        let before = all[index].mustBeCovered ? all[index].coveredStake : nil
        let result = body(&all[index])
        let after = all[index].mustBeCovered ? all[index].coveredStake : nil
        if before != after { cover() }
        return result
    }

    private mutating func cover() {
        covered.removeAll(keepingCapacity: true)
        guard all.count > Self.scannedMax else { return }
        for other in all where other.mustBeCovered { covered.append(other.coveredStake) }
    }

    /// Adds the stakes that a batch has to cover before it is acknowledged.
    ///
    /// - Parameters:
    ///   - node: whose stake is left out.
    ///   - stakes: where they are added.
    func addStakesToCover(but node: NodeID, to stakes: inout [Stake]) {
        if all.count > Self.scannedMax {
            for stake in covered where stake.node != node { stakes.append(stake) }
        } else {
            for other in all where other.mustBeCovered && other.stake.node != node {
                stakes.append(other.coveredStake)
            }
        }
    }
}
