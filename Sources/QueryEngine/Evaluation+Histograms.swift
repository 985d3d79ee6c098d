internal import MetricModel
internal import QueryLanguage

// MARK: - histogram_quantile, histogram_fraction

extension Evaluation {
    /// The series of one histogram: rows of the input frame with their bounds.
    private struct Buckets {
        var labels: Labels
        var name: String
        var rows: [(row: Int, upperBound: Double)] = []
        /// The row of native histograms with the same labels.
        var native: Int?
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
            var row = Row(steps: grid.count)
            for step in 0..<grid.count {
                let present = histogram.rows.filter { frame[$0.row, step].isPresent }
                if present.isEmpty { continue }
                if let native = histogram.native, frame.histogram(native, step) != nil {
                    notes.warnOfMixedHistograms(histogram.name, node.range)
                    continue
                }
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
        try addNative(frame, node, parameters, to: &builder)
        return builder.frame
    }

    /// Adds what native histograms give, but where there is a classic one of the same labels.
    private func addNative(
        _ frame: Frame, _ node: PlannedHistogram, _ parameters: [[Double]], to builder: inout FrameBuilder
    ) throws(QueryError) {
        if !frame.hasHistograms { return }
        let classic = classicRows(frame)
        for index in 0..<frame.count where frame.hasHistograms(index) {
            try checkCancelled()
            let labels = frame.labels[index]
            let rivals = classic[labels] ?? []
            let output = builder.row(LabelFilter.withoutName(labels))
            for step in 0..<frame.steps {
                guard let histogram = frame.histogram(index, step)?.histogram,
                    !rivals.contains(where: { frame[$0, step].isPresent })
                else { continue }
                let (value, remark) =
                    node.function == .histogramQuantile
                    ? histogram.quantile(parameters[0][step])
                    : histogram.fraction(from: parameters[0][step], to: parameters[1][step])
                // Its name is gone by then, as in Prometheus.
                if let remark { notes.add(remark, "", node.parameterRange) }
                try builder.set(output, step, value)
            }
        }
    }

    /// The rows of buckets by their labels without the bound.
    private func classicRows(_ frame: Frame) -> [Labels: [Int]] {
        let withoutBound = LabelFilter(dropping: ["le"], andName: false)
        var rows: [Labels: [Int]] = [:]
        for index in 0..<frame.count where Double(frame.labels[index]["le"] ?? "") != nil {
            rows[withoutBound(frame.labels[index]), default: []].append(index)
        }
        return rows
    }

    /// Puts the rows together that differ in `le` alone.
    private func buckets(_ frame: Frame, _ range: SourceRange) -> [Buckets] {
        let withoutBound = LabelFilter(dropping: ["le"], andName: false)
        let withoutBoundAndName = LabelFilter(dropping: ["le"])
        var groups = Groups()
        var histograms: [Buckets] = []
        for index in 0..<frame.count where !frame.hasHistograms(index) || frame.row(index).hasNumber {
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
        if frame.hasHistograms {
            for index in 0..<frame.count where frame.hasHistograms(index) {
                if let group = groups.known(LabelFilter(dropping: [], andName: false).key(frame.labels[index])) {
                    histograms[group].native = index
                }
            }
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
