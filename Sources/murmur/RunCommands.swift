import ClusterView
import EngineStorage
import Foundation
import HTTPSurface
import LoadGenerator
import Logging
import Membership
import NIOCore
import NodeAgent
import ServiceLifecycle
import Settings
import UnixSignals

/// `murmur standalone`, `router`, `aggregator`, `coordinator`: settings to a running process of a cluster.
enum NodeCommand {
    static func run(_ values: SettingValues, command: String, roles: MemberRoles) async throws {
        Logs.start(values)
        do {
            try await NodeProcess.run(NodeSettings(values), roles: roles, command: command)
        } catch let error as ClusterError {
            throw CommandFailure(message: error.description, hint: error.hint)
        } catch let error as SurfaceError {
            throw CommandFailure(message: error.description, hint: FreePorts.hint("http"))
        } catch let error as IOError {
            // The HTTP server explains its own; what is left is the port for other nodes.
            throw FreePorts.failure("cluster", values.address("cluster"), error)
        } catch let error as EngineError {
            throw CommandFailure(message: error.message, hint: hint(error))
        }
    }

    /// What to do about a store that does not open; the other kinds of error say it themselves.
    private static func hint(_ error: EngineError) -> String? {
        switch error.code {
        case .directoryLocked: "choose another directory with --data-dir, or stop what uses this one"
        case .directoryNotWritable: "choose a directory with --data-dir that this user can make and write"
        case .diskFull: "make room on the disk and start again: nothing that was acknowledged is lost"
        case .overloaded, .logFailed, .limitExceeded, .blockUnreadable, .directoryUnusable, .unknownVersion, .closed:
            nil
        }
    }
}

/// `murmur agent`: pushes this machine's metrics until it is told to stop.
enum AgentCommand {
    static func run(_ values: SettingValues) async throws {
        let configuration: AgentConfiguration
        do throws(SettingsError) {
            configuration = AgentConfiguration(
                push: try values.requiredText("push"), serverID: values.optionalText("server-id"),
                interval: .milliseconds(values.milliseconds("interval")), tenant: values.optionalText("tenant"),
                bufferBytesMax: values.integer("buffer-bytes-max"))
        } catch {
            throw UsageError(error, command: "agent")
        }
        Logs.start(values)
        let logger = Logger(label: "agent")
        try await UntilSignal.run { try await NodeAgent.run(configuration: configuration, logger: logger) }
    }
}

/// `murmur loadgen`: pushes made-up metrics and reports.
enum LoadgenCommand {
    static func run(_ values: SettingValues) async throws {
        let configuration: LoadConfiguration
        do throws(SettingsError) {
            configuration = LoadConfiguration(
                push: try values.requiredText("push"), servers: values.integer("servers"),
                metrics: values.integer("metrics"), interval: .milliseconds(values.milliseconds("interval")),
                duration: .milliseconds(values.milliseconds("duration")),
                format: LoadConfiguration.Format(rawValue: values.text("format")) ?? .remoteWrite,
                churn: values.number("churn"), tenant: values.optionalText("tenant"),
                seed: UInt64(values.integer("seed")), connections: values.integer("connections"),
                samplesPerRequest: values.integer("batch"))
        } catch {
            throw UsageError(error, command: "loadgen")
        }
        let isJSON = values.isOn("json")
        try await UntilSignal.run {
            let report = try await LoadGenerator.run(configuration: configuration) { progress in
                if !isJSON { Terminal.note("\(progress.samples) samples, \(progress.errors) errors\n") }
            }
            Terminal.print((isJSON ? report.json : report.text) + "\n")
            if report.samples == 0 && report.errors > 0 {
                throw CommandFailure(
                    message: "nothing was stored: \(report.firstError)",
                    hint: "--push names the server's HTTP address, such as http://127.0.0.1:7480")
            }
        }
    }
}

/// The program's logs.
enum Logs {
    /// Every logger made from now on writes lines as the settings say.
    static func start(_ values: SettingValues) {
        let level = Logger.Level(rawValue: values.text("log-level")) ?? .info
        let format = LineLogHandler.Format(rawValue: values.text("log-format")) ?? .logfmt
        LoggingSystem.bootstrap { label in LineLogHandler(label: label, level: level, format: format) }
    }
}

/// Work that SIGINT and SIGTERM end in order.
enum UntilSignal {
    private struct Work: Service {
        let work: @Sendable () async throws -> Void

        func run() async throws {
            try await cancelWhenGracefulShutdown { try await work() }
        }
    }

    /// Runs `work`; a signal cancels its task, and it ends as it sees fit. A second signal is not needed.
    static func run(_ work: @escaping @Sendable () async throws -> Void) async throws {
        // The group's own messages matter only when something in it fails.
        var logger = Logger(label: "signals")
        logger.logLevel = .error
        let service = ServiceGroupConfiguration.ServiceConfiguration(
            service: Work(work: work), successTerminationBehavior: .gracefullyShutdownGroup,
            failureTerminationBehavior: .cancelGroup)
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [service], gracefulShutdownSignals: [.sigint, .sigterm], logger: logger))
        do {
            try await group.run()
        } catch is CancellationError {
            // The work heard the signal and stopped.
        }
    }
}
