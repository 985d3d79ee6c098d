import Foundation
import GossipTransport
package import HTTPSurface
import Membership
import MetricModel
import Placement

/// Answers `GET` and `POST /api/v1/cluster/…` out of what this process knows.
package struct ClusterAdministration: ClusterService {
    let membership: ClusterMembership
    private let version: String
    private let slots: @Sendable () async -> ClusterStatus.Slots?
    private let checkpoint: @Sendable () -> [CheckpointServerState]?
    private let started: ContinuousClock.Instant
    private let report: @Sendable (inout NodeReport) async -> Void
    let survey: ClusterSurvey

    /// - Parameters:
    ///   - membership: this process as a member.
    ///   - version: of the program.
    ///   - checkpoint: how the databases of its checkpoints stand.
    ///   - slots: how the slots of this process stand.
    ///   - report: adds what the process' roles have to say of themselves.
    package init(
        _ membership: ClusterMembership, version: String,
        checkpoint: @escaping @Sendable () -> [CheckpointServerState]? = { nil },
        slots: @escaping @Sendable () async -> ClusterStatus.Slots? = { nil },
        report: @escaping @Sendable (inout NodeReport) async -> Void = { _ in }
    ) {
        self.membership = membership
        self.version = version
        self.checkpoint = checkpoint
        self.slots = slots
        self.report = report
        let started = ContinuousClock.now
        self.started = started
        survey = ClusterSurvey(
            membership, members: { try await Self.members(membership, started) },
            own: { await Self.node(membership, version, started, slots, report) })
    }

    var name: String { membership.configuration.name.text }

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
        status.replicationFactor = Int(snapshot.settings?.wantedFactor ?? 0)
        status.slots = await slots()
        try await addTroubles(to: &status, snapshot)
        status.stranger = try await stranger(snapshot)
        status.checkpoint = checkpoint()
        status.fileProblems = await Self.node(membership, version, started, slots, report).store?.problems
        let digits = String(digest, radix: 16)
        status.view = String(repeating: "0", count: 16 - digits.count) + digits
        return status
    }

    private func stranger(_ snapshot: ClusterSnapshot) async throws -> ClusterStatus.Stranger? {
        guard let seen = try await membership.node.stranger() else { return nil }
        let seconds = Int(seen.microsecondsAgo / 1_000_000)
        let name = snapshot.members.first { $0.record.address == seen.sender }?.record.name.text
        let cluster: String? = if case .otherCluster(let id) = seen.reason { "\(id)" } else { nil }
        return ClusterStatus.Stranger(name: name, address: "\(seen.sender)", clusterID: cluster, seconds: seconds)
    }

    /// Everybody; see `ClusterService`.
    package func members() async throws -> [ClusterMemberStatus] { try await Self.members(membership, started) }

    /// What this process says of itself; see `ClusterService`.
    package func node() async throws -> NodeReport { await Self.node(membership, version, started, slots, report) }

    private static func node(
        _ membership: ClusterMembership, _ version: String, _ started: ContinuousClock.Instant,
        _ slots: @Sendable () async -> ClusterStatus.Slots?, _ fill: @Sendable (inout NodeReport) async -> Void
    ) async -> NodeReport {
        let readiness = membership.readiness
        var report = NodeReport(
            name: membership.configuration.name.text, roles: membership.configuration.roles.words, version: version,
            isReady: readiness.isReady, waitingFor: readiness.reasons,
            seconds: Int((ContinuousClock.now - started).components.seconds), time: SurfaceClock.milliseconds())
        report.slots = await slots()
        await fill(&report)
        return report
    }

    private static func members(
        _ membership: ClusterMembership, _ started: ContinuousClock.Instant
    ) async throws -> [ClusterMemberStatus] {
        let own = membership.configuration.name
        let age = UInt64((ContinuousClock.now - started).components.seconds)
        return try await membership.node.members().map { view in
            let record = view.record
            var status = ClusterMemberStatus(
                name: record.name.text, roles: record.roles.words, state: "\(record.state)",
                liveness: "\(view.liveness)", seconds: record.name == own ? age : view.seconds, zone: record.zone,
                weight: Double(record.weight) / 1_000, address: "\(record.address)",
                http: record.http.map { "\($0)" }, instance: String("\(record.instance)".prefix { $0 != "/" }),
                boot: record.instance.boot)
            if record.progress.diskFill > 0 { status.diskFill = Int(record.progress.diskFill) }
            return status
        }
    }

    /// What all members share; see `ClusterService`.
    package func settings() async throws -> ClusterSettingsStatus {
        guard let settings = membership.directory.snapshot.settings else {
            throw APIFailure(.unavailable, "this process is not part of its cluster yet", retryAfterSeconds: 1)
        }
        return ClusterSettingsStatus(settings)
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
}

extension ClusterSettingsStatus {
    /// The settings' record.
    init(_ settings: ClusterSettings) {
        self.init(
            clusterName: settings.name, clusterID: "\(settings.id)", version: settings.version,
            replicationFactor: settings.copies.wanted, placementLabels: settings.placementLabels,
            lateWindow: DurationText.text(milliseconds: settings.lateWindowMilliseconds),
            slots: 1 << Int(settings.slotBits), spreadsOverZones: settings.zoneRule == .spread,
            formatLevel: Int(settings.formatLevel),
            replacementDelay: DurationText.text(milliseconds: settings.replacementDelayMilliseconds),
            placedCopies: settings.copies.placed, assuredCopies: settings.copies.assured)
    }
}

extension MemberRoles {
    /// The roles' names.
    package var words: [String] {
        [(MemberRoles.router, "router"), (.aggregator, "aggregator"), (.coordinator, "coordinator")]
            .filter { contains($0.0) }.map(\.1)
    }
}
