import ClusterTransport
import ClusterView
import CoordinatorRole
import EngineStorage
import HTTPSurface
import Logging
import Membership
import MetricModel
import ServiceLifecycle
import Settings

/// What a process knows of deletions, and its exchange of them with others for as long as it runs.
struct DeletionParts: Service {
    let keeper: DeletionKeeper
    let exchange: DeletionExchange
    private let membership: ClusterMembership
    private let logger: Logger

    init(
        _ keeper: DeletionKeeper, _ membership: ClusterMembership, isAggregator: Bool, metrics: MetricsRegistry,
        logger: Logger
    ) {
        self.keeper = keeper
        self.membership = membership
        self.logger = logger
        exchange = DeletionExchange(
            directory: membership.directory, keeper: keeper,
            own: isAggregator ? membership.configuration.name.text : nil, logger: logger)
        metrics.gauge("murmur_deletions", help: "Deletions that are known here: what they hide is not shown.") {
            Double(keeper.known.set.count)
        }
    }

    /// Takes new ones.
    func service(_ coordinator: Coordinator) -> DeletionCoordinator {
        DeletionCoordinator(
            coordinator, exchange: exchange, known: keeper.known, clock: SurfaceClock.milliseconds, logger: logger)
    }

    func run() async throws {
        do {
            try await cancelWhenGracefulShutdown {
                _ = try await membership.settings()
                await exchange.run()
            }
        } catch is CancellationError {
            // A stop before the process was part of its cluster.
        }
        try? await gracefulShutdown()
    }
}

extension NodeSettings {
    /// Keeps deletions in the data directory of an aggregator; without one only in memory.
    ///
    /// - Throws: `EngineError` where the directory's deletions cannot be read.
    func deletionKeeper(_ directory: DataDirectory?) throws -> DeletionKeeper {
        guard let directory else { return DeletionKeeper(disk: nil, clock: SurfaceClock.milliseconds) }
        let file = DeletionFile(in: directory)
        let disk = DeletionKeeper.Disk(retention: retention) { try file.write($0) }
        return DeletionKeeper(stored: try file.read(), disk: disk, clock: SurfaceClock.milliseconds)
    }
}
