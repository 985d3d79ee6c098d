import ByteCoding
import Foundation
package import HTTPSurface
import Membership

/// Asks every process of the cluster what it says of itself, over HTTP, and keeps the answers for a second: many who look cost no more than one.
///
/// A member that does not answer within `survey_timeout` is told as one that did not; nobody waits longer for it.
package actor ClusterSurvey {
    /// What came of asking everybody.
    struct Finding: Sendable {
        var members: [ClusterReckoning.Member]
        var owners: ClusterReckoning.Owners?
        var factor: Int
        var cluster: String?
    }

    /// `survey_timeout`: of one member. A busy one takes its time, and is not silent for that.
    private static let timeout = Duration.seconds(5)
    /// `survey_age`: how long answers are used.
    private static let age = Duration.milliseconds(900)
    /// `survey_asked_max`: members asked at once.
    private static let askedMax = 32
    /// `survey_reply_bytes_max`: of one member's answer.
    private static let replyBytesMax = 1 << 20

    private let membership: ClusterMembership
    private let members: @Sendable () async throws -> [ClusterMemberStatus]
    private let own: @Sendable () async -> NodeReport
    private var latest: Task<Finding, any Error>?
    private var endedAt: ContinuousClock.Instant?
    private var owners: (version: UInt64, table: ClusterReckoning.Owners)?
    /// By address.
    private var clients: [String: HTTPPushClient] = [:]

    /// - Parameters:
    ///   - membership: this process as a member.
    ///   - members: everybody.
    ///   - own: what this process says of itself.
    init(
        _ membership: ClusterMembership, members: @escaping @Sendable () async throws -> [ClusterMemberStatus],
        own: @escaping @Sendable () async -> NodeReport
    ) {
        self.membership = membership
        self.members = members
        self.own = own
    }

    /// What everybody says, at most a second old.
    func finding() async throws -> Finding {
        // Rounds do not overlap, however slow members are: who comes during one gets what it finds.
        if let latest, endedAt.map({ $0 + Self.age > .now }) ?? true { return try await latest.value }
        endedAt = nil
        let task = Task {
            defer { endedAt = .now }
            return try await ask()
        }
        latest = task
        return try await task.value
    }

    private func ask() async throws -> Finding {
        let present = try await members().filter { $0.state != "left" && $0.state != "forgotten" }
        let snapshot = membership.directory.snapshot
        let name = membership.configuration.name.text
        let asked = present.compactMap { member in
            member.name == name || member.liveness == "dead" ? nil : member.http.map { (member.name, $0) }
        }
        await keepClients(Set(asked.map(\.1)))
        var reports = [name: await own()]
        await withTaskGroup(of: NodeReport?.self) { group in
            for (index, (name, address)) in asked.enumerated() {
                if index >= Self.askedMax, let report = await group.next(), let report { reports[report.name] = report }
                guard let client = client(address) else { continue }
                group.addTask { await Self.report(of: name, client) }
            }
            for await report in group { if let report { reports[report.name] = report } }
        }
        if owners?.version != snapshot.ringVersion || owners == nil {
            owners = snapshot.ring.map { (snapshot.ringVersion, ClusterReckoning.Owners($0)) }
        }
        return Finding(
            members: present.map { .init($0, report: reports[$0.name]) },
            owners: snapshot.ring == nil ? nil : owners?.table,
            factor: Int(snapshot.settings?.replicationFactor ?? 0), cluster: snapshot.settings?.name)
    }

    /// What a member says; nil when it does not answer, or somebody else does in its place.
    private static func report(of name: String, _ client: HTTPPushClient) async -> NodeReport? {
        guard let reply = try? await client.get(path: "/api/v1/cluster/node", timeout: timeout), reply.status == 200,
            let report = try? JSONDecoder().decode(ClusterReply<NodeReport>.self, from: Data(reply.body)).data,
            report.name == name
        else { return nil }
        return report
    }

    private func client(_ address: String) -> HTTPPushClient? {
        if let client = clients[address] { return client }
        var limits = HTTPPushClient.Limits()
        limits.connectTimeout = Self.timeout
        limits.replyBytesMax = Self.replyBytesMax
        let client = try? HTTPPushClient(url: "http://\(address)", limits: limits)
        clients[address] = client
        return client
    }

    private func keepClients(_ wanted: Set<String>) async {
        let gone = clients.filter { !wanted.contains($0.key) }
        for address in gone.keys { clients[address] = nil }
        for client in gone.values { await client.close() }
    }
}

extension ClusterAdministration {
    /// The cluster at work; see `ClusterService`.
    package func overview() async throws -> ClusterOverview {
        let finding = try await survey.finding()
        let reckoning = ClusterReckoning(finding.members, owners: finding.owners)
        let replication = reckoning.replication
        return ClusterOverview(
            cluster: finding.cluster, node: name, time: SurfaceClock.milliseconds(),
            replicationFactor: finding.factor, replication: replication, nodes: reckoning.nodes,
            movements: reckoning.movements,
            warnings: ClusterReckoning.warnings(finding.members, replication: replication, factor: finding.factor),
            ringStamp: finding.stamp)
    }

    /// Who is to have each slot, and who has it; see `ClusterService`.
    package func ring() async throws -> ClusterRing {
        let finding = try await survey.finding()
        let reckoning = ClusterReckoning(finding.members, owners: finding.owners)
        guard let owners = finding.owners, let replication = reckoning.replication else {
            throw APIFailure(.unavailable, "no aggregator is known yet", retryAfterSeconds: 1)
        }
        return ClusterRing(replication: replication, nodes: reckoning.ring(owners), stamp: finding.stamp)
    }

    /// Slots on their way; see `ClusterService`.
    package func movements() async throws -> ClusterMovements {
        let finding = try await survey.finding()
        return ClusterReckoning(finding.members, owners: finding.owners).movements
    }
}

extension ClusterSurvey.Finding {
    /// A hash over all that `ClusterRing` shows.
    fileprivate var stamp: String {
        var bytes: [UInt8] = []
        for member in members {
            bytes += member.status.name.utf8
            bytes += member.report?.states?.letters ?? [UInt8(ascii: "?")]
            bytes += owners?.letters[member.status.name]?.letters ?? []
        }
        return String(XXH3.hash64(bytes.rawSpan), radix: 16)
    }
}
