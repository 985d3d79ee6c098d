import MetricModel

extension LiveHub {
    static func columns(of data: QueryData, _ limits: LiveLimits) throws(APIFailure) -> [SeriesColumns] {
        guard case .matrix(let series) = data else { throw unsuitable }
        try checkSeries(series.count, limits)
        let points = series.reduce(0) { $0 + $1.timestamps.count }
        if points > limits.snapshotPointsMax {
            throw APIFailure(
                .execution,
                "the history has \(points) points, over \(limits.snapshotPointsMax) (live_snapshot_points_max); "
                    + "ask for less of it")
        }
        return series.filter { !$0.timestamps.isEmpty }
    }

    /// What has to be said of an answer whose native histograms are left out: a live value is a number.
    static func noteOfHistograms(_ data: QueryData) -> [String] {
        let hasHistograms =
            switch data {
            case .vector(let samples): samples.contains { $0.histogram != nil }
            case .matrix(let series): series.contains { !$0.histograms.isEmpty }
            case .scalar, .string: false
            }
        return hasHistograms ? ["native histograms are left out of live results: take a number of them"] : []
    }

    /// What each step evaluated has, ascending; the last one is the new one. Earlier ones that have become too large are left out.
    static func steps(
        of data: QueryData, _ evaluation: LiveEvaluation, _ limits: LiveLimits
    ) throws(APIFailure) -> [(time: Int64, samples: [(labels: Labels, value: Double)])] {
        var steps = (0...evaluation.stepsBefore).map { index in
            (time: evaluation.start + Int64(index) * evaluation.step, samples: [(labels: Labels, value: Double)]())
        }
        switch data {
        case .scalar(_, let value): steps[evaluation.stepsBefore].samples = [(.empty, value)]
        case .vector(let samples):
            let numbers = samples.filter { $0.histogram == nil }
            try checkSeries(numbers.count, limits)
            steps[evaluation.stepsBefore].samples = numbers.map { ($0.labels, $0.value) }
        case .matrix(let series) where evaluation.stepsBefore > 0:
            for one in series {
                for (time, value) in zip(one.timestamps, one.values) {
                    steps[Int((time - evaluation.start) / evaluation.step)].samples.append((one.labels, value))
                }
            }
            try checkSeries(steps[evaluation.stepsBefore].samples.count, limits)
            steps.removeAll { $0.samples.count > limits.seriesMax }
        case .string, .matrix: throw unsuitable
        }
        return steps
    }

    private static func checkSeries(_ count: Int, _ limits: LiveLimits) throws(APIFailure) {
        if count > limits.seriesMax {
            throw APIFailure(
                .execution, "the query has \(count) series, over \(limits.seriesMax) (live_series_max)")
        }
    }

    private static let unsuitable = APIFailure(.badData, "a live query must be a scalar or an instant vector")
}
