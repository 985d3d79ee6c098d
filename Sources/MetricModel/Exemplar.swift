/// A sample that stands for others, with labels of its own: mostly the trace that it came from.
package struct Exemplar: Hashable, Sendable {
    /// What tells it from other samples of its series, such as `trace_id`.
    package var labels: Labels
    /// The sample's value.
    package var value: Double
    /// When it was taken, Unix milliseconds.
    package var timestamp: Int64

    /// Most characters of its label names and values together, as OpenMetrics has it.
    package static let labelCharactersMax = 128

    /// A sample with labels of its own.
    package init(labels: Labels, value: Double, timestamp: Int64) {
        self.labels = labels
        self.value = value
        self.timestamp = timestamp
    }
}

/// One series' exemplars, by ascending time.
package struct SeriesExemplars: Equatable, Sendable {
    /// The series.
    package var labels: Labels
    /// Its exemplars.
    package var exemplars: [Exemplar]

    /// Exemplars of the series with these labels.
    package init(labels: Labels, exemplars: [Exemplar]) {
        self.labels = labels
        self.exemplars = exemplars
    }
}
