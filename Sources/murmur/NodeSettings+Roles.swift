import AggregatorRole
import CheckpointPlan
import CheckpointPostgres
import CheckpointSQLite
import ClusterView
import CoordinatorRole
import EngineStorage
import Foundation
import HTTPSurface
import Membership
import MetricModel
import Placement
import QueryEngine
import QueryLanguage
import RouterRole
import SeriesEngine
import Settings
import SlotMovement

/// What each role is told, out of the settings.
extension NodeSettings {
    /// The aggregator's part, whose engine has to wait for the cluster's settings.
    /// - Parameters:
    ///   - membership: this process as a member.
    ///   - board: where others read how its slots stand.
    ///   - isAlone: whether this process keeps all slots by itself, and other aggregators are refused.
    /// - Returns: what the aggregator is told.
    func aggregator(_ membership: ClusterMembership, board: SlotBoard, isAlone: Bool) -> AggregatorService.Configuration
    {
        var configuration = AggregatorService.Configuration(
            name: membership.configuration.name.text, seriesMax: limits.querySeriesMax,
            engine: { engine(try await membership.settings()) })
        if !isAlone {
            configuration.aggregators = membership.directory
            configuration.board = board
            configuration.isLeaving = { membership.isLeaving }
            configuration.leave = { await membership.leave() }
        }
        return configuration
    }

    /// How the slots of this process stand, for whoever asks; nil where it keeps none among others.
    func slots(_ board: SlotBoard, _ membership: ClusterMembership) async -> ClusterStatus.Slots? {
        guard let status = await board.status else { return nil }
        let cluster = membership.directory.snapshot
        let own = cluster[membership.configuration.name]?.id
        let wanted = cluster.movement.map { view in
            view.orders.indices.count { slot in view.wanted(slot).contains { $0 == own } }
        }
        return ClusterStatus.Slots(
            wanted: wanted ?? 0, held: status.holds, whole: status.whole, batchesOwed: status.batchesOwed,
            isSettled: status.isSettled)
    }

    private func engine(_ cluster: ClusterSettings) -> EngineHostConfiguration {
        var engine = EngineConfiguration(generation: 0)
        engine.retention = retention
        engine.lateWindow = cluster.lateWindowMilliseconds
        engine.seriesMax = seriesMax
        engine.slotBits = Int(cluster.slotBits)
        engine.placementLabels = cluster.placementLabels
        var host = EngineHostConfiguration(engine: engine)
        host.durability =
            switch durability {
            case .fsync: .fsync
            case .interval: .interval
            case .memory: .memory
            }
        host.sealInterval = sealInterval
        host.headSamplesMax = headSamplesMax
        host.blockCacheBytesMax = blockCacheBytesMax
        host.pendingCheckpointBytesMax = pendingCheckpointBytesMax
        return host
    }

    func checkpointStore() throws -> any CheckpointStore {
        switch checkpoint {
        case .sqlite(let path): SQLiteCheckpointStore(path: path)
        case .postgres(let servers): try postgresStore(servers)
        }
    }

    private func postgresStore(_ servers: [String]) throws -> any CheckpointStore {
        guard servers.count == 1, case .postgres(let uri) = try CheckpointConfiguration(parsing: servers[0]) else {
            throw CommandFailure(
                message: "--checkpoint names \(servers.count) PostgreSQL servers",
                hint: "one is possible so far; several come with the cluster")
        }
        return PostgresCheckpointStore(uri)
    }

    func router(_ cluster: ClusterSettings) throws -> IngestRouter.Configuration {
        var configuration = IngestRouter.Configuration(
            placement: try PlacementLabels(cluster.placementLabels), seed: .random(in: 0 ... .max))
        configuration.slotBits = Int(cluster.slotBits)
        configuration.limits = limits
        return configuration
    }

    var coordinator: Coordinator.Configuration {
        var configuration = Coordinator.Configuration()
        configuration.evaluation.lookback = queryLookback
        configuration.evaluation.samplesMax = limits.querySamplesMax
        configuration.evaluation.stepsMax = limits.queryStepsMax
        configuration.parser.queryBytesMax = limits.queryBytesMax
        configuration.parser.experimentalFunctions = experimentalFunctions
        configuration.parser.experimentalDurationExpressions = durationExpressions
        configuration.seriesMax = limits.querySeriesMax
        return configuration
    }

    /// What the process says about itself; it has started when this is asked for.
    var processFacts: ProcessFacts {
        ProcessFacts(
            settings: shown, startTime: SurfaceClock.milliseconds(), hostName: ProcessInfo.processInfo.hostName,
            workingDirectory: FileManager.default.currentDirectoryPath,
            processors: ProcessInfo.processInfo.activeProcessorCount,
            retention: shown.first { $0.name == "retention" }?.value ?? "")
    }

    func surface(version: String) -> SurfaceConfiguration {
        var configuration = SurfaceConfiguration(host: http.host, port: http.port)
        configuration.bounds.limits = limits
        configuration.bounds.timeoutMilliseconds = queryTimeout
        configuration.queries.runningMax = queryConcurrencyMax
        configuration.queries.runningPerTenantMax = queryTenantConcurrencyMax
        configuration.queries.waitingPerTenantMax = queryQueueMax
        configuration.live.connectionsMax = liveConnectionsMax
        configuration.live.seriesMax = liveSeriesMax
        configuration.live.queryBytesMax = limits.queryBytesMax
        configuration.requestsMax = httpRequestsMax
        configuration.connectionsMax = httpConnectionsMax
        configuration.ingestInFlightBytesMax = ingestInFlightBytesMax
        configuration.version = version
        // A stop takes 10 s at most: 3 here, 1 each for the connections' two ends, 4 to seal and upload.
        configuration.shutdownGrace = .seconds(3)
        return configuration
    }
}
