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
    /// Seconds that it has been so.
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

/// Makes snapshots out of what the membership knows: a value, so that the same views make the same snapshots.
package struct SnapshotBuilder: Sendable {
    /// What the ring is made of.
    private struct RingInput: Equatable, Sendable {
        var members: [RingMember]
        var others: [NodeID]
        var leastBoots: [NodeID: UInt32]
        var settings: ClusterSettings
    }

    private var numbers: [MemberName: NodeID] = [:]
    private var names: [NodeID: String] = [:]
    /// Of aggregators seen removed: their last start before.
    private var removedBoots: [MemberName: UInt64] = [:]
    private var input: RingInput?
    private var last = ClusterSnapshot()

    package init() {}

    /// The next snapshot.
    ///
    /// - Parameters:
    ///   - views: everybody, in the order of their names.
    ///   - settings: the cluster's; nil before they are known.
    /// - Returns: a snapshot of a greater version.
    package mutating func next(views: [MemberView], settings: ClusterSettings?) -> ClusterSnapshot {
        last.version += 1
        last.settings = settings
        last.members = views.map { view in
            ClusterMember(
                name: view.record.name, id: number(of: view.record), record: view.record, liveness: view.liveness,
                seconds: view.seconds)
        }
        if let settings { updateRing(settings) }
        last.aggregatorView = last.movement.map { movement in
            AggregatorView(
                version: last.version, movement: movement, viewVersion: last.ringVersion, suspects: last.suspects,
                names: names)
        }
        return last
    }

    /// The number of an aggregator's name, given when it is first heard of, from the membership or from another aggregator.
    mutating func number(of name: MemberName) -> NodeID {
        if let known = numbers[name] { return known }
        let number = NodeID(UInt32(numbers.count))
        numbers[name] = number
        names[number] = name.text
        return number
    }

    /// The name of a number that was given.
    func name(of node: NodeID) -> String? { names[node] }

    /// Aggregators are numbered when they are first seen. Others need no number, and come and go too often to get one.
    private mutating func number(of record: MemberRecord) -> NodeID? {
        guard record.roles.contains(.aggregator) else { return nil }
        if record.state.isGone {
            removedBoots[record.name] = max(removedBoots[record.name] ?? 0, record.instance.boot)
        }
        return number(of: record.name)
    }

    private mutating func updateRing(_ settings: ClusterSettings) {
        let spreads = settings.zoneRule == .spread
        var wanted: [(RingMember, NodeID)] = []
        var leaving: [NodeID] = []
        var leastBoots: [NodeID: UInt32] = [:]
        for member in last.members {
            guard let id = member.id else { continue }
            switch member.record.state {
            case .active:
                let inRing = RingMember(
                    name: member.name.text, weight: min(member.record.weight, RingMember.weightMax),
                    zone: spreads ? member.record.zone : "")
                wanted.append((inRing, id))
            case .leaving: leaving.append(id)
            case .joining, .left, .forgotten: continue
            }
            if let removed = removedBoots[member.name] { leastBoots[id] = UInt32(clamping: removed + 1) }
        }
        let next = RingInput(members: wanted.map(\.0), others: leaving, leastBoots: leastBoots, settings: settings)
        guard next != input else { return }
        input = next
        last.ringVersion = last.version
        // Names come in the ring's order. Only a ring without members is none: a record's other ranges are within the ring's.
        last.ring = try? Ring(
            members: next.members,
            replicationFactor: min(Int(settings.replicationFactor), Ring.replicationFactorMax),
            slotBits: Int(settings.slotBits))
        last.ringNumbers = last.ring == nil ? [] : wanted.map(\.1)
        last.movement = last.ring.map { ring in
            var view = MovementView(
                ring: ring, members: (last.ringNumbers + leaving).sorted(), numbers: last.ringNumbers,
                assuredFactor: ring.replicationFactor)
            view.leastBoots = leastBoots
            return view
        }
    }
}
