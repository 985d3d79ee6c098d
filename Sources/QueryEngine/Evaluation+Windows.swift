internal import MetricModel
internal import QueryLanguage

// MARK: - Functions of windows

extension Evaluation {
    func rows(
        of function: FunctionName, _ window: PlannedWindow, _ parameters: [PlanNode], _ grid: TimeGrid,
        _ body: RowConsumer
    ) throws(QueryError) {
        var columns: [[Double]] = []
        for parameter in parameters { columns.append(try scalars(parameter, grid)) }
        try check(function, columns, window)
        let kernel = WindowKernel(
            function: function, window: window, grid: grid, parameters: columns, isCancelled: isCancelled)
        let keepsName = function == .lastOverTime
        if keepsName || window.hasFixedName {
            try windowRows(kernel, window) { labels, row throws(QueryError) in
                try body(keepsName ? labels : LabelFilter.withoutName(labels), &row)
            }
            return
        }
        var seen: Set<Labels> = []
        try windowRows(kernel, window) { labels, row throws(QueryError) in
            if !row.hasSample { return }
            let labels = LabelFilter.withoutName(labels)
            // Unlike elsewhere, Prometheus refuses equal label sets here even when their samples never meet.
            if !seen.insert(labels).inserted { throw .sameLabelSet }
            try body(labels, &row)
        }
    }

    private func windowRows(_ kernel: WindowKernel, _ window: PlannedWindow, _ body: @escaping RowConsumer.Function)
        throws(QueryError)
    {
        var row = Row(steps: kernel.grid.count)
        var mayNote = kernel.isForCounters
        try forEachSeries(of: window, kernel.grid) { series throws(QueryError) in
            row.dropHistograms()
            kernel.fill(&row.values, series.timestamps, series.values)
            if !series.histograms.isEmpty { try self.fillHistograms(&row, series, kernel, window.noteRange) }
            self.counts?.count(series, window, kernel.grid)
            try self.checkCancelled()
            // One series with a value speaks for all that have its name.
            if mayNote, row.hasNumber {
                self.noteNonCounter(series.labels, window.noteRange)
                mayNote = !window.hasFixedName
            }
            try body(series.labels, &row)
        }
    }

    /// `absent_over_time`: 1 where no window has a sample.
    func rowOfAbsence(_ window: PlannedWindow, _ labels: Labels, _ grid: TimeGrid, _ body: RowConsumer)
        throws(QueryError)
    {
        let kernel = WindowKernel(
            function: .presentOverTime, window: window, grid: grid, parameters: [], isCancelled: isCancelled)
        var result = Row([Double](repeating: 1, count: grid.count))
        try windowRows(kernel, window) { _, row in
            for step in row.indices where row[step].isPresent { result[step] = .absent }
        }
        try body(labels, &result)
    }

    /// `absent`: 1 where the vector has no element.
    func rowOfAbsence(_ inner: PlanNode, _ labels: Labels, _ grid: TimeGrid, _ body: RowConsumer) throws(QueryError) {
        var result = Row([Double](repeating: 1, count: grid.count))
        try rows(inner, grid) { _, row in
            for step in row.indices where row.isPresent(step) { result[step] = .absent }
        }
        try body(labels, &result)
    }

    private func check(_ function: FunctionName, _ parameters: [[Double]], _ window: PlannedWindow) throws(QueryError) {
        switch function {
        case .quantileOverTime:
            for quantile in parameters[0] where !(quantile >= 0 && quantile <= 1) {
                warnOfQuantile(quantile, window.noteRange)
            }
        case .doubleExponentialSmoothing:
            for (name, column) in zip(["smoothing", "trend"], parameters) {
                for factor in column where !(factor > 0 && factor < 1) {
                    let message =
                        "invalid \(name) factor. Expected: 0 < \(name.prefix(1))f < 1, got: \(PlainDecimal.text(factor))"
                    throw QueryError(.execution, message, window.range)
                }
            }
        default: break
        }
    }

    func warnOfQuantile(_ quantile: Double, _ range: SourceRange) {
        notes.warn("quantile value should be between 0 and 1, got \(PlainDecimal.text(quantile))", range)
    }

    /// Counters are known by the end of their names.
    private func noteNonCounter(_ labels: Labels, _ range: SourceRange) {
        guard let name = labels.metricName, !["_total", "_sum", "_count", "_bucket"].contains(where: name.hasSuffix)
        else { return }
        let suffixes = "_total/_sum/_count/_bucket"
        notes.inform("metric might not be a counter, name does not end in \(suffixes): \"\(name)\"", range)
    }
}
