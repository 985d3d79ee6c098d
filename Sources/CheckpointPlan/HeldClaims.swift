/// The slots that this node may write in the checkpoint, with the epochs under which it may.
///
/// A slot leaves by being fenced and comes back only through a new claim, which is for the owner of the slot to decide: claiming back what
/// somebody took over would make two writers fence each other for ever.
package struct HeldClaims: Sendable, Equatable {
    private var epochs: [UInt16: Int64] = [:]

    package init() {}

    /// Number of slots held.
    package var count: Int { epochs.count }

    /// Takes claims that the store has granted.
    package mutating func hold(_ claims: [SlotClaim]) {
        for claim in claims { epochs[claim.slot] = claim.epoch }
    }

    /// Gives a slot up; a claim newer than `epoch`, made in between, stays.
    package mutating func lose(_ slot: UInt16, epoch: Int64) {
        if let held = epochs[slot], held <= epoch { epochs[slot] = nil }
    }

    /// Gives up all slots but these.
    package mutating func keep(_ slots: Set<UInt16>) {
        epochs = epochs.filter { slots.contains($0.key) }
    }

    /// The claim to a slot, nil where it is not held.
    package subscript(slot: UInt16) -> SlotClaim? { epochs[slot].map { SlotClaim(slot: slot, epoch: $0) } }

    /// The claims that an addition of these blocks needs, ascending by slot; slots that are not held are left out.
    package func claims(for slots: some Sequence<UInt16>) -> [SlotClaim] {
        Set(slots).sorted().compactMap { self[$0] }
    }

    /// All claims, ascending by slot.
    package var all: [SlotClaim] { claims(for: epochs.keys) }
}
