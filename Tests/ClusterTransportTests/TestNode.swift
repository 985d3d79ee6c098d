import ClusterTransport
import Logging
import MetricModel
import NIOCore
import NIOPosix
import SlotMovement
import Synchronization
import Testing
import WireProtocol

/// A node for tests: answers as its tests ask, and counts.
final class TestNode: ClusterRequestHandler {
    struct Counts: Equatable {
        var writes = 0
        var packets = 0
        var pagesSent = 0
        var queriesEnded = 0
        var queriesCancelled = 0
    }

    private let counts = Mutex(Counts())
    private let held = Mutex<[@Sendable (Result<WriteAcknowledgement, TypedError>) -> Void]>([])
    /// Batches of this generation are not answered until `answerHeld`.
    static let heldGeneration: UInt64 = 99
    /// A page of about 64 KiB.
    static let page = QueryPage.strings(StringPage(values: [String(repeating: "x", count: 65_000)]))

    var snapshot: Counts { counts.withLock { $0 } }

    func write(_ batch: WriteBatch, respond: @escaping @Sendable (Result<WriteAcknowledgement, TypedError>) -> Void) {
        counts.withLock { $0.writes += 1 }
        if batch.generation == Self.heldGeneration { return held.withLock { $0.append(respond) } }
        let rows = UInt32(batch.rows.count)
        // Answered by another thread, as an engine does, and twice, as none should.
        Task.detached {
            respond(.success(WriteAcknowledgement(generation: batch.generation, references: [rows])))
            respond(.failure(TypedError(.internal, "the second answer")))
        }
    }

    /// Answers as the member that the request skips first; batch 0 is held.
    func store(_ call: StoreCall, respond: @escaping @Sendable (Result<StoreAnswer, TypedError>) -> Void) {
        counts.withLock { $0.writes += 1 }
        if call.request.batch == 0 {
            return held.withLock { $0.append { _ in respond(.failure(TypedError(.internal, "held"))) } }
        }
        let reply = StoreReply(batch: call.request.batch, node: NodeID(3), boot: 1, groups: [])
        Task.detached {
            respond(
                .success(
                    StoreAnswer(reply, acknowledgement: WriteAcknowledgement(generation: 4)) { _ in
                        call.names.first ?? "nobody"
                    }))
        }
    }

    func movement(_ packet: MovementPacket, respond: @escaping @Sendable (Result<Void, TypedError>) -> Void) {
        counts.withLock { $0.packets += packet.items.count }
        respond(packet.names.isEmpty ? .failure(TypedError(.unavailable, "no keeper")) : .success(()))
    }

    func answerHeld() {
        let responses = held.withLock { held in
            defer { held = [] }
            return held
        }
        for respond in responses { respond(.success(WriteAcknowledgement(generation: Self.heldGeneration))) }
    }

    /// Servers: as many pages as the limit says. Label names: pages without end. Metadata: errors.
    func query(_ request: QueryRequest, sink: any PageSink) async throws -> SelectEnd {
        switch request {
        case .servers(let request):
            for number in 0..<request.limit {
                let server = ServerSummary(id: "s\(number)", label: "instance", lastPush: 0, seriesCount: number)
                try await send(.servers(ServersPage(servers: [server], total: request.limit)), to: sink)
            }
            counts.withLock { $0.queriesEnded += 1 }
            return SelectEnd(seriesCount: request.limit)
        case .labelNames:
            do {
                while true { try await send(Self.page, to: sink) }
            } catch {
                counts.withLock { $0.queriesCancelled += 1 }
                throw error
            }
        case .metadata(let request):
            if request.metric == "typed" { throw TypedError(.notFound, "no such metric") }
            throw ByteCountError()
        case .select, .labelValues, .series, .fragment, .statistics, .exemplars, .keepExemplars, .deletions, .changes:
            throw TypedError(.badRequest, "not asked here")
        }
    }

    private func send(_ page: QueryPage, to sink: any PageSink) async throws {
        try await sink.send(page)
        counts.withLock { $0.pagesSent += 1 }
    }
}

/// An error of no type that the wire knows.
struct ByteCountError: Error {}

/// Queries that `TestNode` answers in different ways.
enum Queries {
    static let endless = QueryRequest.labelNames(
        LabelNamesRequest(scope: MetadataScope(tenant: .default, start: 0, end: 0)))

    static func servers(_ pages: Int) -> QueryRequest { .servers(ServersRequest(tenant: .default, limit: pages)) }

    static func failing(_ metric: String) -> QueryRequest {
        .metadata(MetadataRequest(tenant: .default, metric: metric))
    }
}

/// A server on a free port and clients of it, stopped together.
struct Cluster {
    static let identity = NodeIdentity(cluster: "test", node: "node")
    static let group = MultiThreadedEventLoopGroup.singleton
    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    let node = TestNode()
    let server: ClusterServer
    let port: Int

    init(port: Int = 0, limits: ConnectionLimits = ConnectionLimits()) async throws {
        server = ClusterServer(
            identity: Self.identity, limits: limits, handler: node, group: Self.group, logger: Self.logger)
        self.port = try #require(try await server.start(port: port).port)
    }

    func client(
        identity: NodeIdentity = Cluster.identity, limits: ConnectionLimits = ConnectionLimits()
    ) async throws -> ClusterClient {
        let client = Self.client(port: port, identity: identity, limits: limits)
        try await client.waitUntilConnected(timeout: .seconds(300))
        return client
    }

    static func client(
        port: Int, identity: NodeIdentity = Cluster.identity, limits: ConnectionLimits = ConnectionLimits()
    ) -> ClusterClient {
        let client = ClusterClient(
            host: "127.0.0.1", port: port, identity: identity, limits: limits, group: group, logger: logger)
        client.start()
        return client
    }

    func stop(_ clients: ClusterClient...) async {
        for client in clients { await client.stop(grace: .zero) }
        await server.stop(grace: .zero)
    }
}

/// Waits for something that another thread brings about; false after a long while.
func eventually(_ condition: () -> Bool) async throws -> Bool {
    for _ in 0..<60_000 {
        if condition() { return true }
        try await Task.sleep(for: .milliseconds(5))
    }
    return false
}

/// The typed error that `body` throws.
func typedError(_ body: () async throws -> Void) async -> TypedError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? TypedError
    }
}
