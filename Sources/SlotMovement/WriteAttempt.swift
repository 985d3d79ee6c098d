/// One batch of one slot at a router: who logs it, who stands in, who is owed it, and when it is acknowledged.
///
/// Acknowledged means: logged on as many members as any of them wants, one of them a holder, and every stake that any of them knows has it or
/// is owed it by all that logged it. Nothing here depends on the router's view being right: the answers name who is missing.
package struct WriteAttempt: Sendable {
    /// What becomes of the batch.
    package enum State: Equatable, Sendable {
        case underWay
        case acknowledged
        /// Not known to be stored: the sender tries again.
        case failed
    }

    private enum Target: Equatable {
        case asked(at: Int64, skipping: [NodeID])
        case logged(StoreReply)
        case refused(Stake)
        /// It did not answer in time, or may not take the batch.
        case givenUp
    }

    /// The slot and number of the batch.
    package let slot: Int
    package let batch: UInt64
    /// What became of it.
    package private(set) var state = State.underWay
    private let limits: MovementLimits
    private let startedAt: Int64
    private let order: [NodeID]
    private let copiesWanted: Int
    private var wanted: [NodeID]
    private var targets: [NodeID: Target] = [:]
    private var skipped: [NodeID: Stake] = [:]

    /// - Parameters:
    ///   - slot: of all samples of the batch.
    ///   - batch: a number that no other batch has.
    ///   - view: the router's.
    ///   - limits: the same on all nodes.
    ///   - now: of the router's monotonic clock.
    package init(slot: Int, batch: UInt64, view: MovementView, limits: MovementLimits, now: Int64) {
        self.slot = slot
        self.batch = batch
        self.limits = limits
        startedAt = now
        order = view.orders[slot]
        wanted = Array(view.wanted(slot))
        copiesWanted = view.copiesWanted
    }

    /// Begins, and goes on where an answer is overdue.
    ///
    /// - Parameters:
    ///   - now: of the monotonic clock.
    ///   - isSuspect: members that most likely do not answer: nobody waits for them.
    ///   - effects: the requests to send.
    package mutating func advance(now: Int64, isSuspect: (NodeID) -> Bool, into effects: inout [MovementEffect]) {
        guard state == .underWay else { return }
        if now >= startedAt + limits.writeDeadline {
            state = .failed
            return
        }
        for (node, target) in targets {
            guard case .asked(let at, let skipping) = target else { continue }
            // Who is told of skipped members answers only once their leases have run out.
            let patience = limits.writeTimeout + (skipping.isEmpty ? 0 : limits.grantedFor)
            if now >= at + patience || (isSuspect(node) && now >= at + limits.writeTimeout / 10) {
                targets[node] = .givenUp
            }
        }
        for node in wanted where targets[node] == nil { ask(node, isStandIn: false, now: now, into: &effects) }
        coverStakes(now: now, into: &effects)
        findStandIns(now: now, into: &effects)
        tellLoggers(now: now, into: &effects)
        judge()
    }

    /// Takes an answer.
    package mutating func receive(
        _ reply: StoreReply, now: Int64, isSuspect: (NodeID) -> Bool, into effects: inout [MovementEffect]
    ) {
        guard state == .underWay, reply.batch == batch else { return }
        let node = reply.stake.node
        switch reply.outcome {
        case .logged(let skipping):
            // An answer to an earlier request, when more was asked for since, is not the one awaited.
            if case .asked(_, let expected) = targets[node], !Set(expected).isSubset(of: skipping) { return }
            targets[node] = .logged(reply)
        case .notHolder(let wantedThere):
            targets[node] = .refused(reply.stake)
            for other in wantedThere where !wanted.contains(other) { wanted.append(other) }
        case .refused: targets[node] = .givenUp
        }
        advance(now: now, isSuspect: isSuspect, into: &effects)
    }

    private var loggers: [(node: NodeID, reply: StoreReply)] {
        targets.keys.sorted().compactMap { node in
            guard case .logged(let reply) = targets[node] else { return nil }
            return (node, reply)
        }
    }

    private mutating func ask(
        _ node: NodeID, isStandIn: Bool, now: Int64, into effects: inout [MovementEffect]
    ) {
        let skipping = skipped.keys.sorted().compactMap { $0 == node ? nil : skipped[$0] }
        targets[node] = .asked(at: now, skipping: skipping.map(\.node))
        let request = StoreRequest(slot: slot, batch: batch, skipping: skipping, isStandIn: isStandIn)
        effects.append(.send(.store(request), to: node))
    }

    /// Every stake that a logger knows gets the batch, or is skipped when it does not answer.
    private mutating func coverStakes(now: Int64, into effects: inout [MovementEffect]) {
        for stake in loggers.flatMap(\.reply.peers) where skipped[stake.node].map({ $0.boot < stake.boot }) ?? true {
            switch targets[stake.node] {
            case nil: ask(stake.node, isStandIn: false, now: now, into: &effects)
            case .asked: break
            case .logged(let reply):
                // What an earlier start logged may be gone with it.
                if reply.stake.boot < stake.boot { ask(stake.node, isStandIn: false, now: now, into: &effects) }
            case .refused(let refused):
                if stake.isNewer(than: refused) { ask(stake.node, isStandIn: false, now: now, into: &effects) }
            case .givenUp: skipped[stake.node] = stake
            }
        }
    }

    private mutating func findStandIns(now: Int64, into effects: inout [MovementEffect]) {
        var expected = targets.values.count { target in
            switch target {
            case .asked, .logged: true
            case .refused, .givenUp: false
            }
        }
        let needed = loggers.map(\.reply.copiesWanted).reduce(copiesWanted, max)
        for node in order where expected < needed && targets[node] == nil {
            ask(node, isStandIn: true, now: now, into: &effects)
            expected += 1
        }
    }

    /// Whoever logged the batch must owe it to everybody skipped.
    private mutating func tellLoggers(now: Int64, into effects: inout [MovementEffect]) {
        for (node, reply) in loggers where !owesAll(reply) {
            ask(node, isStandIn: true, now: now, into: &effects)
        }
    }

    private func owesAll(_ reply: StoreReply) -> Bool {
        guard case .logged(let skipping) = reply.outcome else { return false }
        return skipped.keys.allSatisfy { $0 == reply.stake.node || skipping.contains($0) }
    }

    private mutating func judge() {
        let loggers = loggers
        let needed = loggers.map(\.reply.copiesWanted).reduce(copiesWanted, max)
        guard loggers.count >= needed, loggers.contains(where: { $0.reply.stake.role == .holder }) else { return }
        let isCovered = loggers.flatMap(\.reply.peers).allSatisfy { stake in
            if let skippedStake = skipped[stake.node], skippedStake.boot >= stake.boot { return true }
            switch targets[stake.node] {
            case .logged(let reply): return reply.stake.boot >= stake.boot
            case .refused(let refused): return !stake.isNewer(than: refused)
            case .asked, .givenUp, nil: return false
            }
        }
        guard isCovered, loggers.allSatisfy({ owesAll($0.reply) }) else { return }
        state = .acknowledged
    }
}
