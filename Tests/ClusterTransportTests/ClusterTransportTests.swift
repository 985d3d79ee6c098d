import ClusterTransport
import MetricModel
import SlotMovement
import Testing
import WireProtocol

@Suite("Cluster transport")
struct ClusterTransportTests {
    static func batch(generation: UInt64 = 1, rows: Int = 3) -> WriteBatch {
        WriteBatch(
            rows: SampleColumns(
                series: Array(repeating: 1, count: rows), timestamps: Array(repeating: 5, count: rows),
                values: Array(repeating: 0.5, count: rows)),
            generation: generation)
    }

    @Test("a batch is acknowledged, once, whatever thread answers and however often")
    func write() async throws {
        let cluster = try await Cluster()
        let client = try await cluster.client()
        let acknowledgement = try await client.write(Self.batch(generation: 7), deadline: .seconds(300))
        #expect(acknowledgement == WriteAcknowledgement(generation: 7, references: [3]))
        #expect(client.isConnected)
        await cluster.stop(client)
        #expect(!client.isConnected)
    }

    @Test("many streams share a connection, batches of 100,000 rows among them, each with its own answer")
    func manyStreams() async throws {
        let cluster = try await Cluster()
        let client = try await cluster.client()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 1...300 {
                group.addTask {
                    let rows = number % 100 == 0 ? 100_000 : number
                    let batch = Self.batch(generation: UInt64(number) + 1000, rows: rows)
                    let answer = try await client.write(batch, deadline: .seconds(300))
                    #expect(answer == WriteAcknowledgement(generation: batch.generation, references: [UInt32(rows)]))
                }
                guard number % 10 == 0 else { continue }
                group.addTask {
                    var pages = 0
                    let stream = client.query(Queries.servers(number), deadline: .seconds(300))
                    for try await page in stream {
                        guard case .servers(let page) = page else { continue }
                        #expect(page.servers.first?.id == "s\(pages)")
                        pages += 1
                    }
                    #expect(pages == number)
                    #expect(stream.end == SelectEnd(seriesCount: number))
                }
            }
            try await group.waitForAll()
        }
        let statistics = client.statistics
        #expect(statistics.connectionsMade == 1 && statistics.connectionsOpen == 1)
        #expect(statistics.connections.streamsOpened == 330)
        #expect(cluster.server.statistics.connections.streamsAccepted == 330)
        await cluster.stop(client)
    }

    @Test("typed errors arrive as they were thrown, others as internal", arguments: ["typed", "other"])
    func errors(_ metric: String) async throws {
        let cluster = try await Cluster()
        let client = try await cluster.client()
        let stream = client.query(Queries.failing(metric), deadline: .seconds(300))
        let error = await typedError { for try await _ in stream {} }
        #expect(error?.code == (metric == "typed" ? .notFound : .internal))
        #expect(stream.end == nil)
        await cluster.stop(client)
    }

    @Test("a server that goes away in the middle of an answer is an error, and the client comes back to its successor")
    func reconnect() async throws {
        let cluster = try await Cluster()
        let client = try await cluster.client()
        let stream = client.query(Queries.endless, deadline: .seconds(300))
        let pages = stream.makeAsyncIterator()
        _ = try await pages.next()
        async let held = typedError {
            _ = try await client.write(Self.batch(generation: TestNode.heldGeneration), deadline: .seconds(300))
        }
        #expect(try await eventually { cluster.node.snapshot.writes == 1 })
        await cluster.server.stop(grace: .zero)
        let error = await typedError { while try await pages.next() != nil {} }
        #expect(error?.code == .unavailable)
        #expect(await held?.code == .unavailable)
        #expect(try await eventually { !client.isConnected })
        let refused = await typedError { _ = try await client.write(Self.batch(), deadline: .seconds(300)) }
        #expect(refused?.code == .unavailable)

        let successor = try await Cluster(port: cluster.port)
        try await client.waitUntilConnected(timeout: .seconds(300))
        let answer = try await client.write(Self.batch(generation: 2), deadline: .seconds(300))
        #expect(answer.generation == 2)
        #expect(client.statistics.connectionsMade == 2)
        #expect(try await eventually { cluster.node.snapshot.queriesCancelled == 1 })
        await successor.stop(client)
    }

    @Test("a consumer that takes no pages stops the producer at its credit, and memory with it")
    func slowConsumer() async throws {
        let cluster = try await Cluster()
        var limits = ConnectionLimits()
        limits.creditBytes = 2 << 20
        let client = try await cluster.client(limits: limits)
        let stream = client.query(Queries.endless, deadline: .seconds(300))
        // Pages of 65,000 bytes and some for the tag: 32 fit in the credit.
        let window = 32
        #expect(try await eventually { cluster.node.snapshot.pagesSent == window })
        var taken = 0
        for try await _ in stream {
            taken += 1
            #expect(cluster.node.snapshot.pagesSent <= taken + window)
            if taken == 500 { break }
        }
        await cluster.stop(client)
    }

    @Test("dropping an answer, or cancelling the task that takes it, stops the producer on the other node")
    func cancellation() async throws {
        let cluster = try await Cluster()
        let client = try await cluster.client()
        func takeOne() async throws {
            for try await _ in client.query(Queries.endless, deadline: .seconds(300)) { break }
        }
        try await takeOne()
        #expect(try await eventually { cluster.node.snapshot.queriesCancelled == 1 })

        let consumer = Task { for try await _ in client.query(Queries.endless, deadline: .seconds(300)) {} }
        #expect(try await eventually { cluster.node.snapshot.pagesSent > 200 })
        consumer.cancel()
        let error = await typedError { try await consumer.value }
        #expect(error?.code == .cancelled)
        #expect(try await eventually { cluster.node.snapshot.queriesCancelled == 2 })

        let write = Task {
            _ = try await client.write(Self.batch(generation: TestNode.heldGeneration), deadline: .seconds(300))
        }
        #expect(try await eventually { cluster.node.snapshot.writes == 1 })
        write.cancel()
        #expect(await typedError { try await write.value }?.code == .cancelled)
        cluster.node.answerHeld()
        let answer = try await client.write(Self.batch(), deadline: .seconds(300))
        #expect(answer.generation == 1, "the connection goes on")
        await cluster.stop(client)
    }

    @Test("a store and a movement packet are handed on and answered; deadline and cancellation end a store that waits")
    func slots() async throws {
        let cluster = try await Cluster()
        let client = try await cluster.client(identity: NodeIdentity(cluster: "test", node: "node-a"))
        func call(_ batch: UInt64) -> StoreCall {
            StoreCall(
                StoreRequest(
                    slots: [1], batch: batch, skipping: [NodeStart(node: NodeID(8), boot: 2)], isStandIn: false),
                batch: Self.batch()
            ) { _ in "node-b" }
        }
        let answer = try await client.store(call(5), deadline: .seconds(300))
        #expect(answer.reply.batch == 5 && answer.names == ["node-b"] && answer.acknowledgement.generation == 4)
        let stake = Stake(node: NodeID(0), boot: 1, attempt: 1, role: .candidate)
        let items = [MovementPacket.Item(.copy(slot: 1, for: stake, cursor: 0)), MovementPacket.Item(.paid([]))]
        try await client.movement(MovementPacket(items, from: "node-a") { _ in "node-a" }, deadline: .seconds(300))
        #expect(cluster.node.snapshot.packets == 2)
        let refused = await typedError {
            try await client.movement(MovementPacket([], from: "node-a") { _ in "" }, deadline: .seconds(300))
        }
        #expect(refused?.message == "no keeper")

        let late = await typedError { _ = try await client.store(call(0), deadline: .milliseconds(30)) }
        #expect(late?.code == .deadlineExceeded)
        let waiting = Task { try await client.store(call(0), deadline: .seconds(300)) }
        #expect(try await eventually { cluster.node.snapshot.writes == 3 })
        waiting.cancel()
        #expect(await typedError { _ = try await waiting.value }?.code == .cancelled)
        cluster.node.answerHeld()
        await cluster.stop(client)
    }

    @Test("a deadline that passes is an error here and ends the work there")
    func deadline() async throws {
        let cluster = try await Cluster()
        let client = try await cluster.client()
        let write = await typedError {
            _ = try await client.write(Self.batch(generation: TestNode.heldGeneration), deadline: .milliseconds(30))
        }
        #expect(write?.code == .deadlineExceeded)
        let query = await typedError {
            for try await _ in client.query(Queries.endless, deadline: .milliseconds(200)) {}
        }
        #expect(query?.code == .deadlineExceeded)
        #expect(try await eventually { cluster.node.snapshot.queriesCancelled == 1 })
        cluster.node.answerHeld()
        _ = try await client.write(Self.batch(), deadline: .seconds(300))
        await cluster.stop(client)
    }

    @Test("more unanswered requests than the other node allows are refused as overload, and pass once it has answered")
    func overload() async throws {
        var limits = ConnectionLimits()
        limits.streamsMax = 2
        let cluster = try await Cluster(limits: limits)
        let client = try await cluster.client()
        let held = (0..<2).map { _ in
            Task { try await client.write(Self.batch(generation: TestNode.heldGeneration), deadline: .seconds(300)) }
        }
        #expect(try await eventually { cluster.node.snapshot.writes == 2 })
        let error = await typedError { _ = try await client.write(Self.batch(), deadline: .seconds(300)) }
        #expect(error?.code == .overloaded)
        #expect(error?.retryAfterMilliseconds != nil)
        #expect(client.statistics.requestsInFlight == 2)
        cluster.node.answerHeld()
        for task in held { _ = try await task.value }
        #expect(client.statistics.requestsInFlight == 0)
        // What came back was sent by somebody, and nothing waits for a socket any more.
        #expect(try await eventually { client.statistics.bytesUnsent + cluster.server.statistics.bytesUnsent == 0 })
        _ = try await client.write(Self.batch(), deadline: .seconds(300))
        await cluster.stop(client)
    }

    @Test("a stop in order lets open requests finish and takes no new ones")
    func gracefulStop() async throws {
        let cluster = try await Cluster()
        let client = try await cluster.client()
        let held = Task {
            try await client.write(Self.batch(generation: TestNode.heldGeneration), deadline: .seconds(300))
        }
        #expect(try await eventually { cluster.node.snapshot.writes == 1 })
        let stopping = Task { await cluster.server.stop(grace: .seconds(300)) }
        #expect(try await eventually { !client.isConnected })
        let error = await typedError { _ = try await client.write(Self.batch(), deadline: .seconds(300)) }
        #expect(error?.code == .unavailable)
        cluster.node.answerHeld()
        #expect(try await held.value.generation == TestNode.heldGeneration)
        await stopping.value
        #expect(cluster.server.statistics.connectionsOpen == 0)
        await client.stop(grace: .zero)
    }

    @Test("a client that stops in order waits for its answers")
    func gracefulClientStop() async throws {
        let cluster = try await Cluster()
        let client = try await cluster.client()
        let stream = client.query(Queries.servers(2000), deadline: .seconds(300))
        let consumer = Task {
            var pages = 0
            for try await _ in stream { pages += 1 }
            return pages
        }
        #expect(try await eventually { cluster.node.snapshot.pagesSent > 0 })
        await client.stop(grace: .seconds(300))
        #expect(try await consumer.value == 2000)
        await cluster.stop()
    }

    @Test("a node of another cluster is refused, and its caller learns why")
    func otherCluster() async throws {
        let cluster = try await Cluster()
        let client = Cluster.client(port: cluster.port, identity: NodeIdentity(cluster: "other", node: "x"))
        let error = await typedError { try await client.waitUntilConnected(timeout: .milliseconds(500)) }
        #expect(error?.code == .badRequest)
        await cluster.stop(client)
    }

    @Test("without a connection requests fail at once, and stopping does not hang")
    func unreachable() async throws {
        let cluster = try await Cluster()
        await cluster.stop()
        let client = Cluster.client(port: cluster.port)
        let error = await typedError { _ = try await client.write(Self.batch(), deadline: .seconds(300)) }
        #expect(error?.code == .unavailable)
        let stream = client.query(Queries.servers(1), deadline: .seconds(300))
        #expect(await typedError { for try await _ in stream {} }?.code == .unavailable)
        await client.stop()
        let stopped = await typedError { try await client.waitUntilConnected(timeout: .seconds(300)) }
        #expect(stopped?.code == .unavailable)
    }
}
