import ClusterTransport
import Foundation
import GossipTransport
import Logging
import Membership
import MetricModel
import NIOCore
import NIOPosix
import WireProtocol

/// Answers nothing on the cluster port but what the guest answers.
private struct NoRequests: ClusterRequestHandler {
    func write(_ batch: WriteBatch, respond: @escaping @Sendable (Result<WriteAcknowledgement, TypedError>) -> Void) {
        respond(.failure(TypedError(.unavailable, "no engine here")))
    }

    func store(_ call: StoreCall, respond: @escaping @Sendable (Result<StoreAnswer, TypedError>) -> Void) {
        respond(.failure(TypedError(.unavailable, "no engine here")))
    }

    func movement(_ packet: MovementPacket, respond: @escaping @Sendable (Result<Void, TypedError>) -> Void) {
        respond(.failure(TypedError(.unavailable, "no engine here")))
    }

    func query(_ request: QueryRequest, sink: any PageSink) async throws -> SelectEnd {
        throw TypedError(.unavailable, "no engine here")
    }
}

/// A member on loopback: cluster port and gossip on one port number, and a data directory.
struct TestMember {
    let node: GossipNode
    let server: ClusterServer
    let port: Int
    let directory: String

    static let group = MultiThreadedEventLoopGroup.singleton

    static func settings(id: UInt64 = 2) -> ClusterSettings {
        ClusterSettings(
            id: ClusterID(high: 1, low: id), name: "test", placementLabels: ["instance"],
            lateWindowMilliseconds: 600_000)
    }

    /// Quick enough for a test, and slow enough for a busy machine.
    static var configuration: MembershipConfiguration {
        var configuration = MembershipConfiguration()
        configuration.probeInterval = .milliseconds(200)
        configuration.probeTimeout = .milliseconds(100)
        configuration.suspicionMin = .seconds(2)
        configuration.lastQuestion = .milliseconds(500)
        configuration.joinRetry = .milliseconds(200)
        configuration.namePatience = .seconds(1)
        configuration.syncInterval = .seconds(3)
        return configuration
    }

    /// Starts a member.
    ///
    /// - Parameters:
    ///   - name: its name.
    ///   - seeds: `host:port`; with none it founds the cluster, unless its directory knows one.
    ///   - directory: its data directory.
    ///   - port: 0 for any.
    ///   - cluster: the name of the cluster.
    ///   - keyring: the secrets.
    ///   - settings: of the cluster that it may found.
    ///   - begins: whether it takes part, or only its port is open, as in the first moment of a process.
    /// - Returns: the member, whose sockets are open.
    /// - Throws: when they cannot be opened.
    static func start(
        _ name: String, seeds: [String], directory: String, port: Int = 0, cluster: String = "test",
        keyring: Keyring? = nil, settings: ClusterSettings? = nil, begins: Bool = true
    ) async throws -> TestMember {
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        // The disk is the directory; its starts are counted by the files of earlier ones.
        let starts = try FileManager.default.contentsOfDirectory(atPath: directory).filter { $0.hasPrefix("start") }
            .count
        try Data().write(to: URL(fileURLWithPath: directory).appendingPathComponent("start-\(starts + 1)"))
        let disk = String(directory.suffix(36))
        let instance = try MemberInstance(uuid: disk, boot: UInt64(starts + 1))
        let record = MemberRecord(
            name: try MemberName(name), instance: instance, roles: .aggregator,
            address: NodeAddress(v4: 0x7F00_0001, port: 1))
        var configuration = GossipNodeConfiguration(
            record: record, cluster: cluster, keyring: try keyring ?? Keyring(keys: [Self.key(1)]))
        configuration.seeds = try seeds.map { try SeedName($0) }
        configuration.founding =
            seeds.isEmpty ? Founding(settings: settings ?? Self.settings(), membersMin: 1) : nil
        configuration.membership = Self.configuration
        configuration.directory = directory
        let node = try GossipNode(configuration, group: group, logger: logger)
        let server = ClusterServer(
            identity: NodeIdentity(cluster: cluster, node: name), handler: NoRequests(), guests: [node.guest],
            group: group, logger: logger)
        let address = try await server.start(port: port)
        let bound = address.port ?? 0
        if begins { try await node.start(host: "127.0.0.1", port: bound) }
        return TestMember(node: node, server: server, port: bound, directory: directory)
    }

    static func key(_ byte: UInt8) throws -> Keyring.Key {
        try Keyring.Key(secret: [UInt8](repeating: byte, count: 32))
    }

    /// A directory of its own for a member.
    static func directory() throws -> String {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("gossip-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        return url.path
    }

    /// Who is alive to this member, by name, itself included.
    func alive() async throws -> [String] {
        try await node.members().filter { $0.liveness == .alive && !$0.record.state.isGone }.map(\.record.name.text)
    }

    /// Waits until `holds`, for at most half a minute.
    static func wait(_ holds: () async throws -> Bool) async throws -> Bool {
        let deadline = ContinuousClock.now + .seconds(300)
        while ContinuousClock.now < deadline {
            if try await holds() { return true }
            try await Task.sleep(for: .milliseconds(20))
        }
        return false
    }

    /// Ends the member as a crash would.
    func crash() async {
        await node.abandon()
        await server.stop(grace: .zero)
    }

    /// Ends the member in order.
    func stop() async {
        await node.stop()
        await server.stop(grace: .zero)
    }

    func clean() { try? FileManager.default.removeItem(atPath: directory) }
}
