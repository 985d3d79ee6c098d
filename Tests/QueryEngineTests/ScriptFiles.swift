import Foundation
import Testing

/// The scripts in `Fixtures/Scripts`, one file an area of PromQL: `tests/differential/scripts.py` asks a Prometheus the same.
@Suite("Scripts by area")
struct ScriptFiles {
    static let areas = [
        "aggregations", "annotations", "counted_values", "dates", "durations", "histograms", "info", "labels", "limits",
        "matching", "native_aggregations", "native_functions", "native_operators", "native_over_time", "native_rates",
        "native_selectors", "quantiles", "sets", "special_numbers", "staleness", "times",
    ]

    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(
        path: "Fixtures/Scripts")

    private static func text(_ area: String) throws -> String {
        try String(contentsOf: folder.appending(path: area + ".promql"), encoding: .utf8)
    }

    @Test("an area's script answers as it says", arguments: areas)
    func answers(area: String) throws {
        try Script.run(area, ScriptFiles.text(area))
    }

    @Test("every script in the folder is run, and none is empty")
    func everyScriptIsRun() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: ScriptFiles.folder.path())
        #expect(files.sorted() == ScriptFiles.areas.map { $0 + ".promql" })
        let counts = try ScriptFiles.areas.map { area in
            try ScriptFiles.text(area).split(separator: "\n").count { $0.hasPrefix("eval ") }
        }
        #expect(counts.allSatisfy { $0 > 0 })
        let told = zip(ScriptFiles.areas, counts).map { "\($0) \($1)" }.joined(separator: ", ")
        print("PromQL scripts by area: \(told); \(counts.reduce(0, +)) evaluations")
    }
}
