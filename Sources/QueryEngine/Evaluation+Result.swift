internal import ByteCoding
internal import MetricModel
internal import QueryLanguage

// MARK: - From rows to the answer

extension Evaluation {
    func value() throws(QueryError) -> QueryResult.Value {
        try checkCancelled()
        let grid = plan.grid
        switch plan.root {
        case .text(let text): return .string(grid.start, text)
        case .rangeVector(let window): return .matrix(try series(in: window, grid))
        default: break
        }
        if plan.resultType == .scalar {
            let values = try scalars(plan.root, grid)
            if !plan.isRange { return .scalar(grid.start, values[0]) }
            return .matrix([SeriesColumns(labels: .empty, timestamps: grid.times, values: values)])
        }
        return plan.isRange ? .matrix(try matrix(grid)) : .vector(grid.start, try vector(grid))
    }

    private func vector(_ grid: TimeGrid) throws(QueryError) -> [QueryResult.VectorElement] {
        var elements: [QueryResult.VectorElement] = []
        var weight = 0
        try rows(plan.root, grid) { labels, row throws(QueryError) in
            if !row.isPresent(0) { return }
            try self.checkOutput(elements.count + 1)
            let histogram = row.histogram(0)?.histogram
            if let histogram {
                weight += histogram.sampleWeight
                try self.checkSize(rows: elements.count + 1, steps: 1, histograms: weight)
            }
            elements.append(
                QueryResult.VectorElement(labels: labels, value: histogram == nil ? row[0] : 0, histogram: histogram))
        }
        if plan.isOrdered || elements.count < 2 { return elements }
        // The same order however the series are spread over nodes.
        return LabelOrder.sorted(elements.map(\.labels)).map { elements[$0] }
    }

    private func matrix(_ grid: TimeGrid) throws(QueryError) -> [SeriesColumns] {
        let times = grid.times
        var series: [SeriesColumns] = []
        var weight = 0
        try rows(plan.root, grid) { labels, row throws(QueryError) in
            let present = row.values.count { $0.isPresent }
            let histograms = row.columns(times)
            if present == 0 && histograms.isEmpty { return }
            try self.checkOutput(series.count + 1)
            if !histograms.isEmpty { weight += row.histogramWeight }
            try self.checkSize(rows: series.count + 1, steps: grid.count, histograms: weight)
            if present == times.count {
                // All complete series share one array of times.
                series.append(SeriesColumns(labels: labels, timestamps: times, values: row.values))
            } else {
                let steps = row.indices.filter { row[$0].isPresent }
                series.append(
                    SeriesColumns(
                        labels: labels, timestamps: steps.map { times[$0] }, values: steps.map { row[$0] },
                        histograms: histograms))
            }
        }
        return Evaluation.sorted(series)
    }

    /// The raw samples of a range vector, without stale markers.
    private func series(in window: PlannedWindow, _ grid: TimeGrid) throws(QueryError) -> [SeriesColumns] {
        var result: [SeriesColumns] = []
        let end = window.end(grid.start)
        try forEachSeries(of: window, grid) { series throws(QueryError) in
            self.counts?.count(series, window, grid)
            let inside = series.timestamps.indices.filter {
                series.timestamps[$0] > end - window.length && series.timestamps[$0] <= end
            }
            let histograms = series.histograms.within(end - window.length + 1, end)
            if inside.isEmpty && histograms.isEmpty { return }
            try self.checkOutput(result.count + 1)
            result.append(
                SeriesColumns(
                    labels: series.labels, timestamps: inside.map { series.timestamps[$0] },
                    values: inside.map { series.values[$0] }, histograms: histograms))
        }
        return Evaluation.sorted(result)
    }

    private func checkOutput(_ count: Int) throws(QueryError) {
        let most = plan.options.outputSeriesMax
        if count > most { throw QueryError(.limit, "result has more than query_output_series_max (\(most)) series") }
    }

    private static func sorted(_ series: [SeriesColumns]) -> [SeriesColumns] {
        if series.count < 2 { return series }
        return LabelOrder.sorted(series.map(\.labels)).map { series[$0] }
    }
}
