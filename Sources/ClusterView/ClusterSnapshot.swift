package import ClusterTransport
package import Membership
package import Placement
package import SlotMovement

/// One member as this process sees it.
package struct ClusterMember: Hashable, Sendable {
    /// Its name, the ring's key.
    package var name: MemberName
    /// The number by which this process knows an aggregator, the same for as long as the process runs; nil for other roles.
    package var id: NodeID?
    /// What is known of it, as it says itself.
    package var record: MemberRecord
    /// Whether it answers, as far as this process knows.
    package var liveness: Liveness
    /// Seconds that it had been so when the snapshot was taken.
    package var seconds: UInt64

    /// Whether it holds slots, or is about to: neither gone nor of another role.
    package var isAggregator: Bool { id != nil && !record.state.isGone }
}

/// The cluster at one moment, as this process sees it: what everybody in it reads, without waiting.
///
/// A later snapshot has a greater version. What is costly, the ring and the order of each slot, is made anew only when the members of the ring or the
/// settings change; `ringVersion` tells.
package struct ClusterSnapshot: Sendable {
    /// Greater is newer.
    package var version: UInt64 = 0
    /// When it was taken: the next one comes when somebody's state changes, however long that is.
    package var takenAt = ContinuousClock.now
    /// The version that had this ring first.
    package var ringVersion: UInt64 = 0
    /// The cluster's settings; nil before this process is part of one.
    package var settings: ClusterSettings?
    /// Everybody, this process included, in the order of their names; also those that are gone and not yet forgotten about.
    package var members: [ClusterMember] = []
    /// The wanted owners of each slot: the active aggregators, whether they answer or not. Nil while there are none.
    package var ring: Ring?
    /// The numbers of the ring's members, in its order.
    package var ringNumbers: [NodeID] = []
    /// What the slots' machines are told; nil while there is no ring.
    package var movement: MovementView?
    /// The same for whoever asks the aggregators; nil while there is no ring.
    package var aggregatorView: AggregatorView?

    package init() {}

    /// The aggregators that are not gone, in the order of their names.
    package var aggregators: [ClusterMember] { members.filter(\.isAggregator) }

    /// The numbers of aggregators that do not answer: others are asked first.
    package var suspects: Set<NodeID> {
        Set(members.filter { $0.isAggregator && $0.liveness != .alive }.compactMap(\.id))
    }

    /// The member of that name.
    package subscript(name: MemberName) -> ClusterMember? { members.first { $0.name == name } }

    /// The aggregator of that number.
    package subscript(id: NodeID) -> ClusterMember? { members.first { $0.id == id } }
}
