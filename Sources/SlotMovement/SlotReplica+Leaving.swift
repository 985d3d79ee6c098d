/// Ceasing to hold, and dropping samples that others have.
extension SlotReplica {
    mutating func advanceLeaving(_ view: MovementView, now: Int64, into effects: inout [MovementEffect]) {
        let wanted = view.wanted(slot)
        guard !wanted.contains(me), hasSamples || role == .holder || !isSound else { return }
        guard debts.isEmpty, waiting.isEmpty, !wanted.isEmpty else { return }
        // Each says so in answer to one of the last two rounds, asked after the latest batch was logged here.
        let areAllWhole = wanted.allSatisfy { node in
            guard let other = others[node], other.stake.role == .holder, other.isWhole else { return false }
            let answered = other.answeredRound
            return answered > 0 && answered + 1 >= round && roundsSentAt[Int(answered % 16)] > lastLoggedAt
        }
        guard areAllWhole else { return }
        if role == .holder {
            role = .none
            retiredAt = now
            effects.append(.held(slot: slot, false))
            return
        }
        // A router may still count a batch as logged here, and a read may still count on this node, until `grace` has passed.
        guard role == .none, now >= max(retiredAt, lastLoggedAt, startedAt) + limits.grace else { return }
        if !isSound {
            isSound = true
            effects.append(.log(.sound(slot: slot)))
        }
        if hasSamples {
            hasSamples = false
            awaitsCheckpoint = false
            recent.removeAll()
            effects.append(.log(.dropped(slot: slot)))
            effects.append(.drop(slot: slot))
        }
    }
}
