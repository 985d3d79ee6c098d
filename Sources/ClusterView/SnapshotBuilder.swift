import ByteCoding
import ClusterTransport
package import Membership
import Placement
package import SlotMovement

/// Makes snapshots out of what the membership knows: a value, so that the same views make the same snapshots.
package struct SnapshotBuilder: Sendable {
    /// What the ring is made of.
    private struct RingInput: Equatable, Sendable {
        var members: [RingMember]
        var others: [NodeID]
        var leastBoots: [NodeID: UInt32]
        var settings: ClusterSettings
    }

    /// `cluster_names_max`: names that have numbers; beyond it, the number of a name that is no member's goes to the next one. A number that is given
    /// anew must mean nothing to anybody any more, so there are many more of them than members, who are remembered for a day.
    package static let namesMax = 4 * SyncMessage.membersMax

    private let namesMax: Int
    private var numbers: [MemberName: NodeID] = [:]
    private var names: [NodeID: String] = [:]
    /// Of each name with a number: the version that had it among the members last, 0 for one that never had.
    private var seenIn: [MemberName: UInt64] = [:]
    private var input: RingInput?
    private var last = ClusterSnapshot()

    /// - Parameter namesMax: names that have numbers at a time, more than there are ever members.
    package init(namesMax: Int = Self.namesMax) {
        self.namesMax = namesMax
    }

    /// The next snapshot.
    ///
    /// - Parameters:
    ///   - views: everybody, in the order of their names.
    ///   - settings: the cluster's; nil before they are known.
    ///   - now: when the views were taken.
    /// - Returns: a snapshot of a greater version.
    package mutating func next(
        views: [MemberView], settings: ClusterSettings?, at now: ContinuousClock.Instant = .now
    ) -> ClusterSnapshot {
        last.version += 1
        last.takenAt = now
        last.settings = settings
        // Aggregators are numbered when they are first seen. Others need no number, and come and go too often to get one.
        let aggregators = views.lazy.map(\.record).filter { $0.roles.contains(.aggregator) }.map(\.name)
        for name in aggregators where numbers[name] != nil { seenIn[name] = last.version }
        last.members = views.map { view in
            ClusterMember(
                name: view.record.name, id: view.record.roles.contains(.aggregator) ? member(view.record.name) : nil,
                record: view.record, liveness: view.liveness, seconds: view.seconds)
        }
        if let settings { updateRing(settings) }
        last.aggregatorView = last.movement.map { movement in
            AggregatorView(
                version: last.version, movement: movement, viewVersion: last.ringVersion, suspects: last.suspects,
                names: names, settingsVersion: settings?.version ?? 0, ringDigest: ringDigest)
        }
        return last
    }

    private mutating func member(_ name: MemberName) -> NodeID {
        let number = number(of: name)
        seenIn[name] = last.version
        return number
    }

    /// The number of an aggregator's name, given when it is first heard of, from the membership or from another aggregator.
    package mutating func number(of name: MemberName) -> NodeID {
        if let known = numbers[name] { return known }
        let number = freedNumber() ?? NodeID(UInt32(numbers.count))
        numbers[name] = number
        names[number] = name.text
        seenIn[name] = 0
        return number
    }

    /// The number of the name that has been no member's for longest, once there are as many as there may be.
    private mutating func freedNumber() -> NodeID? {
        guard numbers.count >= namesMax else { return nil }
        let oldest = seenIn.filter { $0.value < last.version }.min { ($0.value, $0.key) < ($1.value, $1.key) }
        guard let oldest, let number = numbers.removeValue(forKey: oldest.key) else { return nil }
        seenIn[oldest.key] = nil
        names[number] = nil
        return number
    }

    /// The name of a number that was given.
    package func name(of node: NodeID) -> String? { names[node] }

    /// See `AggregatorView.ringDigest`.
    private var ringDigest: UInt64 {
        var text = "\(last.settings?.version ?? 0)"
        for member in last.aggregators {
            let record = member.record
            text += "\n\(record.name) \(record.instance) \(record.state) \(record.weight) \(record.zone)"
        }
        let bytes = Array(text.utf8)
        // 0 stands for none.
        return max(1, XXH3.hash64(bytes.rawSpan))
    }

    private mutating func updateRing(_ settings: ClusterSettings) {
        let spreads = settings.zoneRule == .spread
        let holders = last.members.compactMap { member in member.id.map { (member.record, $0) } }
        let active = holders.filter { $0.0.state == .active }
        let leaving = holders.filter { $0.0.state == .leaving }
        // While everybody leaves nobody can: those that leave are the ring, so that there is one.
        let (inRing, others) = active.isEmpty ? (leaving, []) : (active, leaving)
        let wanted = inRing.map { record, _ in
            RingMember(
                name: record.name.text, weight: min(record.weight, RingMember.weightMax),
                zone: spreads ? record.zone : "")
        }
        var leastBoots: [NodeID: UInt32] = [:]
        for (record, id) in active + leaving where record.leastBoot > 0 {
            leastBoots[id] = UInt32(clamping: record.leastBoot)
        }
        let next = RingInput(
            members: wanted, others: others.map(\.1), leastBoots: leastBoots, settings: settings)
        guard next != input else { return }
        input = next
        last.ringVersion = last.version
        // Names come in the ring's order. Only a ring without members is none: a record's other ranges are within the ring's.
        last.ring = try? Ring(
            members: next.members,
            replicationFactor: min(Int(settings.replicationFactor), Ring.replicationFactorMax),
            slotBits: Int(settings.slotBits))
        last.ringNumbers = last.ring == nil ? [] : inRing.map(\.1)
        last.movement = last.ring.map { ring in
            var view = MovementView(
                ring: ring, members: (last.ringNumbers + next.others).sorted(), numbers: last.ringNumbers,
                assuredFactor: min(Int(settings.assuredFactor), ring.replicationFactor))
            view.leastBoots = leastBoots
            return view
        }
    }
}
