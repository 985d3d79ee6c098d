import Membership
import Placement
import SlotMovement

/// The truth about members, from which each node learns late: the views of a cluster's nodes are of different age.
struct ClusterOracle {
    struct Member {
        var isDraining = false
        var leastBoot: UInt32 = 0
    }

    /// By node; those that are no members are nil.
    private(set) var members: [Member?]
    /// The same steps as processes take.
    private var copies: CopyFactors
    private(set) var views: [MovementView] = []
    private let slotBits: Int

    init(nodeCount: Int, members count: Int, replicationFactor: Int, slots: Int) {
        members = (0..<nodeCount).map { $0 < count ? Member() : nil }
        copies = CopyFactors(
            wanted: replicationFactor, placed: replicationFactor, assured: min(replicationFactor, count))
        slotBits = slots.trailingZeroBitCount
        publish()
    }

    var replicationFactor: Int { copies.placed }
    var assuredFactor: Int { copies.assured }
    /// How many copies there are to be in the end.
    var wantedFactor: Int { copies.wanted }

    var version: Int { views.count - 1 }

    var memberNodes: [Int] { members.indices.filter { members[$0] != nil } }

    var wantedNodes: [Int] { members.indices.filter { members[$0]?.isDraining == false } }

    mutating func add(_ node: Int, leastBoot: UInt32) {
        members[node] = Member(leastBoot: leastBoot)
        publish()
    }

    mutating func drain(_ node: Int) {
        members[node]?.isDraining = true
        publish()
    }

    mutating func remove(_ node: Int) {
        members[node] = nil
        // What shall come back later lies on no more members than there are now.
        _ = copies.advance(members: memberNodes.count, areInformed: false, areSettled: false)
        publish()
    }

    mutating func undrain(_ node: Int) {
        members[node]?.isDraining = false
        publish()
    }

    mutating func setReplicationFactor(_ factor: Int) {
        copies.want(factor)
        publish()
    }

    /// Takes the next step of a change of the copies, if one is due.
    ///
    /// - Parameters:
    ///   - areInformed: whether every member has the newest view.
    ///   - areSettled: whether all samples are where the ring wants them.
    /// - Returns: whether there is a new view.
    mutating func advanceCopies(areInformed: Bool, areSettled: Bool) -> Bool {
        guard copies.advance(members: memberNodes.count, areInformed: areInformed, areSettled: areSettled) else {
            return false
        }
        publish()
        return true
    }

    /// Whether there are as many copies as wanted.
    var hasAllCopies: Bool { copies.isReached(members: memberNodes.count) }

    private mutating func publish() {
        let wanted = wantedNodes
        let names = wanted.map { RingMember(name: "node-\($0)") }
        guard let ring = try? Ring(members: names, replicationFactor: copies.placed, slotBits: slotBits) else {
            preconditionFailure("no ring of \(wanted)")
        }
        let numbers = ring.members.map { member in
            NodeID(UInt32(wanted.first { "node-\($0)" == member.name } ?? 0))
        }
        var view = MovementView(
            ring: ring, members: memberNodes.map { NodeID(UInt32($0)) }, numbers: numbers,
            assuredFactor: min(copies.assured, copies.placed))
        for node in memberNodes {
            if let least = members[node]?.leastBoot, least > 0 { view.leastBoots[NodeID(UInt32(node))] = least }
        }
        views.append(view)
    }
}
