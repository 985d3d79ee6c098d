import ByteCoding
import IngestFormats
import LoadGenerator
import MetricModel
import Testing

@Suite("Load generator")
struct LoadGeneratorTests {
    private func configuration(_ format: LoadConfiguration.Format, seed: UInt64 = 1) -> LoadConfiguration {
        LoadConfiguration(push: "http://127.0.0.1:1", servers: 4, metrics: 25, format: format, seed: seed)
    }

    private func parse(_ body: [UInt8], _ format: LoadConfiguration.Format) throws -> ParsedWrite {
        switch format {
        case .remoteWrite: try RemoteWriteFormat().parse(body, seed: 1, limits: Limits())
        case .json: try JSONPushFormat().parse(body, seed: 1, limits: Limits())
        }
    }

    private func servers(_ write: ParsedWrite) throws -> Set<String> {
        var result: Set<String> = []
        for series in write.series {
            let run = write.bytes.rawSpan.extracting(Int(series.offset)..<Int(series.offset) + Int(series.length))
            let labels = try LabelRun.labels(in: run, limits: Limits())
            result.insert(try #require(labels["instance"] ?? labels["server_id"]))
        }
        return result
    }

    @Test("each round is a request of every series with its time", arguments: LoadConfiguration.Format.allCases)
    func rounds(_ format: LoadConfiguration.Format) throws {
        var template = RequestTemplate(configuration: configuration(format), range: 0..<100)
        #expect(template.sampleCount == 100)
        #expect(template.serverCount == 4)
        var hashes: Set<String> = []
        var before: [Double] = []
        for timestamp in [1_763_000_000_000, 1_763_000_000_999, 1_763_000_010_000] as [Int64] {
            let write = try parse(template.encode(timestamp: timestamp), format)
            #expect(write.rejectedCount == 0)
            #expect(write.samples.timestamps == [Int64](repeating: timestamp, count: 100))
            #expect(Set(write.series.map { "\($0.hash)" }).count == 100)
            hashes.formUnion(write.series.map { "\($0.hash)" })
            #expect(write.samples.values != before)
            #expect(write.samples.values.allSatisfy { $0.isFinite && $0 >= 0 })
            before = write.samples.values
        }
        #expect(hashes.count == 100)
    }

    @Test("equal seeds make equal walks, in both formats, and others make others")
    func seeds() throws {
        func values(_ format: LoadConfiguration.Format, _ seed: UInt64) throws -> [Double] {
            var template = RequestTemplate(configuration: configuration(format, seed: seed), range: 25..<75)
            _ = template.encode(timestamp: 1_763_000_000_000)
            return try parse(template.encode(timestamp: 1_763_000_001_000), format).samples.values
        }
        #expect(try values(.remoteWrite, 7) == values(.remoteWrite, 7))
        #expect(try values(.remoteWrite, 7) == values(.json, 7))
        #expect(try values(.remoteWrite, 7) != values(.remoteWrite, 8))
    }

    @Test("a replaced server comes with another name, the others stay", arguments: LoadConfiguration.Format.allCases)
    func churn(_ format: LoadConfiguration.Format) throws {
        var template = RequestTemplate(configuration: configuration(format), range: 0..<100)
        let before = try servers(try parse(template.encode(timestamp: 1_763_000_000_000), format))
        template.replaceOneServer()
        let after = try servers(try parse(template.encode(timestamp: 1_763_000_001_000), format))
        #expect(before.count == 4)
        #expect(after.count == 4)
        #expect(before.intersection(after).count == 3)
    }

    @Test("percentiles are within their bucket's 2 %")
    func percentiles() {
        var low = LatencyHistogram()
        var high = LatencyHistogram()
        for value in 1...500 { low.add(milliseconds: Double(value)) }
        for value in 501...1_000 { high.add(milliseconds: Double(value)) }
        low.merge(high)
        #expect(low.count == 1_000)
        for (fraction, expected) in [(0.5, 500.0), (0.9, 900), (0.99, 990), (1, 1_000)] {
            #expect(abs(low.percentile(fraction) - expected) <= expected * 0.02)
        }
        #expect(low.maximum == 1_000)
        #expect(LatencyHistogram().percentile(0.5) == 0)
    }

    @Test("numbers that make no sense are refused by name")
    func validation() async {
        for change in [
            { $0.servers = 0 }, { $0.metrics = -1 }, { $0.connections = 65 }, { $0.samplesPerRequest = 0 },
            { $0.churn = 1.5 }, { $0.duration = .zero }, { $0.interval = .seconds(-1) },
            {
                $0.servers = 1_000_000
                $0.metrics = 1_000
            },
        ] as [(inout LoadConfiguration) -> Void] {
            var changed = configuration(.json)
            change(&changed)
            await #expect(throws: LoadError.self) {
                try await LoadGenerator.run(configuration: changed, progress: { _ in })
            }
        }
    }
}
