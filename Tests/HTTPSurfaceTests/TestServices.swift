import HTTPSurface
import Logging
import MetricModel
import NIOCore
import NIOPosix
import QueryLanguage
import SeededRandom
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

    /// What `select` has of `sizes`: a gauge with 12 observations in its buckets.
    static func histogram(count: Double) -> NativeHistogram {
        NativeHistogram(
            schema: 3, counterResetHint: .gauge, count: count, sum: 18.5, zeroThreshold: 0.5, zeroCount: 0,
            positive: .init(spans: [.init(offset: -3, length: 2), .init(offset: 4, length: 1)], counts: [1, 8, 1]),
            negative: .init(spans: [.init(offset: 0, length: 1)], counts: [2]))
    }

    var language: ParserOptions { ParserOptions() }
    var lookbackMilliseconds: Int64 { 300_000 }

    func parse(_ query: String) throws -> Expression {
        do throws(ParseError) {
            return try Parser.parse(query)
        } catch {
            throw APIFailure(.badData, "\(error)")
        }
    }

    func parseSelector(_ text: String) throws -> [Matcher] {
        do throws(ParseError) {
            return try Parser.parseSelector(text)
        } catch {
            throw APIFailure(.badData, "\(error)")
        }
    }

    /// For each set of matchers two series of 250 samples, the last at the end: `b`'s is a stale marker. Of the name `sizes` beside them
    /// two histograms, the last at the end.
    func select(_ query: SelectionQuery) async throws -> Answer<[[SeriesColumns]]> {
        let name = query.matcherSets.first?.first?.value ?? "none"
        let times = (0..<250).map { query.end - Int64(249 - $0) * 10 }
        let values = times.indices.map { Double($0 % 7) }
        let sizes = SeriesColumns(
            labels: try labels(("__name__", name)), timestamps: [], values: [],
            histograms: HistogramColumns(
                timestamps: [query.end - 1000, query.end],
                values: [Self.histogram(count: 12), Self.histogram(count: 12.5)]))
        let series = [
            SeriesColumns(
                labels: try labels(("__name__", name), ("z", "1")), timestamps: times, values: values),
            SeriesColumns(
                labels: try labels(("__name__", name), ("y", "b\n")), timestamps: times,
                values: values.dropLast() + [StaleMarker.value]),
        ]
        return Answer(
            query.matcherSets.map { matchers in
                matchers.first?.value == "sizes" ? series + [sizes] : series
            })
    }

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
        var statistics: QueryStatistics?
        if query.options.statistics != .none {
            statistics = QueryStatistics(
                preparation: .microseconds(1_500), evaluation: .seconds(2), samples: 3, samplesPeak: 2,
                perStep: query.options.statistics == .perStep ? [(time: query.time, samples: 3)] : nil)
        }
        return Answer(.vector([sample]), infos: ["by the way"], statistics: statistics)
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

    func exemplars(_ query: ExemplarQuery) async throws -> Answer<[SeriesExemplars]> {
        let trace = try labels(("trace_id", query.query))
        let exemplar = Exemplar(labels: trace, value: .infinity, timestamp: query.start)
        return Answer([SeriesExemplars(labels: try labels(("a", "b")), exemplars: [exemplar, exemplar])])
    }

    func statistics(_ query: StatisticsQuery) async throws -> Answer<TenantStatistics> {
        var statistics = TenantStatistics()
        statistics.seriesCount = query.limit
        statistics.seriesByMetric = [TenantStatistics.Count(name: query.tenant.name, value: 2)]
        return Answer(statistics)
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

extension SplitMix64 {
    /// A number in 0 ..< bound.
    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}
