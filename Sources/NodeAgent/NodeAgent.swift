import HTTPSurface
package import Logging
import NIOPosix

// A reading's way: Host/HostCollector.swift reads the files and has Collectors/* parse them; AgentEncoder.swift makes a remote-write
// request of the figures; Delivery/Delivery.swift posts it, with Delivery/DeliveryQueue.swift deciding what waits and when.

/// Pushes this machine's own figures, as `murmur agent` does.
package enum NodeAgent {
    /// Why the agent does not start.
    package enum Failure: Error, Equatable, CustomStringConvertible {
        /// The interval is shorter than `AgentConfiguration.intervalMin`.
        case intervalTooShort(Duration)

        /// The error in words.
        package var description: String {
            switch self {
            case .intervalTooShort(let interval):
                "the interval is \(interval); the shortest is \(AgentConfiguration.intervalMin)"
            }
        }
    }

    /// Reads and pushes until its task is cancelled; then sends what waits, for at most `flushTimeout`.
    ///
    /// A server that is away is no error: pushes wait in a bounded buffer.
    /// - Throws: for a URL or interval that cannot be used.
    package static func run(configuration: AgentConfiguration, logger: Logger) async throws {
        guard configuration.interval >= AgentConfiguration.intervalMin else {
            throw Failure.intervalTooShort(configuration.interval)
        }
        var limits = HTTPPushClient.Limits()
        limits.requestTimeout = .seconds(10)
        limits.replyBytesMax = 1 << 20
        limits.connectionsMax = 2
        let client = try HTTPPushClient(url: configuration.push, limits: limits)
        let delivery = Delivery(client: client, configuration: configuration, logger: logger)
        logger.info(
            "agent started",
            metadata: ["push": "\(configuration.push)", "interval": "\(configuration.interval)"])
        await withTaskGroup { group in
            group.addTask { await collect(configuration: configuration, into: delivery, logger: logger) }
            group.addTask { await delivery.run() }
        }
        // A task of its own: the cancellation that brought us here must not reach the last posts.
        await Task { await delivery.flush(timeout: configuration.flushTimeout) }.value
        await client.close()
    }

    /// Reads once an interval until the task is cancelled. A reading that takes longer than the interval delays the next.
    private static func collect(configuration: AgentConfiguration, into delivery: Delivery, logger: Logger) async {
        let collector = HostCollector(root: configuration.rootPath)
        let server =
            configuration.serverID ?? HostReader(root: "/").systemNames().first { $0.name == "nodename" }?.value
        var encoder = AgentEncoder(serverID: server ?? "localhost", configuration: configuration)
        let clock = ContinuousClock()
        var next = clock.now
        while !Task.isCancelled {
            do {
                let now = HostReader.now()
                // On a thread of its own: a file system that hangs must not hold up the posts.
                let readings = try await NIOThreadPool.singleton.runIfActive { collector.collect(now: now) }
                await delivery.add(encoder.encode(readings, timestamp: now))
                next = max(next.advanced(by: configuration.interval), clock.now)
                try await clock.sleep(until: next)
            } catch is CancellationError {
                return
            } catch {
                logger.error("reading failed", metadata: ["error": "\(error)"])
                return
            }
        }
    }
}
