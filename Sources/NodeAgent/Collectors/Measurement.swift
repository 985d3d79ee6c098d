package import MetricModel

/// One reading of one series, before the labels that the agent adds to all of them.
package struct Measurement: Hashable, Sendable {
    /// The metric's name, as node_exporter has it.
    package var name: String
    /// Labels in no particular order, without `instance` and `job`.
    package var labels: [Label]
    /// The value.
    package var value: Double

    /// A reading.
    package init(_ name: String, _ labels: [Label], _ value: Double) {
        self.name = name
        self.labels = labels
        self.value = value
    }

    /// A reading without labels.
    package init(_ name: String, _ value: Double) {
        self.init(name, [], value)
    }
}

/// Cuts the text of /proc into words.
enum ProcText {
    /// The words of each line that has any.
    static func rows(_ text: String) -> [[Substring]] {
        text.split(separator: "\n").map(words).filter { !$0.isEmpty }
    }

    /// The parts of a line between spaces and tabs.
    static func words(_ line: some StringProtocol) -> [Substring] {
        Substring(line).split { $0 == " " || $0 == "\t" }
    }
}
