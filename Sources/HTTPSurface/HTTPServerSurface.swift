import Hummingbird
package import Logging
package import NIOCore
import NIOPosix
import ServiceLifecycle

/// The HTTP server of a process: API, pushes, live WebSocket, web application and the process' own metrics on one port.
///
/// What arrives is a connection; what leaves are calls of the services that roles implement. `SurfaceChannel` tells
/// WebSockets from HTTP, `SurfaceResponder` answers requests, `LiveService` serves WebSockets.
package struct HTTPServerSurface: Service {
    private let configuration: SurfaceConfiguration
    private let services: SurfaceServices
    private let group: any EventLoopGroup
    private let logger: Logger
    private let listening: EventLoopPromise<SocketAddress>

    /// A server that does not listen yet.
    package init(
        configuration: SurfaceConfiguration, services: SurfaceServices,
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton, logger: Logger
    ) {
        self.configuration = configuration
        self.services = services
        self.group = group
        self.logger = logger
        listening = group.any().makePromise(of: SocketAddress.self)
    }

    /// Where it listens; suspends until it does.
    ///
    /// - Throws: why it cannot listen.
    package func address() async throws -> SocketAddress {
        try await listening.futureResult.get()
    }

    /// Serves until a graceful shutdown or the cancellation of its task.
    ///
    /// A graceful shutdown stops listening, ends live subscriptions, and waits for requests at work, at most
    /// `shutdownGrace`; then what is left is cut off.
    ///
    /// - Throws: `SurfaceError.cannotListen` when the port is busy or the address is not ours.
    package func run() async throws {
        let live = services.query.map { query in
            LiveService(
                limits: configuration.live, query: query,
                timeoutMilliseconds: configuration.bounds.timeoutMilliseconds, metrics: services.metrics,
                clock: services.clock)
        }
        let application = application(live)
        do {
            try await withThrowingTaskGroup(of: Part.self) { tasks in
                tasks.addTask {
                    try await application.run()
                    return .server
                }
                if let live {
                    tasks.addTask {
                        await live.run()
                        return .live
                    }
                }
                tasks.addTask {
                    try await stopInTime(live)
                    return .grace
                }
                var running: Set<Part> = live == nil ? [.server] : [.server, .live]
                while !running.isEmpty, let ended = try await tasks.next(), ended != .grace { running.remove(ended) }
                tasks.cancelAll()
            }
        } catch {
            let failure = explained(error)
            listening.fail(failure)
            if !(error is CancellationError) { throw failure }
        }
    }

    private func application(_ live: LiveService?) -> Application<SurfaceResponder> {
        // Hummingbird's own messages vary in their text, and its errors at a stop are none.
        var quiet = logger
        quiet.logLevel = .critical
        return Application(
            responder: SurfaceResponder(configuration: configuration, services: services, logger: logger),
            server: SurfaceChannel.builder(configuration, live: live, readiness: services.readiness),
            configuration: ApplicationConfiguration(
                address: .hostname(configuration.host, port: configuration.port), serverName: "Murmuration",
                backlog: 1_024,
                availableConnectionsDelegate: .maximum(configuration.connectionsMax, logger: logger)),
            onServerRunning: { [listening, logger] channel in
                guard let address = channel.localAddress else { return }
                logger.info("serving HTTP", metadata: ["address": "\(address.ipAddress ?? ""):\(address.port ?? 0)"])
                listening.succeed(address)
            },
            eventLoopGroupProvider: .shared(group), logger: quiet)
    }

    /// What runs at the same time.
    private enum Part {
        case server
        case live
        /// The time that a graceful shutdown gives the others.
        case grace
    }

    /// Waits for a graceful shutdown, has live clients told, and gives the rest its time.
    private func stopInTime(_ live: LiveService?) async throws {
        try await gracefulShutdown()
        services.readiness.stop()
        live?.stop(reason: "the server stops")
        try await Task.sleep(for: configuration.shutdownGrace)
        logger.warning("requests still at work are cut off", metadata: ["after": "\(configuration.shutdownGrace)"])
    }

    private func explained(_ error: any Error) -> any Error {
        guard let failure = error as? IOError else { return error }
        return SurfaceError.cannotListen(
            host: configuration.host, port: configuration.port, reason: SystemReason.text(failure))
    }
}

/// Why the server does not run.
package enum SurfaceError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The address cannot be had.
    case cannotListen(host: String, port: Int, reason: String)

    /// One line.
    package var description: String {
        switch self {
        case .cannotListen(let host, let port, let reason): "cannot listen on \(host):\(port): \(reason)"
        }
    }
}
