import EngineStorage
import MetricModel
import SeriesEngine
import Testing

@Suite("Statistics of a tenant")
struct StatisticsTests {
    @Test("series, values, bytes and times are the tenant's own, the greatest first")
    func counts() async throws {
        let folder = TemporaryFolder()
        let clock = ManualClock()
        let host = try await openHost(folder, clock: clock)
        let other = try TenantID(validating: "other")
        var samples: [(SeriesDefinition, Int64, Double)] = []
        for server in 0..<5 {
            samples.append((try definition("cpu", "web-\(server)"), clock.now + Int64(server), 1))
            if server < 2 { samples.append((try definition("load", "web-\(server)"), clock.now + 10, 1)) }
            samples.append((try definition("cpu", "web-\(server)", tenant: other), clock.now + 1_000, 1))
        }
        #expect(try await host.append(batch(samples)).rejections.isEmpty)
        let found = try await host.statistics(tenant: .default, limit: 2)
        #expect(found.seriesCount == 7 && found.labelPairCount == 7 && found.chunkCount == 7)
        #expect(found.minTime == clock.now && found.maxTime == clock.now + 10)
        #expect(
            found.seriesByMetric.map(\.name) == ["cpu", "load"]
                && found.seriesByMetric.map(\.value) == [5, 2])
        #expect(
            found.valuesByLabel.map(\.value) == [5, 2] && found.valuesByLabel.last?.name == "__name__")
        // Five times 8 + 3 + 2 bytes, twice 8 + 4 + 2.
        #expect(found.bytesByLabel.first { $0.name == "__name__" }?.value == 93)
        #expect(found.seriesByPair.first?.name == "__name__=cpu" && found.seriesByPair.count == 2)
        let nobody = try TenantID(validating: "nobody")
        #expect(try await host.statistics(tenant: nobody, limit: 2) == TenantStatistics())
        try await host.close()
    }

    @Test("of two nodes series add up, and values count as on the node with the most")
    func merge() {
        var left = TenantStatistics()
        left.seriesCount = 3
        left.labelPairCount = 2
        left.minTime = 5
        left.maxTime = 9
        left.seriesByMetric = [
            TenantStatistics.Count(name: "a", value: 2), TenantStatistics.Count(name: "b", value: 1),
        ]
        left.valuesByLabel = [TenantStatistics.Count(name: "x", value: 2)]
        var right = left
        right.minTime = nil
        right.maxTime = 11
        right.seriesByMetric = [TenantStatistics.Count(name: "b", value: 4)]
        right.valuesByLabel = [TenantStatistics.Count(name: "x", value: 3)]
        left.merge(right, limit: 1)
        #expect(
            left.seriesCount == 6 && left.labelPairCount == 2 && left.minTime == 5 && left.maxTime == 11)
        #expect(left.seriesByMetric == [TenantStatistics.Count(name: "b", value: 5)])
        #expect(left.valuesByLabel == [TenantStatistics.Count(name: "x", value: 3)])
    }
}
