import HTTPSurface
import Logging
import MetricModel
import NIOCore
import NIOPosix
import Synchronization

/// Keeps what is pushed and says that it is stored.
final class RecordingIngest: IngestService {
    private let state = Mutex<[IngestRequest]>([])
    private let reply: @Sendable (IngestRequest) async -> IngestReply

    init(reply: @escaping @Sendable (IngestRequest) async -> IngestReply = { _ in IngestReply() }) {
        self.reply = reply
    }

    var requests: [IngestRequest] { state.withLock { $0 } }

    func ingest(_ request: IngestRequest) async -> IngestReply {
        state.withLock { $0.append(request) }
        return await reply(request)
    }
}

/// Answers every question with its own text: a series whose label `q` is the query and whose label `t` is the tenant.
struct EchoQuery: QueryService {
    /// Called when the query `forever` begins to wait, and when it is canceled.
    var onWait: @Sendable () async -> Void = {}
    var onCancel: @Sendable () async -> Void = {}

    func instant(_ query: InstantQuery) async throws -> Answer<QueryData> {
        if query.query == "bad(" {
            throw APIFailure(.badData, "1:5: parse error: unclosed", position: .init(offset: 3, length: 1))
        }
        if query.query == "forever" {
            await onWait()
            do {
                try await Task.sleep(for: .seconds(600))
            } catch {
                await onCancel()
                throw error
            }
        }
        if query.query == "crash" { throw IOError(errnoCode: 5, reason: "disk") }
        let sample = VectorSample(
            labels: try labels(("q", query.query), ("t", query.tenant.name)), timestamp: query.time, value: 1)
        return Answer(.vector([sample]))
    }

    func range(_ query: RangeQuery) async throws -> Answer<QueryData> {
        if query.query == "bad(" {
            throw APIFailure(.badData, "1:5: parse error: unclosed", position: .init(offset: 3, length: 1))
        }
        let times = Array(stride(from: query.start, through: query.end, by: Int64.Stride(query.step)))
        let series = SeriesColumns(
            labels: try labels(("q", query.query), ("t", query.tenant.name)), timestamps: times,
            values: times.map { _ in 1 })
        return Answer(.matrix([series]), warnings: ["partly"])
    }

    func series(_ query: LabelQuery) async throws -> Answer<[Labels]> {
        Answer([try labels(("m", query.selectors[0]))])
    }

    func labelNames(_ query: LabelQuery) async throws -> Answer<[String]> {
        Answer((0..<min(query.resultsMax, 200_000)).map { "label_\($0)" })
    }

    func labelValues(_ name: String, _ query: LabelQuery) async throws -> Answer<[String]> { Answer([name]) }

    func metadata(_ query: MetadataQuery) async throws -> Answer<[MetricMetadata]> {
        Answer([MetricMetadata(metric: query.metric ?? "all", type: "gauge", unit: "", help: "")])
    }

    func servers(_ query: ServersQuery) async throws -> Answer<ServersFound> {
        Answer(ServersFound(servers: [], total: 0))
    }
}

/// A clock that stands still.
let testTime: Int64 = 1_763_000_300_123

/// Services round the two above.
func testServices(
    ingest: any IngestService = RecordingIngest(), readiness: Readiness = Readiness(),
    clock: @escaping @Sendable () -> Int64 = { testTime }
) -> SurfaceServices {
    SurfaceServices(
        ingest: ingest, query: EchoQuery(), readiness: readiness, metrics: MetricsRegistry(), clock: clock)
}

/// A logger that says nothing.
let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// Runs a server on a free port of the loopback while `body` talks to it.
@discardableResult
func withServer<Value: Sendable>(
    _ services: SurfaceServices, _ change: (inout SurfaceConfiguration) -> Void = { _ in },
    _ body: @escaping @Sendable (_ port: Int) async throws -> Value
) async throws -> Value {
    var configuration = SurfaceConfiguration(port: 0)
    configuration.shutdownGrace = .milliseconds(200)
    change(&configuration)
    let server = HTTPServerSurface(configuration: configuration, services: services, logger: silent)
    return try await withThrowingTaskGroup(of: Value?.self) { group in
        group.addTask {
            try await server.run()
            return nil
        }
        group.addTask {
            guard let port = try await server.address().port else { return nil }
            return try await body(port)
        }
        defer { group.cancelAll() }
        while let value = try await group.next() {
            if let value { return value }
        }
        throw CancellationError()
    }
}
