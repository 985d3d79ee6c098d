/// A ring's answer for every slot, as a table.
package struct SlotMap: Sendable, Equatable {
    /// Names of the ring's members, in its order.
    package let members: [String]
    /// Owners of each slot: `replicationFactor`, or as many as there are members.
    package let ownersPerSlot: Int
    private let owners: [UInt16]

    /// Asks `ring` about every slot.
    ///
    /// - Complexity: O(slots · members · owners): a millisecond for 10 members, a tenth of a second for 300 of equal weight.
    package init(_ ring: Ring) {
        members = ring.members.map(\.name)
        ownersPerSlot = min(ring.replicationFactor, ring.members.count)
        var owners: [UInt16] = []
        owners.reserveCapacity(ring.slotCount * ownersPerSlot)
        var scratch: [Ring.Score] = []
        for slot in 0..<ring.slotCount {
            for owner in ring.members(of: UInt16(slot), count: ownersPerSlot, scratch: &scratch) {
                owners.append(UInt16(owner))
            }
        }
        self.owners = owners
    }

    /// Number of slots.
    package var slotCount: Int { owners.count / ownersPerSlot }

    /// Indices into `members` of a slot's owners, in order.
    package func owners(of slot: UInt16) -> ArraySlice<UInt16> {
        owners[Int(slot) * ownersPerSlot..<(Int(slot) + 1) * ownersPerSlot]
    }

    /// The first owner of each slot.
    package var firstOwners: [UInt16] { stride(from: 0, to: owners.count, by: ownersPerSlot).map { owners[$0] } }

    /// The slots that a member owns, ascending.
    package func slots(ownedBy member: Int) -> [UInt16] {
        (0..<slotCount).map { UInt16($0) }.filter { owners(of: $0).contains(UInt16(member)) }
    }
}
