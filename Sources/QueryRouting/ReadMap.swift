package import MetricModel
package import SlotMovement

/// Who is asked first about each slot: a function of the members' view and of who does not answer. Made anew when either changes, and
/// shared by all reads in between.
package struct ReadMap: Sendable {
    /// The members, and each slot's wanted owners.
    package let view: MovementView
    /// Members that most likely do not answer: they are asked only where a union needs them.
    package let suspects: Set<NodeID>
    /// Each member with the slots that it is asked about first, by ascending number; every slot is in one of them or in `orphans`.
    package let shares: [SlotShare]
    /// Slots none of whose wanted owners is expected to answer.
    package let orphans: SlotSet

    /// - Complexity: O(slots · owners).
    package init(view: MovementView, suspects: Set<NodeID> = []) {
        self.view = view
        self.suspects = suspects
        (shares, orphans) = Self.assign(view.slots.lazy.map { UInt16($0) }) { slot in
            view.wanted(Int(slot)).first { !suspects.contains($0) }
        }
    }

    /// All slots.
    package var slots: SlotSet { SlotSet(below: view.slotCount) }

    /// Puts each slot to the node that `choose` names.
    static func assign(
        _ slots: some Sequence<UInt16>, _ choose: (UInt16) -> NodeID?
    ) -> (shares: [SlotShare], orphans: SlotSet) {
        var sets: [NodeID: SlotSet] = [:]
        var orphans = SlotSet()
        for slot in slots {
            if let node = choose(slot) { sets[node, default: SlotSet()].insert(slot) } else { orphans.insert(slot) }
        }
        let shares = sets.sorted { $0.key < $1.key }.map { SlotShare(node: $0.key, slots: $0.value) }
        return (shares, orphans)
    }
}

/// A member and the slots that it is asked about.
package struct SlotShare: Hashable, Sendable {
    /// The member.
    package var node: NodeID
    /// Its share of the slots.
    package var slots: SlotSet
}
