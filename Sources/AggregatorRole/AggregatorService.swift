package import CheckpointPlan
import ClusterTransport
package import EngineStorage
package import HTTPSurface
package import Logging
package import NIOCore
import ServiceLifecycle
package import WireProtocol

/// An aggregator's life: open the store, replay, serve other nodes, and on a stop seal what is in memory.
package struct AggregatorService: Service {
    /// What an aggregator is told once.
    package struct Configuration: Sendable {
        /// Where other nodes reach it.
        package var host: String
        /// Its port; 0 takes a free one.
        package var port: Int
        /// Its name and its cluster's.
        package var identity: NodeIdentity
        /// Engine and log.
        package var engine: EngineHostConfiguration
        /// `query_series_max`: series that one question about labels may read.
        package var seriesMax: Int
        /// How long a start that lacks blocks waits for the restore before the node serves all the same.
        package var restoreWait = Duration.seconds(60)
        /// How long a stop may take to seal what is in memory and to upload it; what is left waits for the next start.
        package var sealWait = Duration.seconds(4)

        /// All that has no default.
        package init(
            host: String, port: Int, identity: NodeIdentity, engine: EngineHostConfiguration, seriesMax: Int
        ) {
            self.host = host
            self.port = port
            self.identity = identity
            self.engine = engine
            self.seriesMax = seriesMax
        }
    }

    /// What `Readiness` calls this part of a process.
    package static let readinessPart = "aggregator"
    /// How long a stop waits for requests of other nodes that are under way.
    private static let stopGrace = Duration.seconds(1)

    /// Between two tries to restore from a store that is away: the first pause, doubled each time up to the last.
    private static let restorePause = Duration.seconds(2)
    private static let restorePauseMax = Duration.seconds(15)

    /// A store that comes back is used again within seconds.
    private static var cadence: CheckpointCadence.Limits {
        var limits = CheckpointCadence.Limits()
        limits.backOffMillisecondsMax = 5_000
        return limits
    }

    private let configuration: Configuration
    private let directory: DataDirectory
    private let store: any CheckpointStore
    private let readiness: Readiness
    private let metrics: MetricsRegistry
    private let group: any EventLoopGroup
    private let logger: Logger

    /// - Parameters:
    ///   - configuration: address, identity, engine.
    ///   - directory: the node's data directory, locked.
    ///   - store: the durable copy; it need not be there.
    ///   - readiness: told when the log is replayed and other nodes are served.
    ///   - metrics: gets the engine's and the transport's figures.
    ///   - group: runs the cluster port.
    ///   - logger: gets what happens to log, blocks and checkpoint.
    package init(
        configuration: Configuration, directory: DataDirectory, store: any CheckpointStore, readiness: Readiness,
        metrics: MetricsRegistry, group: any EventLoopGroup, logger: Logger
    ) {
        self.configuration = configuration
        self.directory = directory
        self.store = store
        self.readiness = readiness
        self.metrics = metrics
        self.group = group
        self.logger = logger
    }

    /// Runs until a graceful shutdown.
    ///
    /// - Throws: why the blocks, the log or the port cannot be used.
    package func run() async throws {
        let host = try await EngineHost.open(
            directory: directory, configuration: configuration.engine, logger: logger)
        if directory.needsRestore && !directory.isNew {
            logger.warning(
                "blocks of this node may be missing; what the checkpoint has is restored",
                metadata: ["directory": "\(directory.path)"])
        }
        EngineMetrics.register(host, in: metrics)
        let server = ClusterServer(
            identity: configuration.identity, limits: ConnectionLimits(),
            handler: AggregatorHandler(engine: host, seriesMax: configuration.seriesMax), group: group, logger: logger)
        TransportMetrics.register(server, in: metrics)
        do {
            try await serve(host, server)
        } catch {
            try? await host.close()
            throw error
        }
    }

    private func serve(_ host: EngineHost, _ server: ClusterServer) async throws {
        let uploader = CheckpointUploader(
            host: host, store: store, writer: "\(configuration.identity.node)/\(host.directory.bootNumber)",
            limits: Self.cadence, logger: logger)
        EngineMetrics.register(uploader, in: metrics)
        let address = try await server.start(host: configuration.host, port: configuration.port)
        logger.info("serving other nodes", metadata: ["address": "\(address)"])
        let restoring = Task { await restore(with: uploader) }
        let uploading = Task { await uploader.run() }
        try? await gracefulShutdown()
        restoring.cancel()
        uploading.cancel()
        await server.stop(grace: Self.stopGrace)
        await seal(host, uploader)
        try await host.close()
        await store.close()
        logger.info("store closed")
    }

    /// Fetches what a lost data directory held. The node is ready once that is done, or cannot be: a store that is away stops no start.
    private func restore(with uploader: CheckpointUploader) async {
        // The first try outlives the wait for it: another beside it would fetch the same blocks again.
        let first = Task { try await uploader.restore() }
        await withTaskCancellationHandler {
            let waited = await Bounded.run(configuration.restoreWait) { try await first.value }
            if Task.isCancelled { return }
            if case .failure(is Bounded.TimeoutError) = waited {
                logger.warning(
                    "restoring from the checkpoint goes on while the node serves",
                    metadata: ["waited": "\(configuration.restoreWait)"])
            }
            readiness.set(Self.readinessPart, notReadyBecause: nil)
            await retry(after: await first.result, with: uploader)
        } onCancel: {
            first.cancel()
        }
    }

    /// Tries to restore until that succeeds or the task is cancelled.
    private func retry(after first: Result<Void, any Error>, with uploader: CheckpointUploader) async {
        var result = first
        var pause = Self.restorePause
        var told: String?
        while case .failure(let error) = result, !Task.isCancelled {
            let reason = "\(error)"
            if reason != told {
                told = reason
                logger.warning("not restored from the checkpoint; trying on", metadata: ["error": "\(reason)"])
            }
            do { try await Task.sleep(for: pause) } catch { return }
            pause = min(pause * 2, Self.restorePauseMax)
            do { result = .success(try await uploader.restore()) } catch { result = .failure(error) }
        }
    }

    /// Seals what is in memory and uploads it, as far as that goes in time. The log has it all in any case.
    private func seal(_ host: EngineHost, _ uploader: CheckpointUploader) async {
        let sealed = await Bounded.run(configuration.sealWait) {
            try await host.seal()
            try await uploader.flush()
        }
        if case .failure(let error) = sealed, !(error is CancellationError) {
            logger.warning("not everything is checkpointed; the next start goes on", metadata: ["error": "\(error)"])
        }
    }
}
