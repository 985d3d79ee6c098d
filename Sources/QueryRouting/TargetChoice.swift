package import MetricModel
package import Placement

/// Which aggregators must be asked so that an answer is complete.
///
/// A server's series live together, so a selection that pins one server needs one slot's owner; every other one needs all members. The
/// answer may name more members than hold data, never fewer.
package struct TargetChoice: Sendable {
    private let slots: SlotMap
    private let placement: PlacementLabels
    private let slotBits: Int
    /// Every member with the slots whose first owner it is.
    private let everyPart: [QueryPart]

    /// - Parameters:
    ///   - ring: the members and how slots fall to them.
    ///   - placement: the cluster's placement labels.
    package init(ring: Ring, placement: PlacementLabels) {
        let slots = SlotMap(ring)
        self.slots = slots
        var sets = slots.members.map { _ in SlotSet() }
        for (slot, owner) in slots.firstOwners.enumerated() { sets[Int(owner)].insert(UInt16(slot)) }
        everyPart = sets.enumerated().filter { $0.element.count > 0 }
            .map { QueryPart(member: $0.offset, slots: $0.element) }
        self.placement = placement
        slotBits = ring.slotBits
    }

    /// Indices of the members that may hold series passing all of `matchers`, ascending.
    ///
    /// One slot is enough only if the matchers pin the value of a placement label and require each label that is preferred to it to be
    /// absent: else a matching series may have been placed by another label.
    package func members(tenant: TenantID, matchers: [Matcher]) -> [Int] {
        guard let key = pinned(tenant: tenant, matchers: matchers) else { return Array(slots.members.indices) }
        return slots.owners(of: key.slot(bits: slotBits)).map(Int.init).sorted()
    }

    /// Indices of all members, for questions that no matcher narrows.
    package var everyMember: [Int] { Array(slots.members.indices) }

    /// The placement labels' names in order.
    package var placementLabels: [String] { placement.names }

    /// One member for each slot that may hold series which one of the selections selects: every such slot is in exactly one part.
    ///
    /// - Parameters:
    ///   - tenant: whose series.
    ///   - selections: the matchers of everything that is read together.
    /// - Returns: the members with their slots, by ascending index.
    package func parts(tenant: TenantID, selections: [[Matcher]]) -> [QueryPart] {
        var pins: Set<UInt16> = []
        for matchers in selections {
            guard let key = pinned(tenant: tenant, matchers: matchers) else { return everyPart }
            pins.insert(key.slot(bits: slotBits))
        }
        guard pins.count == 1, let slot = pins.first, let owner = slots.owners(of: slot).first else { return everyPart }
        var set = SlotSet()
        set.insert(slot)
        return [QueryPart(member: Int(owner), slots: set)]
    }

    private func pinned(tenant: TenantID, matchers: [Matcher]) -> PlacementKey? {
        for (index, name) in placement.names.enumerated() {
            let equalities = matchers.filter { $0.operation == .equal && $0.name.hasSameBytes(as: name) }
            guard let equality = equalities.first else { return nil }
            if !equality.value.isEmpty {
                return placement.placement(ofServer: equality.value, labelIndex: index, tenant: tenant)
            }
        }
        return nil
    }
}

/// A member and the slots for which it answers.
package struct QueryPart: Hashable, Sendable {
    /// Index of the member.
    package var member: Int
    /// Its share of the slots.
    package var slots: SlotSet
}
