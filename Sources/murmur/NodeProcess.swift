import AggregatorRole
import CheckpointPlan
import ClusterTransport
import ClusterView
import CoordinatorRole
import EngineStorage
import Foundation
import HTTPSurface
import Logging
import Membership
import NIOCore
import NIOPosix
import RouterRole
import ServiceLifecycle
import Settings
import UnixSignals
import WebApp

/// A process of the cluster: `murmur router`, `aggregator`, `coordinator`, and `standalone`, which is all of them, joined by the binary protocol.
///
/// What another process has, a port or the directory, and what is not there, is found out before anything is made or said. Started in this order,
/// stopped in the reverse: the engine, the member with its connections, HTTP.
enum NodeProcess {
    static func run(_ settings: NodeSettings, roles: MemberRoles, command: String) async throws {
        let logger = Logger(label: command)
        let group = MultiThreadedEventLoopGroup.singleton
        let readiness = Readiness()
        let metrics = MetricsRegistry()
        let servers = roles.contains(.aggregator) ? try settings.checkpointServers(logger: logger) : nil
        try await FreePorts.check([("http", settings.http), ("cluster", settings.cluster)], group: group)
        let files = roles.contains(.coordinator) ? try webFiles(settings, logger: logger) : nil
        let directory = try dataDirectory(settings, roles: roles)
        if let servers, case .sqlite(let path) = settings.checkpoint { try await check(servers, path: path) }

        let port = HandlerSlot(
            reason: roles.contains(.aggregator) ? "the aggregator is starting" : "this process holds no samples")
        let keeper = try settings.deletionKeeper(roles.contains(.aggregator) ? directory : nil)
        let membership = try ClusterMembership(
            try settings.member(roles: roles, command: command, directory: directory),
            handler: roles.contains(.aggregator) ? DeletionHandler(keeper, next: port) : port,
            readiness: readiness, group: group, logger: logger)
        let deletions = DeletionParts(
            keeper, membership, isAggregator: roles.contains(.aggregator), metrics: metrics, logger: logger)
        ClusterMetrics.register(membership, in: metrics)
        ClientMetrics.register(membership.directory, in: metrics)
        let board = SlotBoard()
        var services: [ServiceGroupConfiguration.ServiceConfiguration] = []
        if let directory, let servers {
            let aggregator = AggregatorService(
                configuration: settings.aggregator(
                    membership, board: board, deletions: deletions, isAlone: roles.contains(.router)),
                directory: directory, servers: servers, readiness: readiness, metrics: metrics, port: port,
                logger: logger)
            services.append(.init(service: aggregator))
        }
        // Who has left the cluster stops in order.
        services.append(.init(service: membership, successTerminationBehavior: .gracefullyShutdownGroup))
        if roles.contains(.aggregator), !roles.contains(.router) {
            let steward = ClusterSteward(membership, metrics: metrics) { await board.standing }
            services.append(.init(service: steward))
        }
        var surface = SurfaceServices(
            files: files ?? .none, readiness: readiness, metrics: metrics, process: settings.processFacts)
        let ingest = roles.contains(.router) ? RouterSlot() : nil
        surface.ingest = ingest
        let reporter = NodeReporter(
            settings, board: board, isAggregator: roles.contains(.aggregator), router: ingest)
        services.append(.init(service: reporter))
        surface.cluster = ClusterAdministration(
            membership, version: Murmur.version, checkpoint: { servers.map(settings.checkpointState) },
            slots: { await settings.slots(board, membership) }, report: { await reporter.fill(&$0) })
        if roles.contains(.coordinator) {
            let pace = ReadPace(hedgeDelay: settings.queryHedgeDelay)
            pace.register(in: metrics)
            let slot = FanoutSlot(membership.directory, pace: pace, deletions: keeper.known)
            let results = ResultStore(bytesMax: settings.resultCacheBytesMax)
            results.register(in: metrics)
            let coordinator = Coordinator(
                configuration: settings.coordinator, results: results, fanout: { try slot.fanout() })
            surface.query = coordinator
            surface.deletions = deletions.service(coordinator)
        }
        if roles != .router { services.append(.init(service: deletions)) }
        if !roles.isDisjoint(with: [.router, .coordinator]) {
            let connections = ConnectionService(membership: membership, readiness: readiness) { cluster in
                try ingest?.fill(settings, cluster, membership.directory, metrics: metrics, logger: logger)
            }
            services.append(.init(service: connections))
        }
        let http = HTTPServerSurface(
            configuration: settings.surface(version: Murmur.version), services: surface, group: group, logger: logger)
        services.append(.init(service: http))
        try await ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        ).run()
    }

    private static func webFiles(_ settings: NodeSettings, logger: Logger) throws -> StaticFiles? {
        let files = try WebDirectory.load(configured: settings.webDirectory, program: CommandLine.arguments[0])
        if files == nil {
            logger.warning("no web application: there is no directory web here; set web-dir to its files")
        }
        return files
    }

    private static func dataDirectory(_ settings: NodeSettings, roles: MemberRoles) throws -> DataDirectory? {
        let isAggregator = roles.contains(.aggregator)
        guard isAggregator || settings.hasDataDirectory else { return nil }
        return try DataDirectory(path: settings.dataDirectory, hasEngine: isAggregator)
    }

    /// A file that cannot be used now cannot be used later either, unlike a server that is away: it refuses the start.
    private static func check(_ servers: CheckpointServers, path: String) async throws {
        do {
            try await servers.prepare()
        } catch {
            switch error {
            case .refused, .corrupt, .incompatibleSchema:
                throw CommandFailure(
                    message: "checkpoint sqlite:\(path) cannot be used: \(error)",
                    hint: "--checkpoint sqlite:PATH names this program's database, or a new file where it may write")
            default: return
            }
        }
    }
}

/// Gives the router its cluster, and says when an aggregator can be asked.
struct ConnectionService: Service {
    /// What `Readiness` calls this part of a process.
    static let readinessPart = "connection to the aggregator"

    private let membership: ClusterMembership
    private let readiness: Readiness
    private let begin: @Sendable (ClusterSettings) throws -> Void

    /// - Parameters:
    ///   - membership: this process as a member.
    ///   - readiness: told when an aggregator is connected.
    ///   - begin: what waits for the cluster's settings.
    init(
        membership: ClusterMembership, readiness: Readiness,
        begin: @escaping @Sendable (ClusterSettings) throws -> Void
    ) {
        self.membership = membership
        self.readiness = readiness
        self.begin = begin
        readiness.set(Self.readinessPart, notReadyBecause: "not connected yet")
    }

    func run() async throws {
        do {
            try await cancelWhenGracefulShutdown { try await connect() }
        } catch is CancellationError {
            // A stop before there was anybody to connect to.
        }
        try? await gracefulShutdown()
    }

    private func connect() async throws {
        try begin(try await membership.settings())
        while true {
            for id in membership.directory.snapshot.ringNumbers {
                guard let client = membership.directory.client(id) else { continue }
                guard (try? await client.waitUntilConnected(timeout: .seconds(1))) != nil else { continue }
                return readiness.set(Self.readinessPart, notReadyBecause: nil)
            }
            try await Task.sleep(for: .milliseconds(100))
        }
    }
}

extension SlotBoard {
    /// How the slots stand, for the others to know.
    fileprivate var standing: HolderStanding? {
        get async {
            // The view first: one that comes meanwhile counts with the next look.
            let applied = view
            guard applied.settings > 0, let status = await status else { return nil }
            return HolderStanding(
                appliedSettings: applied.settings, ring: applied.ring,
                isSettled: status.isSettled && status.whole == status.holds)
        }
    }
}
