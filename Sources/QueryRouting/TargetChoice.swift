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

    /// - Parameters:
    ///   - ring: the members and how slots fall to them.
    ///   - placement: the cluster's placement labels.
    package init(ring: Ring, placement: PlacementLabels) {
        slots = SlotMap(ring)
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
