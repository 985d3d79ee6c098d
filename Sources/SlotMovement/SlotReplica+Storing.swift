/// Accepting batches: log them, owe them to those that miss them, and answer once nobody can be read alone without them.
extension SlotReplica {
    /// Takes a router's batch, or more skipped stakes for one it has. `knownBy` are the members that know this one, with the start at which
    /// they showed it. Tells whether `number` was used for the batch.
    mutating func receiveStore(
        _ request: StoreRequest, number: UInt64, from router: NodeID, knownBy: [NodeID: UInt32], view: MovementView,
        now: Int64,
        into effects: inout [MovementEffect]
    ) -> Bool {
        let known = recent[request.batch]
        if role == .none, known == nil {
            guard request.isStandIn else {
                reply(.notHolder(wanted: Array(view.wanted(slot))), request.batch, view, to: router, into: &effects)
                return false
            }
        }
        // Whoever is read without this batch must know that this node may have it.
        let isKnown = role != .none || request.skipping.allSatisfy { (knownBy[$0.node] ?? 0) >= max($0.boot, 1) }
        guard !isIsolated, isKnown else {
            reply(.refused, request.batch, view, to: router, into: &effects)
            return false
        }
        if known == nil {
            hasSamples = true
            lastLoggedAt = now
            recent[request.batch] = LoggedBatch(number: number, at: now)
            effects.append(.log(.batch(slot: slot, number: number)))
        }
        let skipping = request.skipping.map(\.node).filter { $0 != me }
        let logged = known?.number ?? number
        owe(logged, to: skipping, into: &effects)
        waiting.removeAll { $0.batch == request.batch && $0.router == router }
        waiting.append(
            WaitingReply(
                batch: request.batch, number: logged, router: router, skipping: skipping, missing: skipping, since: now)
        )
        answerWaiting(view, now: now, into: &effects)
        return known == nil
    }

    private mutating func owe(_ number: UInt64, to nodes: [NodeID], into effects: inout [MovementEffect]) {
        var new: [NodeID] = []
        for node in nodes where debts[node]?.contains(number) != true {
            debts[node, default: []].append(number)
            new.append(node)
        }
        if !new.isEmpty { effects.append(.log(.owed(slot: slot, number: number, to: new))) }
    }

    /// Answers the routers whose skipped members have the batch by now, or can no longer be read alone.
    mutating func answerWaiting(_ view: MovementView, now: Int64, into effects: inout [MovementEffect]) {
        guard !waiting.isEmpty else { return }
        let all = waiting
        waiting.removeAll()
        for reply in all {
            let leases = reply.missing.map { max(granted[$0] ?? .min, grantFloor) }
            if leases.allSatisfy({ $0 <= now }) {
                self.reply(.logged(skipping: reply.skipping), reply.batch, view, to: reply.router, into: &effects)
            } else if reply.since + limits.writeDeadline > now {
                waiting.append(reply)
            }
        }
    }

    private func reply(
        _ outcome: StoreReply.Outcome, _ batch: UInt64, _ view: MovementView, to router: NodeID,
        into effects: inout [MovementEffect]
    ) {
        let reply = StoreReply(
            slot: slot, batch: batch, stake: stake, outcome: outcome, peers: stakesToCover,
            copiesWanted: view.copiesWanted)
        effects.append(.send(.stored(reply), to: router))
    }

    // MARK: - Paying

    /// Sends what members miss; forgets what those miss that are gone.
    mutating func payDebts(_ view: MovementView, into effects: inout [MovementEffect]) {
        for node in debts.keys.sorted() {
            guard let numbers = debts[node] else { continue }
            let needsNothing = !view.wanted(slot).contains(node) && others[node]?.mustBeCovered != true
            if !view.members.contains(node) || needsNothing {
                settle(numbers, with: node, into: &effects)
            } else {
                effects.append(.sendOwed(slot: slot, numbers: Array(numbers.prefix(limits.paidBatchesMax)), to: node))
            }
        }
    }

    mutating func receivePaid(
        _ numbers: [UInt64], by node: NodeID, view: MovementView, now: Int64, into effects: inout [MovementEffect]
    ) {
        for index in waiting.indices where numbers.contains(waiting[index].number) {
            waiting[index].missing.removeAll { $0 == node }
        }
        let open = numbers.filter { debts[node]?.contains($0) == true }
        if !open.isEmpty { settle(open, with: node, into: &effects) }
        answerWaiting(view, now: now, into: &effects)
    }

    private mutating func settle(_ numbers: [UInt64], with node: NodeID, into effects: inout [MovementEffect]) {
        let settled = Set(numbers)
        debts[node]?.removeAll { settled.contains($0) }
        if debts[node]?.isEmpty == true { debts[node] = nil }
        effects.append(.log(.settled(slot: slot, numbers: numbers, with: node)))
    }

    /// Logs what this node missed; it comes beside the message.
    mutating func receivePay(
        _ numbers: [UInt64], from node: NodeID, number: UInt64, now: Int64, into effects: inout [MovementEffect]
    ) {
        hasSamples = true
        lastLoggedAt = now
        effects.append(.log(.batch(slot: slot, number: number)))
        effects.append(.send(.paid(slot: slot, numbers: numbers), to: node))
    }
}
