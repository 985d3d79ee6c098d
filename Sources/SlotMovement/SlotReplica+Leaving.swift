/// Ceasing to hold, and dropping samples that others have.
extension SlotReplica {
    mutating func advanceLeaving(
        _ around: Surroundings, hasOpenBatches: Bool, into effects: inout [MovementEffect]
    ) {
        guard !isWanted, hasSamples || role == .holder || !isSound else { return }
        let (wanted, now) = (around.view.wanted(slot), around.time)
        guard !hasOpenBatches, !wanted.isEmpty, let askedAt = wholeSince(wanted, around) else { return }
        if role == .holder {
            // Batches may be logged here without pause, so none of them is waited for: each is whole or owed, whatever this node is by then
            // (docs/movement.md, "Ceasing to be one").
            role = .none
            retiredAt = now
            effects.append(.held(slot: slot, false))
            return
        }
        // A router may still count a batch as logged here, and a read may still count on this node, until `grace` has passed.
        guard role == .none, now >= max(retiredAt, lastLoggedAt, around.startedAt) + around.limits.grace,
            askedAt > lastLoggedAt
        else { return }
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

    /// When all of these nodes were whole: each said so in answer to one of the last two rounds.
    ///
    /// - Returns: when the earliest of the rounds was asked; nil while one of them is not whole, as far as is known here.
    private func wholeSince(_ wanted: ArraySlice<NodeID>, _ around: Surroundings) -> Int64? {
        var earliest = Int64.max
        for node in wanted {
            guard let other = others[node], other.stake.role == .holder, other.isWhole else { return nil }
            let answered = other.answeredRound
            guard answered > 0, answered + 1 >= around.round, let sentAt = around.sentAt(answered) else { return nil }
            earliest = min(earliest, sentAt)
        }
        return earliest
    }
}
