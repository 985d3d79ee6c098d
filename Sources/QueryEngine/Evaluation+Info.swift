internal import MetricModel

// MARK: - info

/// What a series and its info series have in common: `instance` and `job`, in that order, as bytes; empty where a label is absent.
private typealias Identity = [[UInt8]]

/// The info series of one metric that identify one thing: at each step the newest sample's.
private struct InfoSeries {
    /// For each step the labels' number, and nothing where no series has a sample.
    var newest: [Int?]
    /// When that sample was taken, Unix milliseconds.
    var times: [Double]
}

extension Evaluation {
    /// Adds to each series the labels of the info series with the same `instance` and `job`.
    ///
    /// Source: promql/info.go of Prometheus 3.5, whose rules these are, odd as some are: an info series counts when the vector has each of
    /// its identifying values somewhere; a vector without any finds nothing.
    func enriched(_ node: PlannedInfo, _ grid: TimeGrid) throws(QueryError) -> Frame {
        let base = try frame(node.inner, grid)
        let isInfo = base.labels.map { labels in
            node.infoNames.contains { $0.matches(labels.metricName ?? "") }
        }
        let identities = base.labels.map(Evaluation.identity)
        var values: [Set<[UInt8]>] = [[], []]
        for index in 0..<base.count where !isInfo[index] {
            for (place, value) in identities[index].enumerated() where !value.isEmpty {
                values[place].insert(value)
            }
        }
        let finds = values.contains { !$0.isEmpty }
        let found = finds ? try infoSeries(node, grid, base, values) : Found()
        let asked = finds ? node.dataMatchers : node.matchers
        var builder = FrameBuilder(steps: grid.count)
        for index in 0..<base.count {
            try checkCancelled()
            if isInfo[index] {
                try builder.add(base.labels[index], base.row(index))
                continue
            }
            let series = found.metrics.values.compactMap { $0[identities[index]] }
            for (labels, row) in try rows(base, index, series, found.labels, asked) {
                try builder.add(labels, row)
            }
            try checkSize(rows: builder.frame.count, steps: grid.count, histograms: builder.frame.histogramWeight)
        }
        return builder.frame
    }

    /// Info series by metric and identity, and their label sets.
    private struct Found {
        var labels: [Labels] = []
        var metrics: [[UInt8]: [Identity: InfoSeries]] = [:]
    }

    private func infoSeries(
        _ node: PlannedInfo, _ grid: TimeGrid, _ base: Frame, _ values: [Set<[UInt8]>]
    ) throws(QueryError) -> Found {
        var found = Found()
        let isAsked = (0..<grid.count).map { step in
            (0..<base.count).contains { base.isPresent($0, step) }
        }
        let collector = RowConsumer { labels, row throws(QueryError) in
            let identity = Evaluation.identity(labels)
            guard zip(values, identity).allSatisfy({ $0.isEmpty || $0.contains($1) }) else { return }
            let name = labels.metricName ?? ""
            let number = found.labels.count
            found.labels.append(labels)
            let none = InfoSeries(
                newest: Array(repeating: nil, count: grid.count),
                times: Array(repeating: 0, count: grid.count))
            var series = found.metrics[Array(name.utf8), default: [:]][identity] ?? none
            for step in row.indices where row[step].isPresent {
                if series.newest[step] != nil && series.times[step] == row[step] && isAsked[step] {
                    throw QueryError(.execution, "found duplicate series for info metric \(name)", node.range)
                }
                if series.newest[step] == nil || series.times[step] < row[step] {
                    series.newest[step] = number
                    series.times[step] = row[step]
                }
            }
            found.metrics[Array(name.utf8), default: [:]][identity] = series
        }
        try rows(of: node.selector, grid, collector, as: .milliseconds)
        return found
    }

    /// One series' rows: one for each label set that it gets at some step.
    private func rows(
        _ base: Frame, _ index: Int, _ series: [InfoSeries], _ infoLabels: [Labels], _ asked: [Matcher]
    ) throws(QueryError) -> [(Labels, Row)] {
        var rows: [(labels: Labels, row: Row)] = []
        var known: [[Int]: Int?] = [:]
        for step in 0..<base.steps where base.isPresent(index, step) {
            let matched = series.compactMap { $0.newest[step] }
            let output: Int?
            if let place = known[matched] {
                output = place
            } else if let labels = try enrich(base.labels[index], matched.map { infoLabels[$0] }, asked) {
                rows.append((labels, Row(steps: base.steps)))
                output = rows.count - 1
                known[matched] = output
            } else {
                output = nil
                known[matched] = .some(nil)
            }
            if let output {
                rows[output].row[step] = base[index, step]
                rows[output].row.set(step, base.histogram(index, step))
            }
        }
        return rows.map { ($0.labels, $0.row) }
    }

    /// A series' labels with those of its info series that are asked for; nil when what is asked for is not there.
    private func enrich(_ base: Labels, _ info: [Labels], _ asked: [Matcher]) throws(QueryError)
        -> Labels?
    {
        var added: [[UInt8]: Label] = [:]
        for label in info.flatMap(\.labels) where !label.name.hasSameBytes(as: Labels.metricName) {
            if !asked.isEmpty && !asked.contains(where: { $0.name.hasSameBytes(as: label.name) }) {
                continue
            }
            if let other = added[Array(label.name.utf8)], !other.value.hasSameBytes(as: label.value) {
                throw QueryError(.execution, "conflicting label: \(label.name)")
            }
            if base[label.name] == nil { added[Array(label.name.utf8)] = label }
        }
        if added.isEmpty && asked.contains(where: { !$0.matchesEmpty }) { return nil }
        var labels = base
        for label in added.values { labels = labels.setting(label.name, to: label.value) }
        return labels
    }

    private static func identity(_ labels: Labels) -> Identity {
        ["instance", "job"].map { Array((labels[$0] ?? "").utf8) }
    }
}
