import AggregatorRole
import CheckpointPlan
import CheckpointPostgres
import CheckpointSQLite
import CoordinatorRole
import EngineStorage
import Foundation
import HTTPSurface
import MetricModel
import Placement
import QueryEngine
import QueryLanguage
import RouterRole
import SeriesEngine
import Settings
import WireProtocol

/// What each role is told, out of the settings.
extension StandaloneSettings {
    /// The node as the ring sees it, whose weights are whole numbers.
    func member(name: String) -> RingMember {
        RingMember(name: name, weight: UInt32((weight * 1_000).rounded()), zone: zone)
    }

    func aggregator(identity: NodeIdentity) -> AggregatorService.Configuration {
        var engine = EngineConfiguration(generation: 0)
        engine.retention = retention
        engine.lateWindow = lateWindow
        engine.seriesMax = seriesMax
        engine.placementLabels = placementLabels
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
        return AggregatorService.Configuration(
            host: cluster.host, port: cluster.port, identity: identity, engine: host,
            seriesMax: limits.querySeriesMax)
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

    func router(placement: PlacementLabels) -> IngestRouter.Configuration {
        var configuration = IngestRouter.Configuration(placement: placement, seed: .random(in: 0 ... .max))
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
