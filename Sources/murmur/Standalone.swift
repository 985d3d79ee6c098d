import AggregatorRole
import CheckpointPlan
import ClusterTransport
import CoordinatorRole
import EngineStorage
import Foundation
import HTTPSurface
import IngestRouting
import Logging
import NIOCore
import NIOPosix
import Placement
import QueryRouting
import RouterRole
import ServiceLifecycle
import Settings
import UnixSignals
import WebApp
import WireProtocol

/// `murmur standalone`: all roles in one process, joined by the binary protocol and a ring of one.
///
/// What another process has, a port or the directory, and what is not there, is found out before anything is made or said. Started in this order,
/// stopped in the reverse: the aggregator, the connections to it, HTTP.
enum Standalone {
    static func run(_ settings: StandaloneSettings, logger: Logger) async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let name = settings.name ?? ProcessInfo.processInfo.hostName
        let identity = NodeIdentity(cluster: settings.clusterName, node: name)
        let placement = try PlacementLabels(settings.placementLabels)
        let ring = try Ring(
            members: [settings.member(name: name)], replicationFactor: settings.replicationFactor)
        let readiness = Readiness(waitingFor: [
            AggregatorService.readinessPart: "replaying the log", ClientService.readinessPart: "not connected yet",
        ])
        let metrics = MetricsRegistry()
        let store = try settings.checkpointStore()
        try await FreePorts.check([("http", settings.http), ("cluster", settings.cluster)], group: group)
        let files = try WebDirectory.load(configured: settings.webDirectory, program: CommandLine.arguments[0])
        let directory = try DataDirectory(path: settings.dataDirectory)
        if case .sqlite(let path) = settings.checkpoint { try await check(store, path: path) }
        if files == nil {
            logger.warning("no web application: there is no directory web here; set web-dir to its files")
        }

        let aggregator = AggregatorService(
            configuration: settings.aggregator(identity: identity), directory: directory, store: store,
            readiness: readiness, metrics: metrics, group: group, logger: logger)
        let client = ClusterClient(
            host: settings.cluster.host, port: settings.cluster.port, identity: identity, limits: ConnectionLimits(),
            group: group, logger: logger)
        ClientMetrics.register([client], in: metrics)
        let router = IngestRouter(
            configuration: settings.router(placement: placement), aggregators: [client],
            owners: SlotOwners(table: SlotMap(ring).firstOwners), logger: logger)
        RouterMetrics.register(router, in: metrics)
        let coordinator = Coordinator(
            configuration: settings.coordinator,
            fanout: Fanout(aggregators: [client], targets: TargetChoice(ring: ring, placement: placement)))
        let http = HTTPServerSurface(
            configuration: settings.surface(version: Murmur.version),
            services: SurfaceServices(
                ingest: router, query: coordinator, files: files ?? .none, readiness: readiness, metrics: metrics,
                process: settings.processFacts),
            group: group, logger: logger)

        let services: [any Service] = [aggregator, ClientService(client: client, readiness: readiness), http]
        try await ServiceGroup(
            services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger
        ).run()
    }
}

extension Standalone {
    /// A file that cannot be used now cannot be used later either, unlike a server that is away: it refuses the start.
    private static func check(_ store: any CheckpointStore, path: String) async throws {
        do {
            try await store.prepare()
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

/// Keeps the connection to the aggregator for as long as the process serves.
struct ClientService: Service {
    /// What `Readiness` calls this part of a process.
    static let readinessPart = "connection to the aggregator"

    let client: ClusterClient
    let readiness: Readiness

    func run() async throws {
        client.start()
        let connected = Task {
            while !Task.isCancelled {
                guard (try? await client.waitUntilConnected(timeout: .seconds(5))) != nil else { continue }
                return readiness.set(Self.readinessPart, notReadyBecause: nil)
            }
        }
        try? await gracefulShutdown()
        connected.cancel()
        await client.stop(grace: .seconds(1))
    }
}
