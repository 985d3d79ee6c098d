internal import MetricModel

/// Which steps of a range query are taken from a kept result, and which are computed.
///
/// A step is taken when it is kept and nothing that it reads has changed. What is computed are a few runs of neighbouring steps: runs that lie
/// close together are one.
package struct ResultReuse: Sendable {
    /// `result_runs_max`: each run is a query of its own.
    static let runsMax = 4

    /// The query's steps.
    package let steps: StepRange
    /// What is to be computed, ascending; empty where all is kept.
    package private(set) var missing: [StepRange] = []
    /// What is taken, ascending.
    private var kept: [StepRange] = []
    private let extent: ResultExtent
    /// Kept steps before and behind the query's, as far as they are still right and worth keeping.
    private var before: StepRange?
    private var behind: StepRange?

    /// Decides; nil where nothing can be taken.
    ///
    /// - Parameters:
    ///   - extent: kept steps of the same grid.
    ///   - steps: of the query.
    ///   - changed: times that changed since the extent was right.
    ///   - reach: what a step reads.
    package init?(_ extent: ResultExtent, steps: StepRange, changed: [ClosedRange<Int64>], reach: StepReach) {
        precondition((extent.steps.first - steps.first) % steps.step == 0, "steps of another grid")
        guard extent.steps.times.overlaps(steps.times) else { return nil }
        self.steps = steps
        self.extent = extent
        let first = min(steps.first, extent.steps.first)
        let all = StepRange(start: first, end: max(steps.last, extent.steps.last), step: steps.step)
        var isRight = [Bool](repeating: false, count: all.count)
        let known = all.indices(extent.steps.times)
        for index in known { isRight[index] = true }
        for range in changed {
            for times in reach.steps(reading: range) { for index in all.indices(times) { isRight[index] = false } }
        }
        let asked = all.indices(steps.times)
        var runs: [ClosedRange<Int>] = []
        for index in asked where !isRight[index] {
            if let last = runs.last, last.upperBound == index - 1 {
                runs[runs.count - 1] = last.lowerBound...index
            } else {
                runs.append(index...index)
            }
        }
        // A run's own question costs as much as some steps; then the nearest ones are joined until few are left.
        var gap = 8
        while runs.count > 1 {
            runs = Self.joined(runs, across: gap)
            if runs.count <= Self.runsMax { break }
            gap *= 2
        }
        missing = runs.map(all.part)
        var next = asked.lowerBound
        for run in runs {
            if next < run.lowerBound { kept.append(all.part(next...run.lowerBound - 1)) }
            next = run.upperBound + 1
        }
        if next < asked.upperBound { kept.append(all.part(next...asked.upperBound - 1)) }
        if kept.isEmpty { return nil }
        let most = max(extent.countMax, steps.count)
        (before, behind) = Self.around(asked, isRight, countMax: most, in: all)
    }

    private static func joined(_ runs: [ClosedRange<Int>], across gap: Int) -> [ClosedRange<Int>] {
        var result: [ClosedRange<Int>] = []
        for run in runs {
            if let last = result.last, run.lowerBound - last.upperBound <= gap {
                result[result.count - 1] = last.lowerBound...run.upperBound
            } else {
                result.append(run)
            }
        }
        return result
    }

    /// Steps that join the query's without a gap, `countMax` with them: the newest first.
    private static func around(
        _ asked: Range<Int>, _ isRight: [Bool], countMax: Int, in all: StepRange
    ) -> (before: StepRange?, behind: StepRange?) {
        var last = asked.upperBound
        while last < all.count, isRight[last], last - asked.lowerBound < countMax { last += 1 }
        var first = asked.lowerBound
        while first > 0, isRight[first - 1], last - first < countMax { first -= 1 }
        return (
            first < asked.lowerBound ? all.part(first...asked.lowerBound - 1) : nil,
            asked.upperBound < last ? all.part(asked.upperBound...last - 1) : nil
        )
    }

    /// Steps that are taken.
    package var keptCount: Int { kept.reduce(0) { $0 + $1.count } }

    /// Puts kept and computed steps together.
    ///
    /// - Parameters:
    ///   - computed: the results of `missing`, in its order.
    ///   - options: limits that hold for the whole as they hold for a query.
    /// - Returns: the answer, and what is to be kept from here on (nil for nothing new); nil altogether where the answer cannot be had of
    ///   parts: a kept note that the computed steps do not repeat may be about steps that were not asked for, and limits have errors of their own.
    package func united(
        _ computed: [QueryResult], options: EvaluationOptions
    ) -> (result: QueryResult, extent: ResultExtent?)? {
        guard let notes = notes(computed) else { return nil }
        var pieces = kept.map { ($0, extent.series(at: $0)) }
        for (part, result) in zip(missing, computed) {
            guard case .matrix(let series) = result.value else { return nil }
            pieces.append((part, series))
        }
        pieces.sort { $0.0.first < $1.0.first }
        guard let series = SeriesPieces.joined(pieces), series.count <= options.outputSeriesMax,
            series.count <= options.samplesMax / max(steps.count, 1)
        else { return nil }
        let result = QueryResult(
            value: .matrix(series), warnings: notes.warnings, infos: notes.infos,
            samplesRead: computed.reduce(0) { $0 + $1.samplesRead })
        return (result, widened(result, series))
    }

    /// The answer's notes: those of the computed steps, if they are all there are.
    private func notes(_ computed: [QueryResult]) -> (warnings: [String], infos: [String])? {
        var warnings: [String] = []
        var infos: [String] = []
        for result in computed {
            for text in result.warnings where !warnings.contains(text) { warnings.append(text) }
            for text in result.infos where !infos.contains(text) { infos.append(text) }
        }
        guard extent.warnings.allSatisfy(warnings.contains), extent.infos.allSatisfy(infos.contains),
            warnings.count <= 1, infos.count <= 1
        else { return nil }
        return (warnings, infos)
    }

    /// The answer with the kept steps around it.
    private func widened(_ result: QueryResult, _ series: [SeriesColumns]) -> ResultExtent? {
        // What nobody knows the place of stays with the steps that it was said of.
        let hasNotes = !result.warnings.isEmpty || !result.infos.isEmpty
        let around = hasNotes ? [] : [before, behind].compactMap(\.self)
        let countMax = max(extent.countMax, steps.count)
        guard !around.isEmpty else { return ResultExtent(result, steps: steps, countMax: countMax) }
        let pieces = around.map { ($0, extent.series(at: $0)) } + [(steps, series)]
        guard let all = SeriesPieces.joined(pieces.sorted { $0.0.first < $1.0.first }) else { return nil }
        let wide = StepRange(
            start: min(steps.first, before?.first ?? .max), end: max(steps.last, behind?.last ?? .min),
            step: steps.step)
        return ResultExtent(QueryResult(value: .matrix(all)), steps: wide, countMax: countMax)
    }
}

extension StepRange {
    /// The indices of the steps that lie between two times, as far as there are any; clamped.
    fileprivate func indices(_ times: ClosedRange<Int64>) -> Range<Int> {
        guard times.upperBound >= first, times.lowerBound <= last else { return 0..<0 }
        let low = times.lowerBound <= first ? 0 : Int((times.lowerBound - first + step - 1) / step)
        let high = times.upperBound >= last ? count : Int((times.upperBound - first) / step) + 1
        return low..<max(low, high)
    }
}

/// Puts the series of neighbouring runs of steps together by their labels.
enum SeriesPieces {
    /// - Parameter pieces: in order of time, without a step twice; in each a label set is there once.
    /// - Returns: the series sorted by labels; nil where a label set is in one piece twice.
    static func joined(_ pieces: [(steps: StepRange, series: [SeriesColumns])]) -> [SeriesColumns]? {
        guard let first = pieces.first, let last = pieces.last else { return [] }
        if pieces.count == 1 { return first.series }
        let all = StepRange(start: first.steps.first, end: last.steps.last, step: first.steps.step).allTimes
        var joined: [(series: SeriesColumns, lastPiece: Int)] = []
        var places: [Labels: Int] = [:]
        for (number, piece) in pieces.enumerated() {
            for (index, one) in piece.series.enumerated() {
                // Most pieces have the same series in the same order.
                let isNext = index < joined.count && joined[index].series.labels == one.labels
                if let place = isNext ? index : places[one.labels] {
                    if joined[place].lastPiece == number { return nil }
                    joined[place].series.timestamps += one.timestamps
                    joined[place].series.values += one.values
                    joined[place].series.histograms.merge(one.histograms)
                    joined[place].lastPiece = number
                } else {
                    places[one.labels] = joined.count
                    joined.append((one, number))
                }
            }
        }
        let order = LabelOrder.sorted(joined.map(\.series.labels))
        return order.map { index in
            var one = joined[index].series
            // All complete series share one array of times.
            if one.timestamps.count == all.count { one.timestamps = all }
            return one
        }
    }
}
