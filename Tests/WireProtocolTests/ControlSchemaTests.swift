import ByteCoding
import Foundation
import MetricModel
import Testing
import WireProtocol

/// Where the files are that tests share with documents.
enum Repository {
    /// The repository's root, also when the tests were built through a symbolic link.
    static let root = URL(filePath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }
}

/// Our bytes, read by Google's compiler with our schema: two implementations that share nothing.
@Suite("Control messages and control.proto")
struct ControlSchemaTests {
    static let compiler = ["/usr/bin/protoc", "/usr/local/bin/protoc"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let message: String
        let bytes: [UInt8]
        let text: String

        var testDescription: String { message }
    }

    static let scope = """
          tenant: "team-a" matcher_sets { matchers { name: "instance" operation: 2 value: "web-.*" } } \
          matcher_sets { matchers { name: "zone" operation: 1 } matchers { name: "a" value: "b" } } \
          start: -5 end: 1763000000000 limit: 10
        """

    static let times = "start: -5 end: 1763000000000 created: 1763000000001"
    static let wholly = "tenant: \"team-a\" matchers { name: \"__name__\" value: \"up\" } \(times)"
    static let masked = """
        tenant: "team-a" matchers { name: "zone" operation: 2 value: "a|b" } \
        matchers { name: "__name__" value: "up" } \(times)
        """

    static let cases: [Case] = [
        Case(
            message: "SelectRequest", bytes: .encoding(Samples.queries[0].encode),
            text: """
                tenant: "team-a" matchers { name: "__name__" value: "up" } \
                matchers { name: "instance" operation: 3 value: "db|x" } \
                start: 1 end: 9223372036854775807 series_max: 1000 samples_max: 50000000
                """),
        Case(message: "LabelNamesRequest", bytes: .encoding(Samples.queries[1].encode), text: "scope { \(scope) }"),
        Case(
            message: "LabelValuesRequest", bytes: .encoding(Samples.queries[2].encode),
            text: "scope { \(scope) } name: \"instance\""),
        Case(message: "SeriesRequest", bytes: .encoding(Samples.queries[3].encode), text: "scope { \(scope) }"),
        Case(
            message: "MetadataRequest", bytes: .encoding(Samples.queries[4].encode),
            text: "tenant: \"team-a\" metric: \"up\" limit: 3"),
        Case(
            message: "ServersRequest", bytes: .encoding(Samples.queries[5].encode),
            text: "tenant: \"team-a\" search: \"web\" limit: 100"),
        Case(
            message: "StatisticsRequest", bytes: .encoding(Samples.queries[6].encode),
            text: "tenant: \"team-a\" limit: 5"),
        Case(
            message: "StatisticsPage", bytes: .encoding(Samples.pages[5].encode),
            text: """
                series_count: 3 label_pair_count: 4 chunk_count: 5 min_time: 0 max_time: 1763000000123 \
                series_by_metric { name: "up" value: 2 } values_by_label { name: "a" value: 1 } \
                bytes_by_label { name: "a" value: 9 } series_by_pair { name: "a=b" value: 2 } \
                series_by_pair { name: "a=" }
                """),
        Case(
            message: "ChangesRequest", bytes: .encoding(Samples.changes.encode),
            text: """
                tenant: "team-a" slots: "\\000\\002" start: -5 end: 1763000000000 generation: 18446744073709551615 known: 300
                """),
        Case(
            message: "ChangesPage", bytes: .encoding(Samples.changesPage.encode),
            text: """
                generation: 18446744073709551615 sequence: 301 times { start: -16384 end: -1 } \
                times { start: 1762999992320 end: 1763000008703 }
                """),
        Case(
            message: "FragmentRequest", bytes: .encoding(Samples.fragment.encode),
            text: """
                tenant: "team-a" query: "1 + sum(up)" range_start: 4 range_end: 11 shape: 1 start: 1763000000000 \
                step: 60000 count: 61 query_start: 1763000000000 query_end: 1763003600000 lookback: 300000 \
                subquery_step: 60000 series_max: 1000 samples_max: 50000000 experimental_functions: true \
                slots: "\\001\\002\(String(repeating: "\\000", count: 2045))\\200"
                """),
        Case(
            message: "DeletionsRequest", bytes: .encoding(Samples.queries[13].encode),
            text: "digest: 7 deletions { \(masked) } deletions { \(wholly) }"),
        Case(
            message: "DeletionsPage", bytes: .encoding(Samples.pages[8].encode),
            text: "digest: 9 deletions { \(masked) }"),
        Case(
            message: "StringPage", bytes: .encoding(Samples.pages[1].encode),
            text: "values: \"\" values: \"a\" values: \"\\303\\274\""),
        Case(
            message: "LabelsPage", bytes: .encoding(Samples.pages[2].encode),
            text: """
                labels: "\\010__name__\\002up\\010instance\\005web-1" \
                labels: "\\010__name__\\004load\\010instance\\005web-2\\004zone\\002\\303\\274" labels: ""
                """),
        Case(
            message: "MetadataPage", bytes: .encoding(Samples.pages[3].encode),
            text: "metadata { metric: \"up\" type: \"gauge\" unit: \"s\" help: \"h\" }"),
        Case(
            message: "ServersPage", bytes: .encoding(Samples.pages[4].encode),
            text: "servers { id: \"web-1\" label: \"instance\" last_push: 1763000000123 series_count: 212 } total: 7"),
        Case(
            message: "SelectEnd", bytes: .encoding(Samples.end.encode),
            text: "series_count: 2 sample_count: 3 warnings: \"node b did not answer\""),
        Case(
            message: "SelectEnd", bytes: .encoding(Samples.fragmentEnd.encode),
            text: """
                series_count: 2 sample_count: 3 slots: "\\000\\002" placements: 2147483650 notes: "w" infos: "i" \
                infos: "j"
                """),
        Case(
            message: "SelectRequest", bytes: .encoding(Samples.queries[10].encode),
            text: """
                tenant: "team-a" start: 1 end: 2 part { slots: "\\010\(String(repeating: "\\000", count: 7))\\001" raw: true }
                """),
        Case(
            message: "MetadataRequest", bytes: .encoding(Samples.queries[12].encode),
            text: "tenant: \"team-a\" part { raw: true }"),
        Case(
            message: "SelectEnd", bytes: .encoding(Samples.partEnd.encode),
            text: """
                series_count: 1 slots: "\\000\\002" members: "node-a" members: "node-b" \
                standings { slots: "\\003" role: 1 sound: true members: 0 members: 1 missing_max: 1 } \
                standings { slots: " " members: 1 missing_max: -1 }
                """),
        Case(
            message: "TypedError", bytes: .encoding(Samples.error.encode),
            text: "code: OVERLOADED message: \"queue is full\" retry_after_milliseconds: 250"),
        Case(
            message: "Hello", bytes: helloPayload,
            text: """
                lowest_version: 1 highest_version: 3 required_features: 1 optional_features: 6 cluster: "murmur" node: "a" \
                streams_max: 1024 request_bytes_max: 67108864
                """),
    ]

    /// The payload of the first frame that a client puts out.
    static var helloPayload: [UInt8] {
        let offer = ConnectionOffer(
            identity: NodeIdentity(cluster: "murmur", node: "a"), lowestVersion: 1, highestVersion: 3,
            requiredFeatures: FeatureSet(rawValue: 1), optionalFeatures: FeatureSet(rawValue: 6))
        let now = MonotonicInstant(milliseconds: 0)
        let client = Connection(role: .client, offer: offer, limits: ConnectionLimits(), now: now)
        return Array(client.output.dropFirst(FrameHeader.size))
    }

    @Test(
        "protoc reads with control.proto what we write",
        .enabled(if: compiler != nil, "needs protoc: apt-get install protobuf-compiler"), arguments: cases)
    func decodes(_ example: Case) throws {
        let compiler = try #require(Self.compiler)
        let process = Process()
        process.executableURL = URL(filePath: compiler)
        process.arguments = [
            "--proto_path=\(Repository.root.appending(path: "Sources/WireProtocol").path())",
            "--decode=murmuration.\(example.message)", "control.proto",
        ]
        let input = Pipe()
        let output = Pipe()
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        try input.fileHandleForWriting.write(contentsOf: Data(example.bytes))
        try input.fileHandleForWriting.close()
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        #expect(text.split(whereSeparator: \.isWhitespace) == example.text.split(whereSeparator: \.isWhitespace))
    }
}
