import ClusterTransport
import MetricModel
import Testing
import WireProtocol

/// A process that asks itself: no connection is there, and everything else is as over one.
@Suite struct OwnQueryTests {
    private let node = TestNode()
    /// Never started: whatever is answered came without it.
    private let client: ClusterClient

    init() {
        client = ClusterClient(
            host: "127.0.0.1", port: 1, identity: Cluster.identity, group: Cluster.group, logger: Cluster.logger,
            own: node)
    }

    @Test("pages come in order, then the end, though nothing is connected")
    func pages() async throws {
        let stream = client.query(Queries.servers(50), deadline: .seconds(300))
        var taken: [String] = []
        for try await page in stream {
            guard case .servers(let page) = page else {
                Issue.record("another page: \(page)")
                continue
            }
            taken += page.servers.map(\.id)
        }
        #expect(taken == (0..<50).map { "s\($0)" })
        #expect(stream.end?.seriesCount == 50)
        #expect(!client.isConnected)
    }

    @Test("typed errors arrive as they were thrown, others as internal", arguments: ["typed", "other"])
    func errors(_ metric: String) async {
        let stream = client.query(Queries.failing(metric), deadline: .seconds(300))
        let error = await typedError { for try await _ in stream {} }
        #expect(error?.code == (metric == "typed" ? .notFound : .internal))
        #expect(stream.end == nil)
    }

    @Test("a consumer that takes no pages stops the producer after a few")
    func slowConsumer() async throws {
        let stream = client.query(Queries.endless, deadline: .seconds(300))
        #expect(try await eventually { node.snapshot.pagesSent == 4 })
        var taken = 0
        for try await _ in stream {
            taken += 1
            #expect(node.snapshot.pagesSent <= taken + 4)
            if taken == 500 { break }
        }
    }

    @Test("dropping an answer, cancelling the task that takes it, and a deadline each stop the producer")
    func ends() async throws {
        func takeOne() async throws {
            for try await _ in client.query(Queries.endless, deadline: .seconds(300)) { break }
        }
        try await takeOne()
        #expect(try await eventually { node.snapshot.queriesCancelled == 1 })

        let consumer = Task { for try await _ in client.query(Queries.endless, deadline: .seconds(300)) {} }
        #expect(try await eventually { node.snapshot.pagesSent > 200 })
        consumer.cancel()
        #expect(await typedError { try await consumer.value }?.code == .cancelled)
        #expect(try await eventually { node.snapshot.queriesCancelled == 2 })

        let late = await typedError {
            for try await _ in client.query(Queries.endless, deadline: .milliseconds(200)) {}
        }
        #expect(late?.code == .deadlineExceeded)
        #expect(try await eventually { node.snapshot.queriesCancelled == 3 })
    }

    @Test("more at work than a connection would have are refused as overload, and pass once one has ended")
    func overload() async throws {
        var waiting = (0..<ConnectionLimits().streamsMax).map { _ in
            client.query(Queries.servers(100), deadline: .seconds(300))
        }
        let refused = client.query(Queries.servers(1), deadline: .seconds(300))
        let error = await typedError { for try await _ in refused {} }
        #expect(error?.code == .overloaded && error?.message.contains("own_queries_max") == true)
        waiting.removeLast()
        var taken = 0
        for _ in 0..<60_000 where taken == 0 {
            let stream = client.query(Queries.servers(1), deadline: .seconds(300))
            let error = await typedError { for try await _ in stream { taken += 1 } }
            if error != nil { try await Task.sleep(for: .milliseconds(5)) }
        }
        #expect(taken == 1)
    }
}
