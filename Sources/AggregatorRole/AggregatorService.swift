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
        /// Its data directory.
        package var dataDirectory: String
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

        /// All that has no default.
        package init(
            dataDirectory: String, host: String, port: Int, identity: NodeIdentity, engine: EngineHostConfiguration,
            seriesMax: Int
        ) {
            self.dataDirectory = dataDirectory
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

    private let configuration: Configuration
    private let readiness: Readiness
    private let metrics: MetricsRegistry
    private let group: any EventLoopGroup
    private let logger: Logger

    /// - Parameters:
    ///   - readiness: told when the log is replayed and other nodes are served.
    ///   - metrics: gets the engine's and the transport's figures.
    package init(
        configuration: Configuration, readiness: Readiness, metrics: MetricsRegistry,
        group: any EventLoopGroup, logger: Logger
    ) {
        self.configuration = configuration
        self.readiness = readiness
        self.metrics = metrics
        self.group = group
        self.logger = logger
    }

    /// Runs until a graceful shutdown.
    ///
    /// - Throws: why the directory, the log or the port cannot be used.
    package func run() async throws {
        let directory = try DataDirectory(path: configuration.dataDirectory)
        let host = try await EngineHost.open(
            directory: directory, configuration: configuration.engine, logger: logger)
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
        let address = try await server.start(host: configuration.host, port: configuration.port)
        logger.info("serving other nodes", metadata: ["address": "\(address)"])
        readiness.set(Self.readinessPart, notReadyBecause: nil)
        try await gracefulShutdown()
        await server.stop(grace: Self.stopGrace)
        try await host.close(sealing: true)
        logger.info("store closed")
    }
}
