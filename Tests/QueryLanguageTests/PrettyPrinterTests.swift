import MetricModel
import QueryLanguage
import Testing

@Suite("Queries on several lines")
struct PrettyPrinterTests {
    struct Example: Sendable, CustomTestStringConvertible {
        let query: String
        let lines: [String]

        var testDescription: String { query }
    }

    /// Layouts at 20 bytes a line.
    static let examples = [
        Example(query: "up", lines: ["up"]),
        Example(query: "sum(a_rather_long_name)", lines: ["sum(", "  a_rather_long_name", ")"]),
        Example(
            query: "topk by(x) (3, a_rather_long_name)", lines: ["topk by (x) (", "  3,", "  a_rather_long_name", ")"]),
        Example(
            query: "one_metric_name/on(x)group_left two_metric_name > bool 1",
            lines: [
                "    one_metric_name", "  / on (x) group_left ()", "    two_metric_name", "> bool", "  1",
            ]),
        Example(
            query: "clamp(rate(one_metric_name[5m]),0,1)",
            lines: ["clamp(", "  rate(", "    one_metric_name[5m]", "  ),", "  0,", "  1", ")"]),
        Example(
            query: "-(one_metric_name + other_name)",
            lines: ["-(", "    one_metric_name", "  +", "    other_name", ")"]),
        Example(
            query: "max_over_time(rate(one_metric_name[5m])[1h:1m] offset 5m)",
            lines: ["max_over_time(", "  rate(", "    one_metric_name[5m]", "  )[1h:1m] offset 5m", ")"]),
        // What fits is not indented when it is a subquery: so it is in Prometheus.
        Example(
            query: "max_over_time(m[1h:1m]) + 1000",
            lines: ["  max_over_time(", "m[1h:1m]", "  )", "+", "  1000"]),
        Example(query: "(b{z=\"1\",a=\"2\"})", lines: ["(b{a=\"2\",z=\"1\"})"]),
        Example(
            query: "Inf ^ a_rather_long_name", lines: ["  Inf", "^", "  a_rather_long_name"]),
    ]

    @Test("a query is broken where a line is full, each level indented", arguments: examples)
    func layout(_ example: Example) throws {
        let tree = try Parser.parse(example.query)
        let text = PrettyPrinter(lineBytesMax: 20).text(tree, level: 0)
        #expect(text == example.lines.joined(separator: "\n"))
        #expect(Shape.text(try Parser.parse(text)) == Shape.text(tree))
    }

    @Test("an expression's selectors are found at any depth")
    func selectors() throws {
        let query = "topk(scalar(a), rate(b{x=\"1\"}[5m])) / on () -(max_over_time(c[1h:1m])) or absent(d)"
        let names = try Parser.parse(query).selectors.map { $0.last?.value }
        #expect(names == ["a", "b", "c", "d"])
        #expect(try Parser.parse("1 + time()").selectors.isEmpty)
    }

    @Test("a line has 100 bytes")
    func width() throws {
        let name = String(repeating: "m", count: 95)
        #expect(PrettyPrinter.text(try Parser.parse("abs(\(name))")) == "abs(\(name))")
        #expect(PrettyPrinter.text(try Parser.parse("abs(\(name)m)")) == "abs(\n  \(name)m\n)")
    }
}
