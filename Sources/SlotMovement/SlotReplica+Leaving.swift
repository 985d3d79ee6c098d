/// Ceasing to hold, and dropping samples that others have.
extension SlotReplica {
    mutating func advanceLeaving(
        _ around: Surroundings, hasOpenBatches: Bool, into effects: inout [MovementEffect]
    ) {
        guard !isWanted, hasSamples || role == .holder || !isSound else { return }
        let (wanted, now) = (around.view.wanted(slot), around.time)
        guard !hasOpenBatches, !wanted.isEmpty else { return }
        // Each says so in answer to one of the last two rounds, asked after the latest batch was logged here.
        let areAllWhole = wanted.allSatisfy { node in
            guard let other = others[node], other.stake.role == .holder, other.isWhole else { return false }
            let answered = other.answeredRound
            guard answered > 0, answered + 1 >= around.round, let sentAt = around.sentAt(answered) else { return false }
            return sentAt > lastLoggedAt
        }
        guard areAllWhole else { return }
        if role == .holder {
            role = .none
            retiredAt = now
            effects.append(.held(slot: slot, false))
            return
        }
        // A router may still count a batch as logged here, and a read may still count on this node, until `grace` has passed.
        guard role == .none, now >= max(retiredAt, lastLoggedAt, around.startedAt) + around.limits.grace else { return }
        if !isSound {
            isSound = true
            effects.append(.log(.sound(slots: [slot])))
        }
        if hasSamples {
            hasSamples = false
            awaitsCheckpoint = false
            effects.append(.log(.dropped(slot: slot)))
            effects.append(.drop(slot: slot))
        }
    }
}
