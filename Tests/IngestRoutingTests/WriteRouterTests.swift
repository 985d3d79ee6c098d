import ByteCoding
import IngestFormats
import IngestRouting
import MetricModel
import Placement
import SeededRandom
import SlotMovement
import Testing
import WireProtocol

@Suite("Write router")
struct WriteRouterTests {
    private func makeRouter(_ limits: RouterLimits = RouterLimits()) -> WriteRouter {
        WriteRouter(placement: .default, routerLimits: limits, firstBatch: 7)
    }

    private let two = [[("__name__", "m"), ("instance", "a")], [("__name__", "m"), ("instance", "b")]]

    @Test("the first push defines its series, the second refers to them")
    func references() throws {
        var router = makeRouter()
        var first = try router.route(try parsed(two))
        let batches = first.takeBatches()
        #expect(batches.count == 1)
        #expect(batches[0].batch.definitions.count == 2)
        #expect(batches[0].request.batch == 7)
        var aggregators = [FakeAggregator(generation: 9)]
        let answer = aggregators[0].write(batches[0].batch)
        try router.acknowledge(batches[0], answer, logged(batches[0]), of: &first, clock: WriteRouter.Clock(now: 0))
        #expect(first.takeBatches().isEmpty && first.state == .acknowledged)
        #expect(router.finish(first) == WriteReport(stored: 2, rejectedCount: 0, rejections: [], exemplarsDropped: 0))
        var second = try router.route(try parsed(two))
        let again = second.takeBatches()[0]
        #expect(again.batch.definitions.isEmpty)
        #expect(again.batch.generation == 9)
        #expect(again.batch.rows.series == [0, 1])
        #expect(again.request.slots == batches[0].request.slots && again.request.batch == 8)
        router.abandon(second)
        #expect(router.statistics.inFlightSamples == 0)
        #expect(router.statistics.inFlightRequests == 0)
    }

    @Test("labels in another order are the same series")
    func labelOrder() throws {
        var router = makeRouter()
        var aggregators = [FakeAggregator(generation: 1)]
        for (time, labels) in [
            [("__name__", "m"), ("instance", "a"), ("job", "j")], [("job", "j"), ("__name__", "m"), ("instance", "a")],
            [("instance", "a"), ("gone", ""), ("job", "j"), ("__name__", "m")],
        ].enumerated() {
            let report = try push(
                try parsed([labels], timestamp: Int64(time)), router: &router, aggregators: &aggregators)
            #expect(report.isComplete)
        }
        #expect(aggregators[0].stored.count == 1)
        #expect(aggregators[0].stored.values.first?.count == 3)
    }

    @Test("equal series of two tenants never meet")
    func tenants() throws {
        var router = makeRouter()
        var aggregators = [FakeAggregator(generation: 1)]
        let tenants = [try TenantID(validating: "one"), try TenantID(validating: "two")]
        for round in 0..<3 {
            for (index, tenant) in tenants.enumerated() {
                let write = try parsed(two, timestamp: Int64(round), value: Double(index), tenant: tenant)
                _ = try push(write, tenant: tenant, router: &router, aggregators: &aggregators)
                // The same bytes under the same hash, as if the seeds collided.
                let hostile = try parsed(two, timestamp: Int64(round), value: Double(index), tenant: .default)
                _ = try push(hostile, tenant: tenant, router: &router, aggregators: &aggregators)
            }
        }
        for (index, tenant) in tenants.enumerated() {
            let samples = aggregators[0].samples(of: tenant)
            #expect(samples.count == 2)
            #expect(samples.values.allSatisfy { $0.count == 3 && $0.values.allSatisfy { $0 == Double(index) } })
        }
    }

    @Test("a restarted aggregator is told the definitions again, and every sample is stored once")
    func restart() throws {
        var router = makeRouter()
        var aggregators = [FakeAggregator(generation: 1)]
        for round in 0..<6 {
            if round % 2 == 1 { aggregators[0].restart() }
            let report = try push(
                try parsed(two, timestamp: Int64(round)), router: &router, aggregators: &aggregators)
            #expect(report.stored == 2)
            #expect(report.isComplete)
        }
        #expect(aggregators[0].stored.values.allSatisfy { $0.count == 6 })
        #expect(router.statistics.retriedBatches == 3)
    }

    @Test("a reference that is lost again and again ends with an error")
    func lostForEver() throws {
        var router = makeRouter()
        var aggregators = [FakeAggregator(generation: 1)]
        _ = try push(try parsed(two), router: &router, aggregators: &aggregators)
        var write = try router.route(try parsed(two))
        let clock = WriteRouter.Clock(now: 0)
        for attempt in 1..<RouterLimits.attemptsMax {
            let batch = write.takeBatches()[0]
            let answer = WriteAcknowledgement(
                generation: UInt64(attempt), references: batch.batch.definitions.map { _ in 0 },
                unknownReferences: [0, 1])
            try router.acknowledge(batch, answer, logged(batch), of: &write, clock: clock)
        }
        let last = write.takeBatches()[0]
        #expect(throws: RoutingError.referencesLost(attempts: RouterLimits.attemptsMax)) {
            try router.acknowledge(
                last, WriteAcknowledgement(generation: 99, unknownReferences: [0]), logged(last), of: &write,
                clock: clock)
        }
        router.abandon(write)
        #expect(router.statistics.inFlightRequests == 0)
    }

    @Test("bad series are named by their place in the request, the good ones are stored")
    func badSeries() throws {
        var router = makeRouter()
        var aggregators = [FakeAggregator(generation: 1), FakeAggregator(generation: 2)]
        let series = [
            [("__name__", "m"), ("instance", "a")], [("instance", "a")], [("__name__", "m"), ("x", "1"), ("x", "2")],
            [("__name__", "m"), ("instance", "b")], [("instance", "a")],
        ]
        let spread = owners(table: (0..<1 << 14).map { UInt16($0 & 1) })
        for owners in [one, spread] {
            for _ in 0..<2 {
                let report = try push(try parsed(series), owners: owners, router: &router, aggregators: &aggregators)
                #expect(report.stored == 2)
                #expect(report.rejectedCount == 3)
                #expect(report.rejections.map(\.element) == [1, 2, 4])
                #expect(report.rejections[0].reason.contains("__name__"))
                #expect(report.rejections[1].reason.contains("occurs twice"))
            }
        }
    }

    @Test("what the aggregator refuses is named by its place in the request")
    func aggregatorRefuses() throws {
        var router = makeRouter()
        var aggregators = [FakeAggregator(generation: 1)]
        aggregators[0].tooOldBefore = 100
        var write = try parsed([[("bad", "x")], [("__name__", "m")], [("__name__", "n")]], timestamp: 200)
        write.samples.timestamps[1] = 50
        let report = try push(write, router: &router, aggregators: &aggregators)
        #expect(report.stored == 1)
        #expect(report.rejections.map(\.element) == [0, 1])
        #expect(report.rejections[1].reason.contains("sample at 50 ms: out of bounds"))
    }

    @Test("a series that occurs often in one push is defined once")
    func definedOnce() throws {
        var router = makeRouter()
        var aggregators = [FakeAggregator(generation: 1)]
        var text = ""
        for second in 1...100 {
            text += #"{"server_id":"a","metric_type":"m","value":1,"timestamp":\#(second)}"# + "\n"
        }
        let write = try JSONPushFormat().parse(Array(text.utf8), seed: 1, limits: Limits())
        var routed = try router.route(write)
        #expect(routed.takeBatches().map(\.batch.definitions.count) == [1])
        router.abandon(routed)
        let report = try push(write, router: &router, aggregators: &aggregators)
        #expect(report.stored == 100)
        #expect(aggregators[0].stored.values.map(\.count) == [100])
    }

    @Test("samples go to the owners of their slots, whatever the cache knows")
    func slotsOwners() throws {
        var router = makeRouter()
        var aggregators = (0..<3).map { FakeAggregator(generation: UInt64($0)) }
        let series = (0..<200).map { [("__name__", "m\($0 % 5)"), ("instance", "server-\($0 / 5)")] }
        for (round, shift) in [0, 0, 1, 2, 0].enumerated() {
            let table = (0..<1 << 14).map { UInt16(($0 + shift) % 3) }
            let report = try push(
                try parsed(series, timestamp: Int64(round)), owners: owners(table: table), router: &router,
                aggregators: &aggregators)
            #expect(report.stored == 200)
            for (index, aggregator) in aggregators.enumerated() {
                for (definition, samples) in aggregator.stored where samples[Int64(round)] != nil {
                    #expect(Int(table[Int(definition.placement.slot(bits: 14))]) == index)
                }
            }
        }
        let all = aggregators.flatMap { $0.stored.values.map(\.count) }.reduce(0, +)
        #expect(all == 200 * 5)
    }

    @Test("a push over a batch's limits is several batches, and none of it is lost")
    func split() throws {
        var limits = RouterLimits()
        limits.batchRowsMax = 7
        limits.batchDefinitionBytesMax = 100
        limits.batchMetadataBytesMax = 60
        var router = makeRouter(limits)
        var aggregators = [FakeAggregator(generation: 1)]
        let series = (0..<50).map { [("__name__", "metric_\($0 % 20)"), ("instance", "server")] }
        for round in 0..<2 {
            var write = try parsed(series, timestamp: Int64(round))
            for index in 0..<5 {
                write.metadata.append(
                    MetricMetadata(metric: "metric_\(index)", type: "gauge", unit: "", help: "Some help."))
            }
            var routed = try router.route(write)
            let batches = routed.takeBatches()
            #expect(batches.allSatisfy { $0.batch.rows.count <= 7 })
            #expect(batches.count > 8)
            #expect(Set(batches.map(\.request.batch)).count == batches.count)
            router.abandon(routed)
            #expect(try push(write, router: &router, aggregators: &aggregators).stored == 50)
        }
        #expect(aggregators[0].stored.count == 20)
        #expect(aggregators[0].stored.values.allSatisfy { $0.count == 2 })
        #expect(Set(aggregators[0].metadata.map(\.metadata.metric)).count == 5)
    }

    @Test("metadata is sent until it is taken, and again to a new generation")
    func metadata() throws {
        var router = makeRouter()
        var aggregators = [FakeAggregator(generation: 1)]
        func send() throws {
            var write = try parsed(two)
            write.metadata = [MetricMetadata(metric: "m", type: "gauge", unit: "s", help: "h")]
            _ = try push(write, router: &router, aggregators: &aggregators)
        }
        try send()
        for _ in 0..<5 { try send() }
        let first = aggregators[0].metadata.count
        #expect((1...2).contains(first))
        aggregators[0].restart()
        for _ in 0..<5 { try send() }
        #expect(aggregators[0].metadata.count > first)
        #expect(aggregators[0].metadata.count <= first + 2)
    }

    @Test("a small cache forgets series and never takes one for another")
    func eviction() throws {
        var limits = RouterLimits()
        limits.seriesCacheEntriesMax = 50
        var router = makeRouter(limits)
        var aggregators = [FakeAggregator(generation: 1)]
        var random = SplitMix64(seed: 3)
        var expected: [String: [Int64: Double]] = [:]
        for round in 0..<300 {
            var series: [[(String, String)]] = []
            var names: Set<String> = []
            for _ in 0..<20 {
                let name = "m\(Int.random(in: 0..<200, using: &random))"
                guard names.insert(name).inserted else { continue }
                series.append([("__name__", name), ("instance", "a")])
            }
            var write = try parsed(series, timestamp: Int64(round))
            for (row, labels) in series.enumerated() {
                let value = Double(random.next() % 1_000)
                write.samples.values[row] = value
                expected[labels[0].1, default: [:]][Int64(round)] = value
            }
            _ = try push(write, router: &router, aggregators: &aggregators)
        }
        #expect(router.statistics.cacheEvictions > 0)
        #expect(router.statistics.cacheEntries <= 50)
        var found: [String: [Int64: Double]] = [:]
        for (labels, samples) in aggregators[0].samples(of: .default) { found[labels.metricName ?? ""] = samples }
        #expect(found == expected)
    }

    // MARK: - Arrival and overload

    @Test("samples without a timestamp get the time of arrival, and a retry under the same key the same time")
    func idempotency() throws {
        var router = makeRouter()
        var aggregators = [FakeAggregator(generation: 1)]
        let other = try TenantID(validating: "other")
        let text = Array(#"{"server_id":"a","metric_type":"m","value":1}"#.utf8)
        func send(_ arrival: Int64, _ key: String?, _ tenant: TenantID) throws {
            let write = try JSONPushFormat().parse(text, seed: 1, limits: Limits())
            _ = try push(write, tenant: tenant, arrival: arrival, key: key, router: &router, aggregators: &aggregators)
        }
        try send(10, "k", .default)
        try send(20, "k", .default)
        try send(30, "k", other)
        try send(40, nil, .default)
        try send(50, "k2", .default)
        #expect(aggregators[0].samples(of: .default).values.map { $0.keys.sorted() } == [[10, 40, 50]])
        #expect(aggregators[0].samples(of: other).values.map { $0.keys.sorted() } == [[30]])
    }

    @Test("old idempotency keys are forgotten, oldest first")
    func idempotencyBounded() {
        var table = IdempotencyTable(entriesMax: 3)
        for (time, key) in ["a", "b", "c", "d"].enumerated() {
            #expect(table.arrival(tenant: .default, key: key, now: Int64(time)) == Int64(time))
        }
        #expect(table.arrival(tenant: .default, key: "b", now: 9) == 1)
        #expect(table.arrival(tenant: .default, key: "a", now: 9) == 9)
        #expect(table.arrival(tenant: .default, key: "b", now: 10) == 10)
    }

    @Test("a long idempotency key is refused and nothing is counted in flight")
    func longKey() throws {
        var router = makeRouter()
        let write = try JSONPushFormat().parse(
            Array(#"{"server_id":"a","metric_type":"m","value":1}"#.utf8), seed: 1, limits: Limits())
        #expect(throws: RoutingError.idempotencyKeyTooLong(bytesMax: 256)) {
            try router.route(
                write, tenant: .default, arrival: .init(milliseconds: 0),
                idempotencyKey: String(repeating: "k", count: 257), owners: one, clock: WriteRouter.Clock(now: 0))
        }
        #expect(router.statistics.inFlightRequests == 0)
    }

    @Test("work under way is limited, and the limit names itself")
    func overload() throws {
        var limits = RouterLimits()
        limits.inFlightRequestsMax = 2
        limits.inFlightSamplesMax = 3
        var router = makeRouter(limits)
        let first = try router.route(try parsed(two))
        #expect(throws: RoutingError.overloaded(name: "in_flight_samples_max", maximum: 3)) {
            try router.route(try parsed(two))
        }
        let small = try router.route(try parsed([two[0]]))
        #expect(throws: RoutingError.overloaded(name: "in_flight_requests_max", maximum: 2)) {
            try router.route(ParsedWrite())
        }
        router.abandon(first)
        router.abandon(small)
        // One push alone is always let in.
        let large = try router.route(try parsed(two + two))
        router.abandon(large)
        #expect(router.statistics.inFlightSamples == 0)
    }

    @Test("an empty push is complete at once")
    func empty() throws {
        var router = makeRouter()
        var aggregators = [FakeAggregator(generation: 1)]
        let report = try push(ParsedWrite(), router: &router, aggregators: &aggregators)
        #expect(report.isComplete)
        #expect(report.stored == 0)
    }

    @Test("more tenants than are told apart begin a new cache and mix nothing up")
    func manyTenants() throws {
        var limits = RouterLimits()
        limits.tenantsMax = 4
        var router = makeRouter(limits)
        var aggregators = [FakeAggregator(generation: 1)]
        for round in 0..<3 {
            for number in 0..<10 {
                let tenant = try TenantID(validating: "t\(number)")
                let write = try parsed(two, timestamp: Int64(round), value: Double(number))
                _ = try push(write, tenant: tenant, router: &router, aggregators: &aggregators)
            }
        }
        for number in 0..<10 {
            let samples = aggregators[0].samples(of: try TenantID(validating: "t\(number)"))
            #expect(samples.count == 2)
            #expect(samples.values.allSatisfy { $0.count == 3 && $0.values.allSatisfy { $0 == Double(number) } })
        }
    }
}
