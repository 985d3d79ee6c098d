/// Slots of a batch that are all in the same condition, at a router.
struct SlotGroup: Sendable {
    private enum Target {
        case asked(at: Int64, skipping: [NodeStart], isRepeated: Bool)
        case logged(Logged)
        /// The start and registration that said that it does not hold the slots.
        case refused(boot: UInt32, attempt: UInt32)
        /// It did not answer in time, or may not take the batch.
        case givenUp
    }

    private struct Logged {
        var node: NodeID
        var boot: UInt32
        var role: SlotRole
        var skipping: [NodeID]
        var peers: [Stake]
        var copiesWanted: Int
    }

    /// Positions of the slots among those of the batch.
    var positions: [Int] = []
    private(set) var isAcknowledged = false
    private let copiesWanted: Int
    private var wanted: [NodeID]
    /// Ascending by node.
    private var targets: [(node: NodeID, target: Target)] = []
    /// Ascending by node.
    private var skipped: [NodeStart] = []

    init(wanted: [NodeID], copiesWanted: Int) {
        self.wanted = wanted
        self.copiesWanted = copiesWanted
    }

    // MARK: - What is known of each member

    private func target(_ node: NodeID) -> Target? { targets.first { $0.node == node }?.target }

    private mutating func set(_ target: Target, of node: NodeID) {
        if let index = targets.firstIndex(where: { $0.node >= node }) {
            if targets[index].node == node {
                targets[index].target = target
            } else {
                targets.insert((node, target), at: index)
            }
        } else {
            targets.append((node, target))
        }
    }

    /// How many members were asked.
    var triedCount: Int { targets.count }

    /// Whether a member was not asked yet.
    func isUntried(_ node: NodeID) -> Bool { target(node) == nil }

    private func skippedBoot(_ node: NodeID) -> UInt32? { skipped.first { $0.node == node }?.boot }

    /// How many members logged the batch, how many must, and whether one of those that did holds the slots.
    private var logged: (count: Int, needed: Int, hasHolder: Bool) {
        var (count, needed, hasHolder) = (0, copiesWanted, false)
        for case (_, .logged(let logged)) in targets {
            count += 1
            needed = max(needed, logged.copiesWanted)
            hasHolder = hasHolder || logged.role == .holder
        }
        return (count, needed, hasHolder)
    }

    // MARK: - What arrives

    /// Takes an answer that is about all of these slots.
    mutating func receive(_ answer: StoreReply.Group, from start: NodeStart) {
        switch answer.outcome {
        case .logged(let skipping):
            // An answer to an earlier request, when more was asked for since, is not the one awaited.
            if case .asked(_, let expected, _) = target(start.node),
                !expected.allSatisfy({ skipping.contains($0.node) })
            {
                return
            }
            let logged = Logged(
                node: start.node, boot: start.boot, role: answer.role, skipping: skipping, peers: answer.peers,
                copiesWanted: answer.copiesWanted)
            set(.logged(logged), of: start.node)
        case .notHolder(let wantedThere):
            set(.refused(boot: start.boot, attempt: answer.attempt), of: start.node)
            for other in wantedThere where !wanted.contains(other) { wanted.append(other) }
        case .refused:
            // Who remembers nothing of the batch gets it once more, as if it had not been asked.
            if case .asked(_, _, isRepeated: true) = target(start.node) {
                targets.removeAll { $0.node == start.node }
                if !wanted.contains(start.node) { wanted.append(start.node) }
            } else {
                set(.givenUp, of: start.node)
            }
        }
    }

    mutating func giveUpOverdue(_ limits: MovementLimits, now: Int64, isSuspect: (NodeID) -> Bool) {
        for index in targets.indices {
            guard case .asked(let at, let skipping, _) = targets[index].target else { continue }
            // Who is told of skipped members answers only once their leases have run out.
            let patience = limits.writeTimeout + (skipping.isEmpty ? 0 : limits.grantedFor)
            if now >= at + patience || (now >= at + limits.writeTimeout / 10 && isSuspect(targets[index].node)) {
                targets[index].target = .givenUp
            }
        }
    }

    // MARK: - What is asked

    private mutating func ask(
        _ node: NodeID, isStandIn: Bool, isRepeated: Bool = false, now: Int64, into asked: inout AskedSlots
    ) {
        let skipping = skipped.filter { $0.node != node }
        set(.asked(at: now, skipping: skipping, isRepeated: isRepeated), of: node)
        asked.add(positions, to: node, skipping: skipping, isStandIn: isStandIn, isRepeated: isRepeated)
    }

    mutating func askWanted(now: Int64, into asked: inout AskedSlots) {
        for node in wanted where isUntried(node) { ask(node, isStandIn: false, now: now, into: &asked) }
    }

    /// Every stake that a logger knows gets the batch, or is skipped when it does not answer.
    mutating func coverStakes(now: Int64, into asked: inout AskedSlots) {
        let before = targets
        for case (_, .logged(let logger)) in before {
            for stake in logger.peers where skippedBoot(stake.node).map({ $0 < stake.boot }) ?? true {
                cover(stake, now: now, into: &asked)
            }
        }
    }

    private mutating func cover(_ stake: Stake, now: Int64, into asked: inout AskedSlots) {
        switch target(stake.node) {
        case nil: ask(stake.node, isStandIn: false, now: now, into: &asked)
        case .asked: break
        case .logged(let logged):
            // What an earlier start logged may be gone with it.
            if logged.boot < stake.boot { ask(stake.node, isStandIn: false, now: now, into: &asked) }
        case .refused(let boot, let attempt):
            if (stake.boot, stake.attempt) > (boot, attempt) {
                ask(stake.node, isStandIn: false, now: now, into: &asked)
            }
        case .givenUp:
            skipped.removeAll { $0.node == stake.node }
            skipped.append(NodeStart(node: stake.node, boot: stake.boot))
            skipped.sort { $0.node < $1.node }
        }
    }

    /// How many members more must be asked to take the batch in another's place.
    var standInsNeeded: Int {
        let expected = targets.count { entry in
            switch entry.target {
            case .asked, .logged: true
            case .refused, .givenUp: false
            }
        }
        return logged.needed - expected
    }

    /// - Parameters:
    ///   - standIns: who is next in the order of all of these slots, as many as are needed or there are.
    ///   - now: of the monotonic clock.
    ///   - asked: the requests are added.
    mutating func askStandIns(_ standIns: [NodeID], now: Int64, into asked: inout AskedSlots) {
        for node in standIns { ask(node, isStandIn: true, now: now, into: &asked) }
    }

    /// Whoever logged the batch must owe it to everybody skipped.
    mutating func tellLoggers(now: Int64, into asked: inout AskedSlots) {
        guard !skipped.isEmpty else { return }
        let before = targets
        for case (_, .logged(let logger)) in before where !owesAll(logger) {
            ask(logger.node, isStandIn: true, isRepeated: true, now: now, into: &asked)
        }
    }

    private func owesAll(_ logger: Logged) -> Bool {
        skipped.allSatisfy { $0.node == logger.node || logger.skipping.contains($0.node) }
    }

    // MARK: - The verdict

    /// - Returns: whether the slots are acknowledged from now on.
    mutating func judge() -> Bool {
        let logged = logged
        guard logged.count >= logged.needed, logged.hasHolder else { return false }
        for case (_, .logged(let logger)) in targets {
            guard owesAll(logger), logger.peers.allSatisfy(isCovered) else { return false }
        }
        isAcknowledged = true
        return true
    }

    private func isCovered(_ stake: Stake) -> Bool {
        if let boot = skippedBoot(stake.node), boot >= stake.boot { return true }
        return switch target(stake.node) {
        case .logged(let logged): logged.boot >= stake.boot
        case .refused(let boot, let attempt): (stake.boot, stake.attempt) <= (boot, attempt)
        case .asked, .givenUp, nil: false
        }
    }
}
