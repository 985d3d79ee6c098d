import Foundation
import GossipTransport
package import HTTPSurface
import Membership
import MetricModel
import Placement

/// Answers `GET` and `POST /api/v1/cluster/…` out of what this process knows.
package struct ClusterAdministration: ClusterService {
    private let membership: ClusterMembership
    private let version: String
    private let slots: @Sendable () async -> ClusterStatus.Slots?
    private let started = ContinuousClock.now

    /// - Parameters:
    ///   - membership: this process as a member.
    ///   - version: of the program.
    ///   - slots: how the slots of this process stand.
    package init(
        _ membership: ClusterMembership, version: String,
        slots: @escaping @Sendable () async -> ClusterStatus.Slots? = { nil }
    ) {
        self.membership = membership
        self.version = version
        self.slots = slots
    }

    /// The cluster in brief; see `ClusterService`.
    package func status() async throws -> ClusterStatus {
        let snapshot = membership.directory.snapshot
        let digest = try await membership.node.read { $0.viewDigest }
        let readiness = membership.readiness
        var status = ClusterStatus(
            node: membership.configuration.name.text, roles: membership.configuration.roles.words, version: version,
            isReady: readiness.isReady, waitingFor: readiness.reasons, time: SurfaceClock.milliseconds())
        status.cluster = snapshot.settings?.name
        status.clusterID = snapshot.settings?.id.description
        let present = snapshot.members.filter { !$0.record.state.isGone }
        status.members = [MemberRoles.router, .aggregator, .coordinator].map { role in
            let those = present.filter { $0.record.roles.contains(role) }
            return ClusterStatus.Role(
                role: role.words.joined(), members: those.count, alive: those.count { $0.liveness == .alive })
        }
        status.suspected = present.filter { $0.liveness == .suspect }.map(\.name.text)
        status.dead = present.filter { $0.liveness == .dead }.map(\.name.text)
        status.ring = snapshot.ring?.members.map(\.name) ?? []
        status.replicationFactor = Int(snapshot.settings?.replicationFactor ?? 0)
        status.slots = await slots()
        let digits = String(digest, radix: 16)
        status.view = String(repeating: "0", count: 16 - digits.count) + digits
        return status
    }

    /// Everybody; see `ClusterService`.
    package func members() async throws -> [ClusterMemberStatus] {
        let own = membership.configuration.name
        let age = UInt64((ContinuousClock.now - started).components.seconds)
        return try await membership.node.members().map { view in
            let record = view.record
            return ClusterMemberStatus(
                name: record.name.text, roles: record.roles.words, state: "\(record.state)",
                liveness: "\(view.liveness)", seconds: record.name == own ? age : view.seconds, zone: record.zone,
                weight: Double(record.weight) / 1_000, address: "\(record.address)",
                http: record.http.map { "\($0)" }, instance: String("\(record.instance)".prefix { $0 != "/" }),
                boot: record.instance.boot)
        }
    }

    /// What all members share; see `ClusterService`.
    package func settings() async throws -> ClusterSettingsStatus {
        guard let settings = membership.directory.snapshot.settings else {
            throw APIFailure(.unavailable, "this process is not part of its cluster yet", retryAfterSeconds: 1)
        }
        return ClusterSettingsStatus(
            clusterName: settings.name, clusterID: "\(settings.id)", version: settings.version,
            replicationFactor: Int(settings.replicationFactor), placementLabels: settings.placementLabels,
            lateWindow: DurationText.text(milliseconds: settings.lateWindowMilliseconds),
            slots: 1 << Int(settings.slotBits), spreadsOverZones: settings.zoneRule == .spread,
            formatLevel: Int(settings.formatLevel))
    }

    /// Which keys this process has; see `ClusterService`.
    package func keyring() async throws -> KeyringStatus {
        let keyring = try await membership.node.keyring()
        let cipher = LibCryptoCipher()
        return KeyringStatus(
            keys: keyring.keys.map { key in
                cipher.digest(key.secret).prefix(4).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            },
            seals: keyring.sealsOutgoing && !keyring.keys.isEmpty, acceptsUnsealed: keyring.acceptsUnsealed,
            node: membership.configuration.name.text)
    }

    /// Reads the keyring's file again; see `ClusterService`.
    package func reloadKeyring() async throws -> KeyringStatus {
        guard membership.configuration.keyringFile != nil else {
            throw APIFailure(.badData, "this process was started without keyring-file")
        }
        do {
            try await membership.node.setKeyring(try membership.configuration.readKeyring())
        } catch let error as ClusterError {
            throw APIFailure(.badData, error.description)
        }
        return try await keyring()
    }

    /// Begins to leave; see `ClusterService`.
    package func drain() async throws {
        let own = membership.configuration.name
        let snapshot = membership.directory.snapshot
        guard let me = snapshot[own], me.isAggregator else {
            throw APIFailure(.badData, "\(own) has no slots to give away; stop it, and it is gone")
        }
        if me.record.state == .leaving { return }
        guard snapshot.aggregators.contains(where: { $0.name != own && $0.record.state == .active }) else {
            throw APIFailure(.badData, "\(own) is the only aggregator: there is nobody to take its slots")
        }
        try await membership.node.command { try $0.update(now: $1, into: &$2) { $0.state = .leaving } }
    }

    /// Removes a dead member for good; see `ClusterService`.
    package func forget(_ name: String) async throws {
        do {
            let name = try MemberName(name)
            try await membership.node.command { try $0.forget(name, now: $1, into: &$2) }
        } catch let error as MembershipError {
            switch error.code {
            case .notAllowed:
                throw APIFailure(.badData, "\(name) answers, or is only suspected: only a dead member can be forgotten")
            default: throw APIFailure(.notFound, "no member is called \(name)")
            }
        }
    }
}

extension MemberRoles {
    /// The roles' names.
    package var words: [String] {
        [(MemberRoles.router, "router"), (.aggregator, "aggregator"), (.coordinator, "coordinator")]
            .filter { contains($0.0) }.map(\.1)
    }
}
