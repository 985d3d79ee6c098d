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
    private(set) var replicationFactor: Int
    private(set) var assuredFactor: Int
    private(set) var views: [MovementView] = []
    private let slotBits: Int

    init(nodeCount: Int, members count: Int, replicationFactor: Int, slots: Int) {
        members = (0..<nodeCount).map { $0 < count ? Member() : nil }
        self.replicationFactor = replicationFactor
        assuredFactor = min(replicationFactor, count)
        slotBits = slots.trailingZeroBitCount
        publish()
    }

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
        assuredFactor = min(assuredFactor, memberNodes.count)
        publish()
    }

    mutating func setReplicationFactor(_ factor: Int) {
        assuredFactor = min(assuredFactor, factor)
        replicationFactor = factor
        publish()
    }

    /// All samples are where the ring wants them: from now on as many copies can be relied on.
    mutating func assure() {
        let assured = min(replicationFactor, memberNodes.count)
        guard assured != assuredFactor else { return }
        assuredFactor = assured
        publish()
    }

    private mutating func publish() {
        let wanted = wantedNodes
        let names = wanted.map { RingMember(name: "node-\($0)") }
        guard let ring = try? Ring(members: names, replicationFactor: replicationFactor, slotBits: slotBits) else {
            preconditionFailure("no ring of \(wanted)")
        }
        let numbers = ring.members.map { member in
            NodeID(UInt32(wanted.first { "node-\($0)" == member.name } ?? 0))
        }
        var view = MovementView(
            ring: ring, members: memberNodes.map { NodeID(UInt32($0)) }, numbers: numbers, assuredFactor: assuredFactor)
        for node in memberNodes {
            if let least = members[node]?.leastBoot, least > 0 { view.leastBoots[NodeID(UInt32(node))] = least }
        }
        views.append(view)
    }
}
