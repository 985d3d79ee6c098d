import AggregatorRole
import MetricModel
import Testing

@Suite("Exemplars of an aggregator")
struct ExemplarStoreTests {
    private func exemplars(_ name: String, _ times: [Int64]) throws -> SeriesExemplars {
        SeriesExemplars(
            labels: try Labels([Label(Labels.metricName, name)]),
            exemplars: try times.map { time in
                Exemplar(labels: try Labels([Label("trace_id", "t\(time)")]), value: Double(time), timestamp: time)
            })
    }

    private func times(
        _ store: ExemplarStore, _ name: String? = nil, _ range: ClosedRange<Int64> = 0...1_000,
        tenant: TenantID = .default
    ) -> [Int64] {
        let sets = name.map { [[Matcher(equal: Labels.metricName, $0)]] } ?? []
        let found = store.select(
            tenant: tenant, matcherSets: sets, start: range.lowerBound, end: range.upperBound)
        return found.flatMap(\.exemplars).map(\.timestamp).sorted()
    }

    @Test("a series keeps its newest, and what is not newer than these is left out")
    func perSeries() throws {
        let store = ExemplarStore(perSeriesMax: 3)
        store.keep([try exemplars("a", [1, 2, 2, 1, 3, 4, 5])], tenant: .default)
        store.keep([try exemplars("a", [5, 4])], tenant: .default)
        #expect(times(store) == [3, 4, 5] && store.count == 3)
        #expect(times(store, nil, 4...4) == [4])
    }

    @Test("over all, the oldest to arrive go first, and a series of which nothing is left is gone")
    func overAll() throws {
        let store = ExemplarStore(perSeriesMax: 3, countMax: 5)
        let other = try TenantID(validating: "other")
        store.keep([try exemplars("a", [10, 20])], tenant: .default)
        store.keep([try exemplars("b", [1, 2, 3])], tenant: other)
        #expect(store.count == 5)
        store.keep([try exemplars("c", [5])], tenant: .default)
        #expect(times(store) == [5, 20] && times(store, tenant: other) == [1, 2, 3] && store.count == 5)
        for round in 1...100 { store.keep([try exemplars("d\(round)", [Int64(round)])], tenant: .default) }
        #expect(times(store, tenant: other).isEmpty && store.count == 5)
        #expect(times(store) == [96, 97, 98, 99, 100])
    }

    @Test("a tenant's are its own, and any set of matchers may choose a series")
    func selects() throws {
        let store = ExemplarStore()
        store.keep([try exemplars("a", [1]), try exemplars("b", [2]), try exemplars("c", [3])], tenant: .default)
        #expect(times(store, "b") == [2] && times(store, "x").isEmpty)
        #expect(times(store, tenant: try TenantID(validating: "other")).isEmpty)
        let sets = [[Matcher(equal: Labels.metricName, "a")], [Matcher(equal: Labels.metricName, "c")]]
        #expect(store.select(tenant: .default, matcherSets: sets, start: 0, end: 9).count == 2)
    }
}
