import AggregatorRole
import CheckpointPlan
import CheckpointPostgres
import CheckpointSQLite
import ClusterTransport
import ClusterView
import CoordinatorRole
import EngineStorage
import Foundation
import HTTPSurface
import Logging
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
    ///   - deletions: what is not to be shown.
    ///   - isAlone: whether this process keeps all slots by itself, and other aggregators are refused.
    /// - Returns: what the aggregator is told.
    func aggregator(
        _ membership: ClusterMembership, board: SlotBoard, deletions: DeletionParts, isAlone: Bool
    ) -> AggregatorService.Configuration {
        var configuration = AggregatorService.Configuration(
            name: membership.configuration.name.text, seriesMax: limits.querySeriesMax,
            engine: {
                var host = engine(try await membership.settings())
                host.deletions = { deletions.keeper.known.of($0) }
                return host
            })
        configuration.owner = {
            let cluster = try await membership.settings()
            return CheckpointOwner(cluster: "\(cluster.id)", name: cluster.name)
        }
        configuration.ownerPatience = checkpointOwnerPatience
        configuration.former = formerCheckpoint
        configuration.board = board
        configuration.movementRate = movementRate
        if !isAlone {
            configuration.aggregators = membership.directory
            configuration.catchUp = { await deletions.exchange.catchUp() }
            configuration.isLeaving = { membership.isLeaving }
            configuration.leave = { try await membership.leave(if: $0) }
            configuration.hasAllCopies = { Stewardship(membership.directory.snapshot).copiesWait == nil }
            configuration.isolationWaitMax = {
                let delay = membership.directory.snapshot.settings?.replacementDelayMilliseconds ?? 0
                return delay == 0 ? .max : delay * 1_000 / 3
            }
        }
        return configuration
    }

    /// How the slots of this process stand, for whoever asks; nil where it keeps none among others.
    func slots(_ board: SlotBoard, _ membership: ClusterMembership) async -> ClusterStatus.Slots? {
        guard let status = await board.status else { return nil }
        let cluster = membership.directory.snapshot
        let own = cluster[membership.configuration.name]?.id
        let wanted = cluster.movement.map { view in
            view.slots.count { slot in view.wanted(slot).contains { $0 == own } }
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
        let memory = ProcessMemory.limit
        host.blockCacheBytesMax = blockCacheBytesMax ?? max(memory / 4, min(256 << 20, memory / 2))
        host.pendingCheckpointBytesMax = pendingCheckpointBytesMax
        return host
    }

    /// Where checkpoints go; nothing is opened yet.
    func checkpointServers(logger: Logger) throws -> CheckpointServers {
        switch checkpoint {
        case .sqlite(let path): CheckpointServers(only: SQLiteCheckpointStore(path: path), logger: logger)
        case .postgres(let servers):
            CheckpointServers(
                try servers.map { text in
                    let listed = try ListedCheckpoint(parsing: text)
                    return CheckpointServers.Listed(
                        store: PostgresCheckpointStore(listed.uri), name: listed.uri.place, state: listed.state)
                }, logger: logger)
        }
    }

    /// How the databases stand, for whoever asks.
    func checkpointState(_ servers: CheckpointServers) -> [CheckpointServerState] {
        let now = SurfaceClock.milliseconds()
        return servers.status.map { server in
            CheckpointServerState(
                name: server.name, state: "\(server.state)", isAway: server.isAway, reason: server.reason,
                slots: server.slotCount, pendingFiles: server.pendingFiles, pendingBytes: server.pendingBytes,
                lagSeconds: server.lagSeconds(at: now), mapVersion: server.mapVersion, isOthers: server.isOthers)
        }
    }

    /// The embedded store of a standalone that became something else: PostgreSQL keeps the checkpoints from now on.
    var formerCheckpoint: AggregatorService.FormerCheckpoint? {
        let path = dataDirectory + "/checkpoint.db"
        guard case .postgres = checkpoint, FileManager.default.fileExists(atPath: path) else { return nil }
        return AggregatorService.FormerCheckpoint(store: SQLiteCheckpointStore(path: path)) {
            try FileManager.default.moveItem(atPath: path, toPath: path + ".taken-over")
        }
    }

    func router(_ cluster: ClusterSettings) throws -> IngestRouter.Configuration {
        var configuration = IngestRouter.Configuration(
            placement: try PlacementLabels(cluster.placementLabels), seed: .random(in: 0 ... .max))
        configuration.slotBits = Int(cluster.slotBits)
        configuration.limits = limits
        configuration.nativeHistograms = nativeHistograms
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
        configuration.adminAPI = adminAPI
        configuration.version = version
        // A stop takes 10 s at most: 3 here, 1 each for the connections' two ends, 4 to seal and upload.
        configuration.shutdownGrace = .seconds(3)
        return configuration
    }
}
