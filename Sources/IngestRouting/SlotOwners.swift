package import SlotMovement

/// Which aggregators a slot's samples go to: a view of the members, and its wanted owners as a table that the hot loop can read.
///
/// A push keeps the one it began with; the next push may have another.
package struct SlotOwners: Sendable {
    /// What the table was made from.
    package let view: MovementView
    /// The owners, each once: the table's numbers are indices into it.
    let nodes: [NodeID]
    /// Owners of each slot: the ranks 0 ..< `copies`.
    let copies: Int
    /// The slots' owners one behind the other; empty when all belong to the only one.
    private let table: [UInt16]
    private let places: [NodeID: Int]

    /// - Parameter view: has at least one slot, and at least one wanted owner of each.
    package init(_ view: MovementView) {
        self.view = view
        let owners = view.slots.flatMap { view.wanted($0) }
        nodes = Set(owners).sorted()
        copies = owners.count / max(view.slotCount, 1)
        precondition(copies > 0 && owners.count == copies * view.slotCount, "slots with unequal numbers of owners")
        let places = Dictionary(uniqueKeysWithValues: zip(nodes, nodes.indices))
        table = nodes.count == 1 ? [] : owners.map { UInt16(places[$0] ?? 0) }
        self.places = places
    }

    /// One aggregator that owns everything.
    package init(all node: NodeID, slotBits: Int = 14) {
        self.init(
            MovementView(
                members: [node], orders: Array(repeating: [node], count: 1 << slotBits), replicationFactor: 1,
                assuredFactor: 1))
    }

    /// Whether all slots belong to one aggregator, the first of `nodes`.
    var isOne: Bool { table.isEmpty }

    /// The owner of `slot` at `rank`, an index into `nodes`.
    @inline(__always)
    func owner(of slot: UInt16, rank: Int) -> Int {
        table.isEmpty ? 0 : Int(table[Int(slot) &* copies &+ rank])
    }

    /// The rank of a node, an index into `nodes`, among a slot's owners; nil when it is none of them.
    func rank(of place: Int, in slot: UInt16) -> Int? {
        (0..<copies).first { owner(of: slot, rank: $0) == place }
    }

    /// The index into `nodes` of a node that owns any slot.
    func place(of node: NodeID) -> Int? { places[node] }
}
