import HTTPSurface
import HTTPTypes
import MetricModel
import SeededRandom
import Synchronization
import Testing

@Suite("Queue of queries") struct QueryQueueTests {
    private static func tenant(_ number: Int) throws -> TenantID { try TenantID(validating: "t\(number)") }

    private func limits(running: Int, perTenant: Int = 100, waiting: Int = 100) -> QueryQueue.Limits {
        var limits = QueryQueue.Limits()
        limits.runningMax = running
        limits.runningPerTenantMax = perTenant
        limits.waitingPerTenantMax = waiting
        return limits
    }

    @Test("a tenant with many queries waiting does not keep another's waiting")
    func turns() throws {
        var queue = QueryQueue(limits(running: 1))
        let (greedy, modest) = (try Self.tenant(1), try Self.tenant(2))
        #expect(queue.enter(1, of: greedy) == .runs)
        for query in UInt64(2)...6 { #expect(queue.enter(query, of: greedy) == .waits) }
        #expect(queue.enter(7, of: modest) == .waits)
        #expect(queue.leave(1) == [2])
        #expect(queue.leave(2) == [7])
        #expect(queue.leave(7) == [3])
    }

    @Test("one tenant's share is bounded, and what it does not use is another's")
    func share() throws {
        var queue = QueryQueue(limits(running: 3, perTenant: 2))
        let (first, second) = (try Self.tenant(1), try Self.tenant(2))
        #expect([1, 2, 3].map { queue.enter($0, of: first) } == [.runs, .runs, .waits])
        #expect(queue.enter(4, of: second) == .runs)
        #expect(queue.leave(4).isEmpty)
        #expect(queue.leave(1) == [3])
    }

    @Test("beyond the queue's length a tenant's query is refused, not another tenant's")
    func refusal() throws {
        var queue = QueryQueue(limits(running: 1, waiting: 1))
        let (first, second) = (try Self.tenant(1), try Self.tenant(2))
        #expect([1, 2, 3].map { queue.enter($0, of: first) } == [.runs, .waits, .refused])
        #expect(queue.enter(4, of: second) == .waits)
        // Who gives up waiting makes room.
        #expect(queue.leave(2).isEmpty)
        #expect(queue.enter(5, of: first) == .waits)
    }

    @Test("under random comings and goings no limit is passed and nobody who may run waits", arguments: 1...20)
    func random(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let bounds = limits(running: 1 + random.below(4), perTenant: 1 + random.below(3), waiting: 1 + random.below(5))
        var queue = QueryQueue(bounds)
        var running: [UInt64: Int] = [:]
        var waiting: [UInt64: Int] = [:]
        for query in UInt64(1)...400 {
            let tenant = random.below(4)
            switch queue.enter(query, of: try Self.tenant(tenant)) {
            case .runs: running[query] = tenant
            case .waits: waiting[query] = tenant
            case .refused: #expect(waiting.values.count { $0 == tenant } == bounds.waitingPerTenantMax)
            }
            while random.below(2) == 0, let leaving = (running.keys.sorted() + waiting.keys.sorted()).first {
                running[leaving] = nil
                waiting[leaving] = nil
                for started in queue.leave(leaving) { running[started] = waiting.removeValue(forKey: started) }
            }
            #expect(running.count <= bounds.runningMax && queue.runningCount == running.count)
            #expect(queue.waitingCount == waiting.count)
            for tenant in 0..<4 {
                let own = running.values.count { $0 == tenant }
                #expect(own <= bounds.runningPerTenantMax)
                let mayRun = own < bounds.runningPerTenantMax && running.count < bounds.runningMax
                #expect(!mayRun || !waiting.values.contains(tenant))
            }
        }
    }
}

@Suite("Slow queries") struct QueryHistoryTests {
    private func finished(_ tenant: String, took: Int64, came: Int64) throws -> FinishedQuery {
        let question = Question(tenant: try TenantID(validating: tenant), kind: "query", text: "up")
        return FinishedQuery(question: question, came: came, waited: 0, took: took, failure: nil)
    }

    @Test("the slowest of the last hour are kept, by tenant, the slowest first")
    func slowest() throws {
        var history = QueryHistory()
        for took in 1...50 { history.add(try finished("a", took: Int64(took * 37 % 50), came: 1_000), now: 1_000) }
        history.add(try finished("b", took: 7, came: 1_000), now: 1_000)
        let (a, b) = (try TenantID(validating: "a"), try TenantID(validating: "b"))
        #expect(history.queries(of: a, now: 1_000).map(\.took) == Array((30...49).reversed()))
        #expect(history.queries(of: b, now: 1_000).map(\.took) == [7])
        #expect(history.queries(of: a, now: 1_000 + 3_600_000).isEmpty)
    }

    @Test("a question's text is cut")
    func text() {
        let question = Question(tenant: .default, kind: "query", text: String(repeating: "é", count: 4_000))
        #expect(question.text.utf8.count < Question.textBytesMax + 8 && question.text.hasSuffix("…"))
    }
}

@Suite("Queries at work") struct QueriesAtWorkTests {
    /// A server that runs one query at a time, with the signs of one that never ends.
    private func server() -> (server: SurfaceResponder, waits: AsyncStream<Void>, cancels: AsyncStream<Void>) {
        let (waits, wait) = AsyncStream.makeStream(of: Void.self)
        let (cancels, cancel) = AsyncStream.makeStream(of: Void.self)
        var services = testServices()
        services.query = EchoQuery(onWait: { wait.yield() }, onCancel: { cancel.yield() })
        let server = responder(services) {
            $0.queries.runningMax = 1
            $0.queries.waitingPerTenantMax = 1
        }
        return (server, waits, cancels)
    }

    @Test(
        "one is killed by its tenant, and by nobody else; what waited runs then; what is over is remembered",
        .timeLimit(.minutes(5)))
    func kill() async throws {
        let (server, waits, cancels) = server()
        try await withThrowingTaskGroup(of: String.self) { group in
            group.addTask { try await ask(server, .get, "/api/v1/query?query=forever&tenant=a").body }
            for await _ in waits { break }
            group.addTask { try await ask(server, .get, "/api/v1/query?query=up&tenant=a").body }
            var list = ""
            while !list.contains("waiting") {
                list = try await ask(server, .get, "/api/v1/status/queries?tenant=a").body
            }
            #expect(
                list.contains(#"{"id":1,"kind":"query","query":"forever","#) && list.contains(#""state":"running""#))
            let refused = try await ask(server, .get, "/api/v1/query_range?query=up&start=1&end=2&step=1&tenant=a")
            #expect(refused.status == 503 && refused.body.contains("query_queue_max"))
            #expect(!(try await ask(server, .get, "/api/v1/status/queries").body.contains("forever")))

            let path = "/api/v1/status/queries/kill?id="
            #expect(try await ask(server, .post, path + "1").status == 404)
            #expect(try await ask(server, .post, path + "x&tenant=a").status == 400)
            #expect(try await ask(server, .post, path + "1&tenant=a").body.contains(#"{"killed":1}"#))
            for await _ in cancels { break }
            let answers = [try await group.next(), try await group.next()].compactMap(\.self)
            #expect(answers.contains { $0.contains("canceled") && $0.contains("the query was killed") })
            #expect(answers.contains { $0.contains(#""q":"up""#) })
        }
        let after = try await ask(server, .get, "/api/v1/status/queries?tenant=a").body
        #expect(after.contains(#""atWork":[],"slowest":[{"kind":"query""#) && after.contains(#""failure":"canceled""#))
    }
}
