internal import MetricModel
internal import QueryLanguage

// MARK: - Classic histograms

extension Evaluation {
    /// The series of one histogram: rows of the input frame with their bounds.
    private struct Buckets {
        var labels: Labels
        var name: String
        var rows: [(row: Int, upperBound: Double)] = []
    }

    func histogram(_ node: PlannedHistogram, _ grid: TimeGrid) throws(QueryError) -> Frame {
        var parameters: [[Double]] = []
        for parameter in node.parameters { parameters.append(try scalars(parameter, grid)) }
        if node.function == .histogramQuantile {
            for quantile in parameters[0] where !(quantile >= 0 && quantile <= 1) {
                warnOfQuantile(quantile, node.parameterRange)
            }
        }
        let frame = try frame(node.inner, grid)
        var builder = FrameBuilder(steps: grid.count)
        for histogram in buckets(frame, node.range) {
            try checkCancelled()
            var row = [Double](repeating: .absent, count: grid.count)
            for step in 0..<grid.count {
                let present = histogram.rows.filter { frame[$0.row, step].isPresent }
                if present.isEmpty { continue }
                var classic = ClassicHistogram(
                    present.map { ClassicHistogram.Bucket(upperBound: $0.upperBound, count: frame[$0.row, step]) })
                if node.function == .histogramQuantile {
                    row[step] = classic.quantile(parameters[0][step])
                    if classic.wasForcedMonotonic { noteForcedMonotonic(histogram.name, node.range) }
                } else {
                    row[step] = classic.fraction(from: parameters[0][step], to: parameters[1][step])
                }
            }
            try builder.add(histogram.labels, row)
        }
        return builder.frame
    }

    /// Puts the rows together that differ in `le` alone.
    private func buckets(_ frame: Frame, _ range: SourceRange) -> [Buckets] {
        let withoutBound = LabelFilter(dropping: ["le"], andName: false)
        let withoutBoundAndName = LabelFilter(dropping: ["le"])
        var groups = Groups()
        var histograms: [Buckets] = []
        for index in 0..<frame.count {
            let labels = frame.labels[index]
            let name = labels.metricName ?? ""
            let bound = labels["le"] ?? ""
            guard let upperBound = Double(bound) else {
                let label = "bucket label \"le\" is missing or has a malformed value of \(Evaluation.quoted(bound))"
                notes.warn("\(label) for metric name \(Evaluation.quoted(name))", range)
                continue
            }
            let group = groups.number(withoutBound.key(labels))
            if group == histograms.count { histograms.append(Buckets(labels: withoutBoundAndName(labels), name: name)) }
            histograms[group].rows.append((index, upperBound))
        }
        return histograms
    }

    private func noteForcedMonotonic(_ name: String, _ range: SourceRange) {
        let page = "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile"
        let message = "input to histogram_quantile needed to be fixed for monotonicity (see \(page)) for metric name"
        notes.inform("\(message) \(Evaluation.quoted(name))", range)
    }

    private static func quoted(_ text: String) -> String { "\"\(text)\"" }
}
