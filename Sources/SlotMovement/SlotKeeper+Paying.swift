/// Paying debts, and taking what others owed.
extension SlotKeeper {
    /// Sends what members miss; forgets what those miss that are gone.
    mutating func payDebts(into effects: inout [MovementEffect]) {
        for node in debts.keys.sorted() {
            guard var owed = debts.removeValue(forKey: node) else { continue }
            let isMember = around.view.members.contains(node)
            let unneeded = owed.slots.filter { !isMember || !isNeeded($0, by: node, owedSince: owed.addedAt) }
            if !unneeded.isEmpty {
                let (parts, all) = owed.settle(slots: unneeded)
                if !parts.isEmpty { effects.append(.log(.settled(parts, with: node))) }
                if !all.isEmpty { effects.append(.log(.settledAll(slots: all, with: node))) }
            }
            send(&owed, to: node, into: &effects)
            if !owed.isEmpty { debts[node] = owed }
        }
    }

    /// Whether a member may need what it missed of a slot: it does not only if it is not wanted there and has said, since it missed something last
    /// and to this start, that it has no part in it.
    private func isNeeded(_ slot: Int, by node: NodeID, owedSince time: Int64) -> Bool {
        guard !around.view.wanted(slot).contains(node), let other = replicas[slot].others[node], !other.mustBeCovered,
            let sentAt = around.sentAt(other.answeredRound)
        else { return true }
        return sentAt <= time
    }

    private func send(_ owed: inout Debts, to node: NodeID, into effects: inout [MovementEffect]) {
        let parts = owed.partsToSend(around.limits, now: around.time)
        if !parts.isEmpty { effects.append(.sendOwed(parts, to: node)) }
    }

    /// A member has logged what it missed: it gets the next of it.
    mutating func receivePaid(_ parts: [BatchPart], by node: NodeID, into effects: inout [MovementEffect]) {
        let slots = Dictionary(parts.map { ($0.number, $0.slots) }, uniquingKeysWith: +)
        for index in waiting.indices {
            for open in waiting[index].open.indices where waiting[index].open[open].node == node {
                guard let paid = slots[waiting[index].open[open].number] else { continue }
                waiting[index].open[open].slots.subtract(paid)
            }
        }
        if var owed = debts.removeValue(forKey: node) {
            let settled = owed.receivePaid(parts)
            if !settled.isEmpty {
                effects.append(.log(.settled(settled, with: node)))
                send(&owed, to: node, into: &effects)
            }
            if !owed.isEmpty { debts[node] = owed }
        }
        answerWaiting(into: &effects)
    }

    /// Logs what this node missed; it comes beside the message.
    mutating func receivePay(_ parts: [BatchPart], from node: NodeID, into effects: inout [MovementEffect]) {
        let slots = Set(parts.lazy.flatMap(\.slots)).sorted()
        guard !hasDeparted, let first = slots.first, let last = slots.last, first >= 0, last < replicas.count
        else { return }
        for slot in slots { replicas[slot].noteLogged(around.time) }
        effects.append(.log(.batch(slots: slots, number: takeNumber())))
        effects.append(.send(.paid(parts), to: node))
    }

    /// Batches whose samples the shell can no longer read by their numbers: whoever is owed them must copy their slots, and routers that ask again
    /// are refused.
    ///
    /// - Parameters:
    ///   - numbers: ascending.
    ///   - now: of the monotonic clock.
    ///   - effects: what to log of it.
    package mutating func forget(_ numbers: [UInt64], now: Int64, into effects: inout [MovementEffect]) {
        begin(now)
        recent.forget(Set(numbers))
        for node in debts.keys.sorted() {
            let slots = debts[node]?.lose(numbers, now: now) ?? []
            if !slots.isEmpty { effects.append(.log(.owedAll(slots: slots, to: node))) }
        }
    }
}
