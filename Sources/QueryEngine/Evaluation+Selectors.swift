internal import MetricModel

// MARK: - Selectors: the newest sample in reach, and samples as windows see them

extension Evaluation {
    func rows(of selector: PlannedSelector, _ grid: TimeGrid, _ body: RowConsumer) throws(QueryError) {
        try rows(of: selector, grid, body, as: .value)
    }

    /// `timestamp(selector)`: when the sample was taken, in seconds.
    func rowsOfTimes(_ selector: PlannedSelector, _ grid: TimeGrid, _ body: RowConsumer) throws(QueryError) {
        var builder = FrameBuilder(steps: grid.count)
        let collector = RowConsumer { labels, row throws(QueryError) in
            try builder.add(LabelFilter.withoutName(labels), row)
        }
        try rows(of: selector, grid, collector, as: .seconds)
        try emit(builder.frame, body)
    }

    /// What a cell says of the sample that it finds.
    enum CellContent {
        case value
        /// Its time, Unix seconds.
        case seconds
        /// Its time, Unix milliseconds.
        case milliseconds
    }

    func rows(
        of selector: PlannedSelector, _ grid: TimeGrid, _ body: RowConsumer, as content: CellContent
    ) throws(QueryError) {
        var row = Row(steps: grid.count)
        try forEachSeries(selector.selection) { series throws(QueryError) in
            row.dropHistograms()
            fill(&row.values, series, selector.time, grid, content)
            if !series.histograms.isEmpty { fillHistograms(&row, series, selector.time, grid, content) }
            counts?.count(row)
            try body(series.labels, &row)
        }
    }

    /// Takes for each step the newest sample not after the reference time and younger than the look-back; none where that is a stale
    /// marker. Reference times never fall, so one pass over the samples serves all steps.
    private func fill(
        _ row: inout [Double], _ series: SeriesColumns, _ time: SelectorTime, _ grid: TimeGrid, _ content: CellContent
    ) {
        let lookback = plan.options.lookback
        let timestamps = series.timestamps.span
        let values = series.values.span
        var cells = row.mutableSpan
        var next = 0
        for step in 0..<grid.count {
            let reference = time.reference(grid.time(step))
            while next < timestamps.count && timestamps[next] <= reference { next &+= 1 }
            let found = next - 1
            guard found >= 0, timestamps[found] > reference - lookback, values[found].isPresent else {
                cells[step] = .absent
                continue
            }
            cells[step] =
                switch content {
                case .value: values[found]
                case .seconds: Double(timestamps[found]) / 1000
                case .milliseconds: Double(timestamps[found])
                }
        }
    }

    /// Puts the newest histogram into each cell where it is newer than the newest number.
    private func fillHistograms(
        _ row: inout Row, _ series: SeriesColumns, _ time: SelectorTime, _ grid: TimeGrid, _ content: CellContent
    ) {
        let lookback = plan.options.lookback
        let times = series.histograms.timestamps
        let numberTimes = series.timestamps
        var (next, nextNumber) = (0, 0)
        var last: (index: Int, sample: HistogramSample)?
        for step in 0..<grid.count {
            let reference = time.reference(grid.time(step))
            while next < times.count && times[next] <= reference { next += 1 }
            while nextNumber < numberTimes.count && numberTimes[nextNumber] <= reference { nextNumber += 1 }
            let found = next - 1
            guard found >= 0, times[found] > reference - lookback,
                nextNumber == 0 || numberTimes[nextNumber - 1] <= times[found]
            else { continue }
            let histogram = series.histograms.values[found]
            row[step] = .absent
            if histogram.sum.isStaleMarker { continue }
            switch content {
            case .seconds: row[step] = Double(times[found]) / 1000
            case .milliseconds: row[step] = Double(times[found])
            case .value:
                // Steps that find the same one share it.
                let sample = last.flatMap { $0.index == found ? $0.sample : nil } ?? HistogramSample(histogram)
                last = (found, sample)
                row.set(step, sample)
            }
        }
    }

    /// The series that a window reads: the selected samples, or the rows of a subquery, without stale markers and gaps.
    func forEachSeries(
        of window: PlannedWindow, _ grid: TimeGrid, _ body: @escaping (SeriesColumns) throws(QueryError) -> Void
    ) throws(QueryError) {
        switch window.source {
        case .selection(let index):
            try forEachSeries(index) { series throws(QueryError) in
                let hasGaps =
                    series.values.contains(where: \.isStaleMarker)
                    || series.histograms.values.contains { $0.sum.isStaleMarker }
                try body(hasGaps ? Evaluation.withoutGaps(series) : series)
            }
        case .subquery(let inner, let step):
            guard let inside = Planner.subqueryGrid(window.time, window: window.length, step: step, grid) else {
                return
            }
            let times = inside.times
            counts?.enterSubquery()
            defer { counts?.leaveSubquery() }
            try rows(inner, inside) { labels, row throws(QueryError) in
                self.counts?.leaveSubquery()
                defer { self.counts?.enterSubquery() }
                try body(
                    Evaluation.withoutGaps(
                        SeriesColumns(
                            labels: labels, timestamps: times, values: row.values,
                            histograms: Evaluation.histograms(of: row, times))))
            }
        }
    }

    private static func withoutGaps(_ series: SeriesColumns) -> SeriesColumns {
        var result = SeriesColumns(labels: series.labels, timestamps: [], values: [])
        result.timestamps.reserveCapacity(series.timestamps.count)
        result.values.reserveCapacity(series.values.count)
        for index in series.values.indices where series.values[index].isPresent {
            result.timestamps.append(series.timestamps[index])
            result.values.append(series.values[index])
        }
        for (time, histogram) in zip(series.histograms.timestamps, series.histograms.values)
        where !histogram.sum.isStaleMarker {
            result.histograms.append(timestamp: time, histogram)
        }
        return result
    }

    /// The histograms of a subquery's row: which samples it leaves out is not known, and so no hint holds that speaks of the one before.
    private static func histograms(of row: Row, _ times: [Int64]) -> HistogramColumns {
        var row = row
        row.mapHistograms { histogram in
            var histogram = histogram
            if histogram.counterResetHint != .gauge { histogram.counterResetHint = .unknown }
            return histogram
        }
        return row.columns(times)
    }
}
