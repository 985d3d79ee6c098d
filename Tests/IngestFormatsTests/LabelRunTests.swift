import ByteCoding
import IngestFormats
import MetricModel
import Testing

@Suite("Label runs")
struct LabelRunTests {
    private func run(_ labels: [(String, String)]) -> [UInt8] {
        var bytes: [UInt8] = []
        for (name, value) in labels { LabelRun.append(name: Array(name.utf8), value: Array(value.utf8), to: &bytes) }
        return bytes
    }

    @Test("labels in another order are one label set, and empty values are no labels")
    func canonical() throws {
        let sorted = try LabelRun.labels(
            in: run([("__name__", "m"), ("a", "1"), ("b", "2")]).rawSpan, limits: Limits())
        let mixed = try LabelRun.labels(
            in: run([("b", "2"), ("gone", ""), ("a", "1"), ("__name__", "m")]).rawSpan, limits: Limits())
        #expect(sorted == mixed)
        #expect(Fingerprint(tenant: .default, labels: sorted) == Fingerprint(tenant: .default, labels: mixed))
    }

    @Test(
        "lengths straddle the varint's widths",
        arguments: [0, 1, 120, 121, 122, 123, 124, 125, 126, 127, 128, 129, 4_096])
    func widths(_ length: Int) throws {
        let value = String(repeating: "v", count: length)
        let labels = try LabelRun.labels(in: run([("__name__", "m"), ("x", value)]).rawSpan, limits: Limits())
        #expect(labels["x"] == (length == 0 ? nil : value))
    }

    @Test("what is no label set is refused with its reason")
    func refused() {
        let cases: [([(String, String)], LabelError)] = [
            ([("__name__", "m"), ("a", "1"), ("a", "2")], .model(.duplicateLabel(name: "a"))),
            ([("__name__", "m"), ("a", "1"), ("a", "1")], .model(.duplicateLabel(name: "a"))),
            ([("__name__", "m"), ("", "1")], .emptyName(value: "1")),
            ([("a", "1")], .noMetricName),
            ([("__name__", "")], .noMetricName),
            ([], .noMetricName),
        ]
        for (labels, expected) in cases {
            #expect(throws: expected) { try LabelRun.labels(in: run(labels).rawSpan, limits: Limits()) }
        }
    }

    @Test("each limit names itself")
    func limits() {
        var limits = Limits()
        limits.labelsPerSeriesMax = 2
        limits.labelNameBytesMax = 8
        limits.labelValueBytesMax = 3
        let cases: [([(String, String)], LabelError)] = [
            ([("__name__", "m"), ("a", "1"), ("b", "1")], .limit(name: "labels_per_series_max", maximum: 2, found: 3)),
            ([("__name__", "m"), ("abcdefghi", "1")], .limit(name: "label_name_bytes_max", maximum: 8, found: 9)),
            ([("__name__", "mmmm")], .limit(name: "label_value_bytes_max", maximum: 3, found: 4)),
        ]
        for (labels, expected) in cases {
            #expect(throws: expected) { try LabelRun.labels(in: run(labels).rawSpan, limits: limits) }
        }
    }

    @Test("bytes that are not UTF-8 are refused by the label's place")
    func invalidUTF8() {
        var bytes = run([("__name__", "m")])
        LabelRun.append(name: [0x61], value: [0xC3, 0x28], to: &bytes)
        do {
            _ = try LabelRun.labels(in: bytes.rawSpan, limits: Limits())
            Issue.record("invalid UTF-8 was taken")
        } catch {
            #expect(error.description.hasPrefix("label 1: invalid UTF-8"))
        }
    }

    @Test("canonically equivalent names are different labels, as they are different bytes")
    func equivalentNames() throws {
        let labels = try LabelRun.labels(
            in: run([("__name__", "m"), ("\u{E9}", "1"), ("e\u{301}", "2")]).rawSpan, limits: Limits())
        #expect(labels.count == 3)
    }

    @Test("a run cut at any place is refused or shorter, never read past its end")
    func truncated() {
        let whole = run([("__name__", "metric"), ("instance", "server"), ("job", "node")])
        for length in 0..<whole.count {
            let labels = try? LabelRun.labels(in: Array(whole[..<length]).rawSpan, limits: Limits())
            if let labels { #expect(labels.count < 3) }
        }
    }
}
