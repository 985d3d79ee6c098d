package import Placement

/// What a node believes of the cluster: the members, and for each slot in which order they are wanted. Two nodes' views may differ for a while.
///
/// Of each slot the wanted owners are here; who stands in behind them is worked out when somebody does: all orders of a large ring take long.
package struct MovementView: Sendable {
    /// Where a slot's whole order comes from.
    private enum Orders: Sendable {
        case listed([[NodeID]])
        /// With the numbers of the ring's members, in its order.
        case ring(Ring, [NodeID])
    }

    /// Every aggregator that may hold samples, those that leave included; ascending.
    package var members: [NodeID]
    /// Slots are numbered from 0.
    package let slotCount: Int
    /// How many members own a slot, as far as there are as many.
    package let replicationFactor: Int
    /// The least factor under which a batch may have been acknowledged that is not yet on all wanted owners: below `replicationFactor` while that is raised.
    package var assuredFactor: Int
    /// Of members that were removed and came back: the least start of theirs that is a member again.
    package var leastBoots: [NodeID: UInt32] = [:]
    private let orders: Orders
    /// The wanted owners of all slots, as many of each, slot by slot.
    private let owners: [NodeID]
    private let ownersPerSlot: Int

    /// - Parameters:
    ///   - members: ascending.
    ///   - orders: for each slot all members of the ring, of each as many: the wanted owners first, behind them who stands in.
    ///   - replicationFactor: 1 or more.
    ///   - assuredFactor: 1 ... `replicationFactor`.
    package init(members: [NodeID], orders: [[NodeID]], replicationFactor: Int, assuredFactor: Int) {
        self.members = members
        self.replicationFactor = replicationFactor
        self.assuredFactor = assuredFactor
        self.orders = .listed(orders)
        slotCount = orders.count
        owners = orders.flatMap { $0.prefix(replicationFactor) }
        ownersPerSlot = min(replicationFactor, orders.first?.count ?? 0)
        precondition(owners.count == slotCount * ownersPerSlot, "slots with unequal numbers of owners")
    }

    /// The orders that a ring gives.
    ///
    /// - Parameters:
    ///   - ring: of the members that are wanted.
    ///   - members: all members; ascending.
    ///   - numbers: of the ring's members, in its order.
    ///   - assuredFactor: as in the property.
    package init(ring: Ring, members: [NodeID], numbers: [NodeID], assuredFactor: Int) {
        self.members = members
        self.assuredFactor = assuredFactor
        replicationFactor = ring.replicationFactor
        orders = .ring(ring, numbers)
        slotCount = ring.slotCount
        owners = (0..<ring.slotCount).flatMap { slot in ring.owners(of: UInt16(slot)).map { numbers[$0] } }
        ownersPerSlot = min(ring.replicationFactor, ring.members.count)
    }

    /// All slots.
    package var slots: Range<Int> { 0..<slotCount }

    /// The wanted owners of a slot, in its order.
    package func wanted(_ slot: Int) -> ArraySlice<NodeID> {
        owners[slot * ownersPerSlot..<(slot + 1) * ownersPerSlot]
    }

    /// The first members of the ring in a slot's order, as far as there are so many: behind the wanted owners who stands in.
    ///
    /// - Complexity: O(count · members).
    package func order(of slot: Int, first count: Int) -> [NodeID] {
        switch orders {
        case .listed(let orders): Array(orders[slot].prefix(count))
        case .ring(let ring, let numbers): ring.members(of: UInt16(slot), count: count).map { numbers[$0] }
        }
    }

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
