/// How far a node is with one slot, for people to see; machines go by `SlotRole` and more.
package enum SlotProgress: UInt8, CaseIterable, Sendable {
    /// Nothing of it is here, and nothing is wanted.
    case none
    /// Wanted, and its turn to copy has not come.
    case waiting
    /// Being copied.
    case copying
    /// Copied; the others are being told.
    case announcing
    /// Held, but somebody may have acknowledged what is not here: not read alone now.
    case held
    /// Held, with everything that was acknowledged.
    case whole
    /// Samples that are kept for another, or dropped soon.
    case leftover
}

/// How many slots a node is about to gain and to give away.
package struct SlotBalance: Equatable, Sendable {
    /// Wanted here and not held yet; those of them that are being copied.
    package var toGain = 0
    package var copying = 0
    /// Held here, or about to be, and not wanted.
    package var toGive = 0

    package init() {}
}

extension SlotKeeper {
    /// How far this node is with each slot.
    ///
    /// - Complexity: O(slots): once a second, not more.
    package func states(now: Int64) -> [SlotProgress] {
        let around = surroundings(now)
        return replicas.map { $0.state(around) }
    }

    /// What is left to gain and to give.
    package var balance: SlotBalance {
        var balance = SlotBalance()
        for replica in replicas {
            if replica.isWanted, replica.role != .holder {
                balance.toGain += 1
                if replica.isCopying { balance.copying += 1 }
            } else if !replica.isWanted, replica.role != .none {
                balance.toGive += 1
            }
        }
        return balance
    }
}

extension SlotReplica {
    fileprivate func state(_ around: Surroundings) -> SlotProgress {
        switch role {
        case .holder: isWhole(around) ? .whole : .held
        case .announcing: .announcing
        case .candidate: isCopying ? .copying : .waiting
        case .none: isWanted ? .waiting : hasSamples ? .leftover : .none
        }
    }
}
