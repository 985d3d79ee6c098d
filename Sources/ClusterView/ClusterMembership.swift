package import ClusterTransport
import Foundation
import GossipTransport
package import HTTPSurface
package import Logging
package import Membership
package import NIOCore
import ServiceLifecycle
import WireProtocol

/// This process as a member of its cluster: opens the cluster port, finds the others, keeps the directory up to date, and on a stop says so.
///
/// Its life: `run` opens the port and begins to gossip; once the cluster lets it in, `ClusterMembership+Admission.swift` decides whether it may take
/// part; from then on each change of the membership becomes a snapshot of `directory`.
package final class ClusterMembership: Service {
    /// What `Readiness` calls this part of a process.
    package static let readinessPart = "cluster"
    /// How long a stop waits for requests of other nodes that are under way.
    private static let stopGrace = Duration.seconds(1)

    /// What runs at the same time while the process is a member.
    enum Part { case listening, keepingUp, watching }

    /// Its part in the cluster.
    package let configuration: MemberConfiguration
    let node: GossipNode
    let kept: KeptCluster.Finding
    let readiness: Readiness
    let logger: Logger
    /// Everybody, and the connections to the aggregators.
    package let directory: ClusterDirectory
    /// The cluster port.
    package let server: ClusterServer
    private let admission = Admission()
    private let departure = Departure()

    /// A member that does nothing before `run`.
    ///
    /// - Parameters:
    ///   - configuration: its part in the cluster.
    ///   - handler: answers requests of other nodes.
    ///   - readiness: told when the process takes part.
    ///   - group: runs the sockets.
    ///   - logger: is told what happens to members.
    /// - Throws: `ClusterError` for what cannot work, whoever the others are.
    package init(
        _ configuration: MemberConfiguration, handler: any ClusterRequestHandler, readiness: Readiness,
        group: any EventLoopGroup, logger: Logger
    ) throws {
        self.configuration = configuration
        self.readiness = readiness
        self.logger = logger
        kept = try KeptCluster.prepare(configuration)
        var record = MemberRecord(
            name: configuration.name, instance: configuration.instance, roles: configuration.roles,
            address: NodeAddress(v4: 0, port: configuration.cluster.port))
        record.zone = configuration.zone
        record.weight = configuration.weight
        let founding = configuration.wishes.founding(id: .random())
        guard record.fits, founding.fits else {
            throw ClusterError(
                .badIdentity, "the zone or the cluster's name has other than visible ASCII characters, or is too long",
                hint: "--zone has at most \(MemberRecord.zoneBytesMax) bytes; --cluster-name and --placement-labels "
                    + "together fit in \(ClusterSettings.bytesMax)")
        }
        var gossip = GossipNodeConfiguration(
            record: record, cluster: configuration.wishes.clusterName, keyring: try configuration.readKeyring())
        gossip.seeds = configuration.seeds
        if configuration.isAggregator {
            gossip.founding = Founding(settings: founding, membersMin: configuration.founders)
        }
        gossip.directory = configuration.directory
        node = try GossipNode(gossip, group: group, logger: logger)
        server = ClusterServer(
            identity: NodeIdentity(cluster: configuration.wishes.clusterName, node: configuration.name.text),
            features: configuration.features, handler: handler, guests: [node.guest], group: group, logger: logger)
        directory = ClusterDirectory(
            name: configuration.name, cluster: configuration.wishes.clusterName, host: configuration.cluster.host,
            port: Int(configuration.cluster.port), features: configuration.features, handler: handler, group: group,
            logger: logger)
        readiness.set(Self.readinessPart, notReadyBecause: "looking for the cluster")
    }

    /// Waits until this process takes part.
    ///
    /// - Returns: the cluster's settings at that moment.
    /// - Throws: why it never will.
    package func settings() async throws -> ClusterSettings {
        try await admission.wait()
    }

    /// This process as it is known to itself; nil before it takes part.
    var own: ClusterMember? { directory.snapshot[configuration.name] }

    /// Whether this process gives its slots away in order to leave, and others remain to take them.
    package var isLeaving: Bool {
        own?.record.state == .leaving && !Stewardship(directory.snapshot).staying.contains(configuration.name)
    }

    /// Leaves the cluster for good, if this process still gives its slots away and `isEmpty` says that it has none left; `run` ends then.
    ///
    /// - Returns: whether it leaves.
    package func leave(if isEmpty: () async throws -> Bool) async rethrows -> Bool {
        let leaves = try await departure.leave {
            guard isLeaving else { return false }
            return try await isEmpty()
        }
        if leaves { await node.leave() }
        return leaves
    }

    /// Keeps its slots after all, unless it has nothing left and is about to be gone.
    func stay() async throws -> Departure.Answer {
        try await departure.stay {
            try await node.command {
                try $0.update(now: $1, into: &$2) {
                    if $0.state == .leaving { $0.state = .active }
                    $0.progress.leavesByForce = false
                }
            }
        }
    }

    /// Removes a dead member for good: on an operator's word, or since it has been dead for so many microseconds.
    func forget(_ name: MemberName, deadFor delay: Int64? = nil) async throws {
        try await node.command { try $0.forget(name, deadFor: delay, now: $1, into: &$2) }
    }

    func decide(_ result: Result<ClusterSettings, any Error>) { admission.decide(result) }

    /// Whether this process takes part.
    var takesPart: Bool { admission.isGranted }

    /// Runs until a graceful shutdown.
    ///
    /// - Throws: `ClusterError` when the cluster does not take this process, or no longer; the system's error when a port cannot be had.
    package func run() async throws {
        do {
            try await takePart()
            decide(.failure(CancellationError()))
            // A graceful stop has said goodbye by now; a cancelled task does so here.
            await node.stop()
        } catch {
            decide(.failure(error))
            await node.abandon()
            await close()
            throw error
        }
        await close()
    }

    private func close() async {
        await directory.stop()
        // What is under way is answered: the engine behind the port is closed later.
        await server.stop(grace: Self.stopGrace)
    }

    private func takePart() async throws {
        _ = try await server.start(host: configuration.cluster.host, port: Int(configuration.cluster.port))
        let advertised = await advertisedAddress()
        let http = await httpAddress(advertised: advertised)
        try await node.command { machine, _, _ in machine.setHTTP(http) }
        try await node.start(
            host: configuration.cluster.host, port: Int(configuration.cluster.port), advertised: advertised)
        let (wakes, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        try await withGracefulShutdownHandler {
            try await withThrowingTaskGroup(of: Part.self) { tasks in
                tasks.addTask { try await self.listen(wake) }
                tasks.addTask { await self.keepUp(wakes) }
                tasks.addTask { try await self.watchJoining() }
                // Listening ends with the membership, and the rest with listening.
                while let ended = try await tasks.next() {
                    if ended == .listening { tasks.cancelAll() }
                }
            }
        } onGracefulShutdown: {
            // What the others are told is bounded by `leave_timeout`; the notices end with it, and `listen`.
            Task { await self.node.stop() }
        }
    }

    /// Follows the membership: a change wakes the directory; being let in, and being thrown out, are decided here.
    private func listen(_ wake: AsyncStream<Void>.Continuation) async throws -> Part {
        defer { wake.finish() }
        for await notice in node.notices {
            switch notice {
            case .joined: try await enter()
            case .expelled(let reason):
                // The next start's number alone would not tell that this directory is behind.
                if case .outlived(let record) = reason {
                    try configuration.noteIdentity(record.name, record.instance.boot + 1)
                }
                throw ClusterError(reason)
            case .finished, .added, .updated, .progressed, .suspected, .recovered, .died, .stopped, .gone, .dropped,
                .settings,
                .own:
                break
            }
            wake.yield()
        }
        return .listening
    }

    /// Makes a snapshot for each wake; what changes meanwhile is one more wake.
    private func keepUp(_ wakes: AsyncStream<Void>) async -> Part {
        for await _ in wakes { await refresh() }
        return .keepingUp
    }

    func refresh() async {
        guard let views = try? await node.members(), let settings = try? await node.read({ $0.settings }) else {
            return
        }
        server.join(clusterID: "\(settings.id)")
        directory.update(views: views, settings: settings)
    }
}
