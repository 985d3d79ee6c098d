package import MetricModel
package import Placement

/// Which slots must be asked about so that an answer is complete.
///
/// A server's series live together, so a selection that pins one server needs one slot; every other one needs all. The answer may name more
/// slots than hold data, never fewer. Who answers for a slot is `SlotRead`'s business.
package struct TargetChoice: Sendable {
    private let placement: PlacementLabels
    private let slotBits: Int

    /// - Parameters:
    ///   - placement: the cluster's placement labels.
    ///   - slotBits: the cluster's number of slot bits.
    package init(placement: PlacementLabels, slotBits: Int = 14) {
        self.placement = placement
        self.slotBits = slotBits
    }

    /// The placement labels' names in order.
    package var placementLabels: [String] { placement.names }

    /// The slots that may hold series which one of the selections selects; nil for all.
    ///
    /// One slot is enough for a selection only if its matchers pin the value of a placement label and require each label that is preferred to it
    /// to be absent: else a matching series may have been placed by another label.
    ///
    /// - Parameters:
    ///   - tenant: whose series.
    ///   - selections: the matchers of everything that is read together.
    /// - Returns: the slots to ask about.
    package func slots(tenant: TenantID, selections: [[Matcher]]) -> SlotSet? {
        var slots = SlotSet()
        for matchers in selections {
            guard let key = pinned(tenant: tenant, matchers: matchers) else { return nil }
            slots.insert(key.slot(bits: slotBits))
        }
        return slots
    }

    /// By which labels series were placed.
    package func placements(of series: some Sequence<Labels>, tenant: TenantID) -> PlacementKinds {
        series.reduce(into: []) { kinds, labels in
            kinds.formUnion(PlacementKinds(labelIndex: placement.placement(of: labels, tenant: tenant).labelIndex))
        }
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
