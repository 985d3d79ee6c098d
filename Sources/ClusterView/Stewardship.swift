import ClusterTransport
package import Membership
package import SlotMovement

/// What is due in a cluster as one of its aggregators sees it: the next step of a change of the copies, a dead member that others replace, a departure
/// that would leave nobody. A pure function of a snapshot, so that members that see the same want the same.
///
/// All of it may be done by several at once: a step of the settings is the same record whoever makes it, and so is a removal. That only the first of the
/// members that answer acts keeps two that see different members dead from removing both.
package struct Stewardship: Equatable, Sendable {
    /// `replacement_fill_max`: so full, per cent, a disk may become by what others leave behind.
    package static let fillMax = 90

    /// Why a change of the copies is not done yet.
    package enum CopiesWait: Equatable, Sendable {
        /// These work by older settings, or do not answer.
        case untold([MemberName])
        /// These do not have all yet that is wanted of them, or do not answer.
        case moving([MemberName])
    }

    /// Aggregators that have a part in the ring: active or leaving.
    package private(set) var holders: [ClusterMember] = []
    /// The next version of the settings, if one is due.
    package private(set) var settings: ClusterSettings?
    /// Nil when the copies are as many as wanted.
    package private(set) var copiesWait: CopiesWait?
    /// Dead aggregators that others take the place of now.
    package private(set) var removals: [MemberName] = []
    /// Dead aggregators, and why nothing happens about them.
    package private(set) var dead: [ClusterMember] = []
    package private(set) var reason: ReplacementGuard.Reason?
    /// Members that leave and must stay, since too few would be left.
    package private(set) var staying: [MemberName] = []
    /// How long a member must have been dead, microseconds.
    package private(set) var replacementDelay: Int64 = 0
    /// Whose task it is to act; nil when nobody answers.
    package private(set) var actor: MemberName?
    /// Seconds since the snapshot.
    private let age: UInt64

    /// Judges.
    ///
    /// - Parameters:
    ///   - snapshot: of the cluster.
    ///   - now: the moment of the judgement, which may be long after the snapshot's.
    package init(_ snapshot: ClusterSnapshot, at now: ContinuousClock.Instant = .now) {
        age = UInt64(clamping: (now - snapshot.takenAt).components.seconds)
        guard let cluster = snapshot.settings else { return }
        holders = snapshot.aggregators.filter { $0.record.state == .active || $0.record.state == .leaving }
        actor = holders.first { $0.liveness == .alive && $0.record.state == .active }?.name
        replacementDelay = cluster.replacementDelayMilliseconds * 1_000
        judgeCopies(cluster, ring: snapshot.aggregatorView?.ringDigest ?? 0)
        judgeDeaths(cluster, removed: snapshot.members)
        judgeDepartures(cluster)
    }

    private mutating func judgeCopies(_ cluster: ClusterSettings, ring: UInt64) {
        guard !holders.isEmpty else { return }
        let untold = holders.filter { $0.liveness != .alive || $0.record.progress.appliedSettings < cluster.version }
        let moving = holders.filter { $0.liveness != .alive || $0.record.progress.settledRing != ring }
        var next = cluster
        var copies = cluster.copies
        if copies.advance(members: holders.count, areInformed: untold.isEmpty, areSettled: moving.isEmpty) {
            next.copies = copies
            next.version += 1
            settings = next
        }
        if !cluster.copies.isReached(members: holders.count) {
            let isLowered = cluster.copies.wanted < cluster.copies.placed
            copiesWait = isLowered ? .untold(untold.map(\.name)) : .moving(moving.map(\.name))
        }
    }

    private mutating func judgeDeaths(_ cluster: ClusterSettings, removed all: [ClusterMember]) {
        dead = holders.filter { $0.liveness == .dead }
        let delay = cluster.replacementDelayMilliseconds
        let removed = all.count {
            $0.id != nil && $0.record.state == .forgotten && Int64(clamping: $0.seconds + age) < delay / 1_000
        }
        let members = holders.map { member in
            ReplacementGuard.Member(
                node: member.id ?? NodeID(0), zone: member.record.zone,
                deadSince: member.liveness == .dead ? -Self.microseconds(member.seconds + age) : nil)
        }
        let verdict = ReplacementGuard.verdict(
            members, removed: removed, assured: cluster.copies.assured, delay: delay * 1_000, hasRoom: hasRoom, now: 0)
        switch verdict {
        case .nothing: break
        case .replace(let nodes): removals = dead.filter { member in nodes.contains { $0 == member.id } }.map(\.name)
        case .wait(let why): reason = why
        }
    }

    private static func microseconds(_ seconds: UInt64) -> Int64 {
        Int64(clamping: min(seconds, UInt64(Int32.max))) * 1_000_000
    }

    /// Whether those that stay can take what the dead ones had: each member's part grows as the weight of all shrinks.
    private var hasRoom: Bool {
        let staying = holders.filter { $0.liveness != .dead && $0.record.state == .active }
        let weight = staying.reduce(0) { $0 + UInt64($1.record.weight) }
        let lost = dead.reduce(0) { $0 + UInt64($1.record.weight) }
        return staying.allSatisfy { member in
            UInt64(member.record.progress.diskFill) * (weight + lost) <= UInt64(Self.fillMax) * weight
        }
    }

    /// Two that begin to leave at one time may each have counted on the other.
    private mutating func judgeDepartures(_ cluster: ClusterSettings) {
        let leaving = holders.filter { $0.record.state == .leaving }
        let active = holders.count - leaving.count
        let unforced = leaving.filter { !$0.record.progress.leavesByForce }
        let least = Self.leastRemaining(copies: cluster.copies.placed, isForced: false)
        staying = unforced.prefix(max(0, least - active)).map(\.name)
        let others = leaving.filter { !staying.contains($0.name) }
        // Whatever anybody said, one has to stay.
        if active + staying.count == 0, let first = others.first { staying = [first.name] }
    }

    /// How many aggregators must stay when one leaves.
    package static func leastRemaining(copies: Int, isForced: Bool) -> Int { isForced ? 1 : max(1, copies) }
}
