import MetricModel

extension LiveHub {
    static func columns(of data: QueryData, _ limits: LiveLimits) throws(APIFailure) -> [SeriesColumns] {
        guard case .matrix(let series) = data else { throw unsuitable }
        try checkSeries(series.count, limits)
        let points = series.reduce(0) { sum, one in
            one.histograms.values.reduce(sum + one.timestamps.count) { $0 + LiveContent.points(of: $1) }
        }
        if points > limits.snapshotPointsMax {
            throw APIFailure(
                .execution,
                "the history has \(points) points, over \(limits.snapshotPointsMax) (live_snapshot_points_max); "
                    + "ask for less of it")
        }
        return series.filter { !$0.isEmpty }
    }

    /// What each step evaluated has, ascending; the last one is the new one. Earlier ones that have become too large are left out.
    static func steps(
        of data: QueryData, _ evaluation: LiveEvaluation, _ limits: LiveLimits
    ) throws(APIFailure) -> [(time: Int64, samples: [LiveSample])] {
        var steps = (0...evaluation.stepsBefore).map { index in
            (time: evaluation.start + Int64(index) * evaluation.step, samples: [LiveSample]())
        }
        switch data {
        case .scalar(_, let value):
            steps[evaluation.stepsBefore].samples = [LiveSample(labels: .empty, content: .number(value))]
        case .vector(let samples):
            steps[evaluation.stepsBefore].samples = samples.map { LiveSample(labels: $0.labels, content: .init($0)) }
        case .matrix(let series) where evaluation.stepsBefore > 0:
            for one in series {
                func add(_ content: LiveContent, at time: Int64) {
                    steps[Int((time - evaluation.start) / evaluation.step)].samples.append(
                        LiveSample(labels: one.labels, content: content))
                }
                for (time, value) in zip(one.timestamps, one.values) { add(.number(value), at: time) }
                for (time, histogram) in zip(one.histograms.timestamps, one.histograms.values) {
                    add(.histogram(histogram), at: time)
                }
            }
        case .string, .matrix: throw unsuitable
        }
        try checkSize(of: steps[evaluation.stepsBefore].samples, limits)
        // An earlier one that has become too large.
        steps.removeAll { step in
            do throws(APIFailure) { try checkSize(of: step.samples, limits) } catch { return true }
            return false
        }
        return steps
    }

    private static func checkSize(of samples: [LiveSample], _ limits: LiveLimits) throws(APIFailure) {
        try checkSeries(samples.count, limits)
        let points = samples.reduce(0) { $0 + $1.content.points }
        if points > limits.stepPointsMax {
            throw APIFailure(
                .execution,
                "a step of the query has \(points) points, over \(limits.stepPointsMax) (live_step_points_max): take fewer native "
                    + "histograms, or numbers of them")
        }
    }

    private static func checkSeries(_ count: Int, _ limits: LiveLimits) throws(APIFailure) {
        if count > limits.seriesMax {
            throw APIFailure(
                .execution, "the query has \(count) series, over \(limits.seriesMax) (live_series_max)")
        }
    }

    private static let unsuitable = APIFailure(.badData, "a live query must be a scalar or an instant vector")
}
