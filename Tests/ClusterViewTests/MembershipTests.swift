import ClusterTransport
import ClusterView
import Foundation
import GossipTransport
import HTTPSurface
import Logging
import Membership
import NIOCore
import NIOPosix
import Placement
import Testing

/// A process of a cluster as its roles see it, on loopback.
private struct TestProcess {
    let membership: ClusterMembership
    let readiness: Readiness
    let life: Task<Void, any Error>

    static let group = MultiThreadedEventLoopGroup.singleton

    /// A port that was free a moment ago, and that the system gives to nobody who does not ask for it by number: tests beside this one take many.
    static func freePort() async throws -> UInt16 {
        for _ in 0..<1_000 {
            let port = UInt16.random(in: 15_000..<30_000)
            let bootstrap = ServerBootstrap(group: group)
            guard let channel = try? await bootstrap.bind(host: "127.0.0.1", port: Int(port)).get() else { continue }
            try await channel.close()
            return port
        }
        return try #require(nil as UInt16?, "no port is free")
    }

    static func directory() throws -> String {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("cluster-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        return url.path
    }

    static func start(
        _ name: String, _ roles: MemberRoles, port: UInt16, seeds: [UInt16] = [], directory: String? = nil,
        boot: UInt64 = 1, _ wish: (inout MemberConfiguration.Wishes) -> Void = { _ in }
    ) throws -> TestProcess {
        var wishes = MemberConfiguration.Wishes(clusterName: "test")
        wishes.placementLabels = ["instance"]
        wishes.lateWindow = 1_000
        wish(&wishes)
        var configuration = MemberConfiguration(
            name: try MemberName(name), instance: MemberInstance(high: 1, low: UInt64(port), boot: boot), roles: roles,
            cluster: SeedName(host: "127.0.0.1", port: port), http: SeedName(host: "127.0.0.1", port: 0),
            wishes: wishes)
        configuration.seeds = seeds.map { SeedName(host: "127.0.0.1", port: $0) }
        configuration.directory = directory
        let readiness = Readiness()
        let membership = try ClusterMembership(
            configuration, handler: HandlerSlot(reason: "no engine here"), readiness: readiness, group: group,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        return TestProcess(
            membership: membership, readiness: readiness, life: Task { try await membership.run() })
    }

    func stop() async {
        life.cancel()
        _ = await life.result
    }

    /// Waits for a snapshot that holds, for at most two minutes.
    func sees(_ holds: @escaping @Sendable (ClusterSnapshot) -> Bool) async -> Bool {
        await withTaskGroup(of: Bool.self) { tasks in
            tasks.addTask {
                for await snapshot in membership.directory.changes() where holds(snapshot) { return true }
                return false
            }
            tasks.addTask {
                try? await Task.sleep(for: .seconds(120))
                return false
            }
            defer { tasks.cancelAll() }
            return await tasks.next() ?? false
        }
    }
}

@Suite("Processes as members", .serialized, .timeLimit(.minutes(15))) struct ClusterMembershipTests {
    @Test("the directory has everybody, and a connection to each aggregator for as long as it is a member")
    func connections() async throws {
        let (first, second) = (try await TestProcess.freePort(), try await TestProcess.freePort())
        let aggregator = try TestProcess.start(
            "a", .aggregator, port: first, directory: try TestProcess.directory())
        let router = try TestProcess.start("r", .router, port: second, seeds: [first])
        #expect(try await router.membership.settings().name == "test")
        #expect(router.readiness.isReady)
        #expect(await router.sees { $0.ring?.members.map(\.name) == ["a"] })
        #expect(await aggregator.sees { $0.members.map(\.name.text) == ["a", "r"] })
        let id = try #require(router.membership.directory.snapshot.ringNumbers.first)
        let client = try #require(router.membership.directory.client(id))
        try await client.waitUntilConnected(timeout: .seconds(300))
        #expect(router.membership.directory.clients.count == 1)
        #expect(aggregator.membership.directory.client(id) != nil)

        let before = router.membership.directory.transportStatistics.connectionsMade
        await aggregator.stop()
        #expect(await router.sees { $0.members.contains { $0.name.text == "a" && $0.liveness == .dead } })
        // Dead is not gone: the ring is as it was.
        #expect(router.membership.directory.snapshot.ring != nil)
        try await ClusterAdministration(router.membership, version: "1").forget("a")
        #expect(await router.sees { $0.ring == nil })
        #expect(router.membership.directory.client(id) == nil)
        #expect(router.membership.directory.transportStatistics.connectionsMade >= before)
        await router.stop()
        #expect(router.membership.directory.clients.isEmpty)
    }

    @Test("a cluster of one has the settings of its only member's newest start; one that others know does not")
    func ownSettings() async throws {
        let directory = try TestProcess.directory()
        let port = try await TestProcess.freePort()
        let founder = try TestProcess.start("a", .aggregator, port: port, directory: directory)
        let founded = try await founder.membership.settings()
        await founder.stop()
        let again = try TestProcess.start("a", .aggregator, port: port, directory: directory, boot: 2) {
            $0.lateWindow = 5_000
        }
        let changed = try await again.membership.settings()
        #expect(changed.id == founded.id && changed.version == 2 && changed.lateWindowMilliseconds == 5_000)

        let routerPort = try await TestProcess.freePort()
        let router = try TestProcess.start("r", .router, port: routerPort, seeds: [port])
        _ = try await router.membership.settings()
        #expect(await again.sees { $0.members.count == 2 })
        await again.stop()
        let differing = try TestProcess.start(
            "a", .aggregator, port: port, seeds: [routerPort], directory: directory, boot: 3
        ) {
            $0.lateWindow = 7_000
            $0.given = ["late-window"]
        }
        await #expect(throws: ClusterError.self) { try await differing.membership.settings() }
        await #expect(throws: ClusterError.self) { try await differing.life.value }
        // What nobody gave follows the cluster.
        let fitting = try TestProcess.start(
            "a", .aggregator, port: port, seeds: [routerPort], directory: directory, boot: 4
        ) { $0.lateWindow = 7_000 }
        #expect(try await fitting.membership.settings().lateWindowMilliseconds == 5_000)
        await fitting.stop()
        await router.stop()
        #expect(throws: ClusterError.self) {
            _ = try TestProcess.start("b", .aggregator, port: port, directory: directory)
        }
        #expect(throws: ClusterError.self) {
            _ = try TestProcess.start("a", .aggregator, port: port, directory: directory) { $0.clusterName = "x" }
        }
    }

    @Test("a wait for the cluster ends with its task, and with the process")
    func waiting() async throws {
        let port = try await TestProcess.freePort()
        let nobody = try await TestProcess.freePort()
        let router = try TestProcess.start("r", .router, port: port, seeds: [nobody])
        let waiting = Task { try await router.membership.settings() }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        let patient = Task { try await router.membership.settings() }
        #expect(!router.readiness.isReady)
        await router.stop()
        await #expect(throws: CancellationError.self) { try await patient.value }
    }
}
