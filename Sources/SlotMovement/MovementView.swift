package import Placement

/// What a node believes of the cluster: the members, and for each slot in which order they are wanted. Two nodes' views may differ for a while.
package struct MovementView: Equatable, Sendable {
    /// Every aggregator that may hold samples, those that leave included; ascending.
    package var members: [NodeID]
    /// For each slot all members of the ring: the wanted owners first, behind them who stands in.
    package var orders: [[NodeID]]
    /// How many members own a slot, as far as there are as many.
    package var replicationFactor: Int
    /// The least factor under which a batch may have been acknowledged that is not yet on all wanted owners: below `replicationFactor` while that is raised.
    package var assuredFactor: Int
    /// Of members that were removed and came back: the least start of theirs that is a member again.
    package var leastBoots: [NodeID: UInt32] = [:]

    /// - Parameters:
    ///   - members: ascending.
    ///   - orders: one list a slot.
    ///   - replicationFactor: 1 or more.
    ///   - assuredFactor: 1 ... `replicationFactor`.
    package init(members: [NodeID], orders: [[NodeID]], replicationFactor: Int, assuredFactor: Int) {
        self.members = members
        self.orders = orders
        self.replicationFactor = replicationFactor
        self.assuredFactor = assuredFactor
    }

    /// The orders that a ring gives.
    ///
    /// - Parameters:
    ///   - ring: of the members that are wanted.
    ///   - members: all members; ascending.
    ///   - numbers: of the ring's members, in its order.
    ///   - assuredFactor: as in the property.
    package init(ring: Ring, members: [NodeID], numbers: [NodeID], assuredFactor: Int) {
        self.init(
            members: members,
            orders: (0..<ring.slotCount).map { slot in
                ring.members(of: UInt16(slot), count: ring.members.count).map { numbers[$0] }
            },
            replicationFactor: ring.replicationFactor, assuredFactor: assuredFactor)
    }

    /// The wanted owners of a slot.
    package func wanted(_ slot: Int) -> ArraySlice<NodeID> { orders[slot].prefix(replicationFactor) }

    /// Whether a start of a node is a member: neither never admitted nor removed.
    func admits(_ start: NodeStart) -> Bool {
        members.contains(start.node) && start.boot >= leastBoots[start.node] ?? 0
    }

    func admits(_ stake: Stake) -> Bool { admits(NodeStart(node: stake.node, boot: stake.boot)) }

    /// More than half of the members.
    package var majority: Int { members.count / 2 + 1 }

    /// On how many members a batch must lie.
    package var copiesWanted: Int { min(replicationFactor, members.count) }

    /// How many members may be missing without an acknowledged batch being missing; one more may hide it.
    package var missingMax: Int { min(assuredFactor, members.count) - 1 }
}
