internal import MetricModel
internal import QueryLanguage

// MARK: - limit_ratio

extension Evaluation {
    /// `limit_ratio(r, v)`: the share `r` of the series whose hashes are lowest, or with a negative `r` the rest of `1 + r`, so that
    /// `limit_ratio(r, v)` and `limit_ratio(r - 1, v)` together are `v`. A series' place does not depend on the others.
    ///
    /// Source: `HashRatioSampler` in Prometheus' promql/engine.go.
    func share(_ node: PlannedAggregation, _ grid: TimeGrid, _ body: RowConsumer) throws(QueryError) {
        let ratios = try parameter(node, grid)
        warnOfRatios(ratios, node.parameterRange)
        if ratios.allSatisfy({ $0 == 0 }) { return }
        try rows(node.inner, grid) { labels, row throws(QueryError) in
            let place = Double(XXH64.hash(PrometheusLabels.bytes(labels))) / 0x1p64
            for step in row.indices where row.isPresent(step) {
                let ratio = ratios[step]
                if ratio.isNaN { throw QueryError(.execution, "Ratio value NaN is NaN", node.parameterRange) }
                let isTaken = ratio >= 0 ? place < Swift.min(ratio, 1) && ratio > 0 : place >= 1 + Swift.max(ratio, -1)
                if !isTaken { row.clear(step) }
            }
            if row.hasSample { try body(labels, &row) }
        }
    }

    private func warnOfRatios(_ ratios: [Double], _ range: SourceRange?) {
        guard let range else { return }
        let numbers = ratios.filter { !$0.isNaN }
        for (worst, bound) in [(numbers.max() ?? 0, 1.0), (numbers.min() ?? 0, -1.0)]
        where worst.magnitude > 1 && worst.sign == bound.sign {
            let values = "got \(PlainDecimal.text(worst)), capping to \(PlainDecimal.text(bound))"
            notes.warn("ratio value should be between -1 and 1, \(values)", range)
        }
    }
}

/// Labels as Prometheus keeps them in memory, for the hash that it takes of them: each name and value behind its length, of one byte
/// up to 254, else 255 and three bytes.
///
/// Source: model/labels/labels_stringlabels.go of Prometheus 3.5.
enum PrometheusLabels {
    static func bytes(_ labels: Labels) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(labels.bytes.count)
        for label in labels.labels {
            for text in [label.name.utf8, label.value.utf8] {
                let length = text.count
                if length < 255 {
                    bytes.append(UInt8(length))
                } else {
                    bytes.append(255)
                    for shift in [0, 8, 16] { bytes.append(UInt8(truncatingIfNeeded: length >> shift)) }
                }
                bytes.append(contentsOf: text)
            }
        }
        return bytes
    }
}
