import ClusterTransport
import GossipTransport
package import HTTPSurface
import Membership
import MetricModel
import Placement
import SlotMovement

/// Who has slots, how many copies there are, and what is in the way of either.
extension ClusterAdministration {
    /// `replication_factor_max`
    private static let copiesMax = 5
    /// `isolation_wait` is a third of it for shorter ones, so that changing one of those is not safe on a running cluster.
    package static let replacementDelayMin: Int64 = 30_000
    private static let replacementDelayLiveMin: Int64 = 180_000

    /// Begins to leave; see `ClusterService`.
    package func drain(force: Bool) async throws {
        let own = membership.configuration.name
        let snapshot = membership.directory.snapshot
        guard let me = snapshot[own], me.isAggregator else {
            throw APIFailure(.badData, "\(own) has no slots to give away; stop it, and it is gone")
        }
        if me.record.state == .leaving { return }
        let rest = snapshot.aggregators.filter { $0.name != own && $0.record.state == .active }
        let answering = rest.count { $0.liveness == .alive }
        guard answering > 0 else {
            throw APIFailure(
                .badData, "there is no other aggregator that answers and stays to take the slots of \(own)")
        }
        let copies = Int(snapshot.settings?.replicationFactor ?? 1)
        let least = Stewardship.leastRemaining(copies: copies, isForced: force)
        guard rest.count >= least else {
            let left = rest.count == 1 ? "there is 1 aggregator" : "there are \(rest.count) aggregators"
            throw APIFailure(
                .badData,
                "without \(own) \(left) for \(copies) copies of each sample: add one first, or say --force to do with "
                    + "fewer copies")
        }
        try await membership.node.command {
            try $0.update(now: $1, into: &$2) {
                $0.state = .leaving
                $0.progress.leavesByForce = force
            }
        }
    }

    /// Stays after all; see `ClusterService`.
    package func undrain() async throws {
        let own = membership.configuration.name
        guard membership.own?.record.state == .leaving else {
            throw APIFailure(.badData, "\(own) does not leave")
        }
        switch try await membership.stay() {
        case .stays: break
        case .undecided:
            throw APIFailure(
                .unavailable, "\(own) is just deciding whether it has left: ask again", retryAfterSeconds: 1)
        case .hasLeft:
            throw APIFailure(
                .badData,
                "\(own) has given all its slots away and is leaving: start it again with the same --name to have it back"
            )
        }
    }

    /// Removes a dead member for good; see `ClusterService`.
    package func forget(_ name: String) async throws {
        do {
            try await membership.forget(try MemberName(name))
        } catch let error as MembershipError {
            switch error.code {
            case .notAllowed:
                throw APIFailure(.badData, "\(name) answers, or is only suspected: only a dead member can be forgotten")
            default: throw APIFailure(.notFound, "no member is called \(name)")
            }
        }
    }

    /// Changes the settings; see `ClusterService`.
    package func change(_ change: SettingChange) async throws -> ClusterSettingsStatus {
        guard let settings = membership.directory.snapshot.settings else {
            throw APIFailure(.unavailable, "this process is not part of its cluster yet", retryAfterSeconds: 1)
        }
        if let alone = membership.directory.snapshot.aggregators.first(where: { $0.record.roles.contains(.router) }) {
            throw APIFailure(
                .badData,
                "\(alone.name) is a standalone process and keeps the one copy of everything: there is nothing to change before "
                    + "it has become an aggregator (murmur aggregator --data-dir …)")
        }
        var next = settings
        switch change.name {
        case "replication-factor": try Self.setCopies(change.value, in: &next)
        case "replacement-delay": try Self.setReplacementDelay(change.value, in: &next)
        default:
            throw APIFailure(
                .badData,
                "\(change.name) cannot be changed on a running cluster; replication-factor and replacement-delay can")
        }
        if next == settings { return ClusterSettingsStatus(settings) }
        next.version += 1
        let proposed = next
        do {
            try await membership.node.command { try $0.propose(proposed, now: $1, into: &$2) }
        } catch is MembershipError {
            throw APIFailure(.unavailable, "the settings were changed by somebody else just now", retryAfterSeconds: 1)
        }
        return ClusterSettingsStatus(proposed)
    }

    private static func setCopies(_ text: String, in settings: inout ClusterSettings) throws(APIFailure) {
        guard let count = Int(text), (1...copiesMax).contains(count) else {
            throw APIFailure(.badData, "replication-factor is a number from 1 to \(copiesMax), not \(text)")
        }
        settings.changed.insert(.replicationFactor)
        if count != settings.copies.wanted { settings.copies.want(count) }
    }

    private static func setReplacementDelay(_ text: String, in settings: inout ClusterSettings) throws(APIFailure) {
        guard let delay = DurationText.milliseconds(text), delay == 0 || delay >= replacementDelayMin else {
            throw APIFailure(.badData, "replacement-delay is 0 for never, or 30s or more, not \(text)")
        }
        let current = settings.replacementDelayMilliseconds
        let isSafe = [delay, current].allSatisfy { $0 == 0 || $0 >= replacementDelayLiveMin }
        guard isSafe || delay == current else {
            throw APIFailure(
                .badData,
                "a replacement-delay below 3m is for clusters that are founded with it: members that do not hear of the "
                    + "change in time might be replaced while they still answer")
        }
        settings.changed.insert(.replacementDelay)
        settings.replacementDelayMilliseconds = delay
    }

    /// Says what is under way, and what is in its way.
    func addTroubles(to status: inout ClusterStatus, _ snapshot: ClusterSnapshot) async throws {
        let due = Stewardship(snapshot)
        if let settings = snapshot.settings {
            status.outdatedSettings = membership.configuration.wishes.outdated(in: settings)
            status.copiesChange = due.copiesWait.map { ClusterStatus.CopiesChange(settings.copies, $0) }
            status.replacement = ClusterStatus.Replacement(due, settings)
        }
        let withoutDatagrams = try await membership.node.read { $0.withoutDatagrams }
        status.unreachable = withoutDatagrams.compactMap { snapshot[$0] }.map { .init($0, by: "UDP") }
        for member in snapshot.aggregators
        where member.liveness == .alive && member.name != membership.configuration.name {
            guard let id = member.id, let client = membership.directory.client(id), !client.isConnected else {
                continue
            }
            status.unreachable.append(.init(member, by: "TCP"))
        }
    }
}

extension ClusterStatus.CopiesChange {
    fileprivate init(_ copies: CopyFactors, _ wait: Stewardship.CopiesWait) {
        let (members, one, many) =
            switch wait {
            case .untold(let names):
                (names, "has not heard of it, or does not answer", "have not heard of it, or do not answer")
            case .moving(let names):
                (
                    names, "does not have all of its copies yet, or does not answer",
                    "do not have all of their copies yet, or do not answer"
                )
            }
        self.init(
            wanted: copies.wanted, placed: copies.placed, assured: copies.assured, waitsFor: members.map(\.text),
            reason: members.count == 1 ? one : many)
    }
}

extension ClusterStatus.Replacement {
    fileprivate init?(_ due: Stewardship, _ settings: ClusterSettings) {
        guard !due.dead.isEmpty else { return nil }
        var left: Int?
        if case .notLongEnough(let until) = due.reason { left = Int(clamping: max(0, until) / 1_000_000) }
        self.init(dead: due.dead.map(\.name.text), reason: due.reason?.description, secondsLeft: left)
    }
}

extension ClusterStatus.Unreachable {
    fileprivate init(_ member: ClusterMember, by way: String) {
        self.init(name: member.name.text, by: way, address: "\(member.record.address)")
    }
}
