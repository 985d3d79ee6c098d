package import MetricModel
internal import QueryLanguage

// Rows flow through the tree one series at a time: a producer fills one scratch row with the value at each step and hands it to its
// consumer, so `sum by (x) (rate(m[5m]))` holds the groups and one row, not 40,000 rates. Operators that need several series at once
// (ranking, matching) collect rows in a `Frame`. Each concern is an extension in a file of its own.

/// Computes the value of a plan from the samples it asked for.
package enum Evaluator {
    /// Evaluates a plan. Pure and synchronous; memory is bounded by `query_samples_max` cells.
    ///
    /// - Parameters:
    ///   - plan: what to compute.
    ///   - data: for each of the plan's selections, in their order, the series that it selects.
    ///   - fragments: for each of the plan's fragments, in their order, what all parts answered together; each row was accepted by
    ///     `Fragment.accepts`.
    ///   - isCancelled: asked for every series and group, and inside long windows; once it has said so it keeps saying so, and
    ///     evaluation ends with `.cancelled`.
    ///   - profile: measures it; nil for no measuring.
    /// - Returns: the value with warnings and infos.
    /// - Throws: `QueryError` when the data does not allow an operation, a limit is reached, or the caller went away.
    package static func evaluate(
        _ plan: QueryPlan, data: [[SeriesColumns]], fragments: [FragmentAnswer] = [],
        isCancelled: () -> Bool = { false }, profile: EvaluationProfile? = nil
    ) throws(QueryError) -> QueryResult {
        precondition(
            data.count == plan.selections.count, "data of \(data.count) selections, not \(plan.selections.count)")
        precondition(
            fragments.count == plan.fragments.count,
            "rows of \(fragments.count) fragments, not \(plan.fragments.count)")
        let source = FetchedSeries(data)
        let elsewhere = fragments.reduce(0) { $0 + $1.notes.samplesRead }
        let samples = source.sampleCount + elsewhere
        guard samples <= plan.options.samplesMax else { throw .tooManySamples(plan.options) }
        return try withoutActuallyEscaping(isCancelled) { isCancelled throws(QueryError) in
            let evaluation = Evaluation(
                plan: plan, source: source, fragments: fragments.map(\.rows), isCancelled: isCancelled)
            evaluation.profile = profile
            for fragment in fragments { evaluation.notes.add(fragment.notes) }
            let value = try evaluation.value()
            return QueryResult(
                value: value, warnings: evaluation.notes.warnings, infos: evaluation.notes.infos, samplesRead: samples,
                sampleCounts: evaluation.counts.map { Array(zip(plan.grid.times, $0.samples)) })
        }
    }
}

/// Takes a series' labels and its sample at each step; may overwrite the cells.
///
/// An object and not a bare closure: the optimiser would make a copy of the whole recursive evaluator for each closure passed down it,
/// which took minutes to compile and gains nothing, because the call is once a row.
final class RowConsumer {
    typealias Function = (Labels, inout Row) throws(QueryError) -> Void

    private let accept: Function

    init(_ accept: @escaping Function) {
        self.accept = accept
    }

    func callAsFunction(_ labels: Labels, _ row: inout Row) throws(QueryError) {
        try accept(labels, &row)
    }
}

/// One evaluation of one plan: the data, and the notes collected on the way. Lives on one thread, for one call.
final class Evaluation {
    let plan: QueryPlan
    let source: any SeriesSource
    /// The rows of each fragment.
    let fragments: [[FragmentRow]]
    let isCancelled: () -> Bool
    var notes: Notes
    private(set) var samplesRead = 0
    /// Whether other parts of the data are evaluated elsewhere: what depends on all of it must be refused then.
    var isPart = false
    /// Measures the operators; nil for no measuring.
    var profile: EvaluationProfile?
    /// Nil unless the plan asks for it.
    var counts: SampleCounts?

    init(
        plan: QueryPlan, source: any SeriesSource, fragments: [[FragmentRow]], isCancelled: @escaping () -> Bool
    ) {
        self.plan = plan
        self.source = source
        self.fragments = fragments
        self.isCancelled = isCancelled
        notes = Notes(text: plan.text)
        if plan.options.countsSamples { counts = SampleCounts(steps: plan.grid.count) }
    }

    func checkCancelled() throws(QueryError) {
        if isCancelled() { throw QueryError(.cancelled, "query was canceled in query execution") }
    }

    /// Limits the cells of any one intermediate result, and what the histograms in them count for.
    func checkSize(rows: Int, steps: Int, histograms: Int = 0) throws(QueryError) {
        if rows > (plan.options.samplesMax - histograms) / max(steps, 1) { throw .tooManySamples(plan.options) }
    }

    /// Reads the series of a selection, within `query_samples_max`.
    func forEachSeries(
        _ selection: Int, _ body: (SeriesColumns) throws(QueryError) -> Void
    ) throws(QueryError) {
        try source.forEachSeries(selection) { series throws(QueryError) in
            try checkCancelled()
            samplesRead &+= series.timestamps.count &+ series.histograms.sampleWeight
            if samplesRead > plan.options.samplesMax { throw .tooManySamples(plan.options) }
            try body(series)
        }
    }

    // MARK: - Vectors

    /// Produces the rows of an instant vector. Rows without any sample may come along.
    func rows(_ node: PlanNode, _ grid: TimeGrid, _ body: RowConsumer) throws(QueryError) {
        guard let profile, let index = profile.enter(node, plan) else { return try produce(node, grid, body) }
        defer { profile.leave(index) }
        let measured = RowConsumer { labels, row throws(QueryError) in
            profile.give(index)
            defer { profile.resume(index) }
            try body(labels, &row)
        }
        try produce(node, grid, measured)
    }

    private func produce(_ node: PlanNode, _ grid: TimeGrid, _ body: RowConsumer) throws(QueryError) {
        switch node {
        case .selector(let selector): try rows(of: selector, grid, body)
        case .sampleTime(let selector): try rowsOfTimes(selector, grid, body)
        case .window(let function, let window, let parameters):
            try rows(of: function, window, parameters, grid, body)
        case .vectorOf(let scalar):
            var row = Row(try scalars(scalar, grid))
            try body(.empty, &row)
        case .dateOfEvaluation(let function):
            var row = Row(grid.times.map { CivilDate(seconds: Double($0 / 1000)).part(function) })
            try body(.empty, &row)
        case .negation(let inner):
            try droppingName(inner, grid, body) { row in
                for step in row.indices where row[step].isPresent { row[step] = -row[step] }
                row.mapHistograms { $0.scaled(by: -1) }
            }
        case .pointwise(let function, let inner, let parameters):
            try rows(of: function, inner, parameters, grid, body)
        case .mixedBinary(let node): try rows(of: node, grid, body)
        case .absent(let inner, let labels): try rowOfAbsence(inner, labels, grid, body)
        case .absentOverTime(let window, let labels): try rowOfAbsence(window, labels, grid, body)
        case .aggregation(let node): try rows(of: node, grid, body)
        case .vectorBinary(let node): try emit(try frame(of: node, grid), body)
        case .sorted(let function, let inner, let labels): try emit(try sorted(function, inner, labels, grid), body)
        case .relabelled(let change, let inner): try emit(try relabelled(change, inner, grid), body)
        case .histogram(let node): try emit(try histogram(node, grid), body)
        case .fragment(let index): try rows(ofFragment: index, grid, body)
        case .mergedStates(let node): try mergedRows(of: node, grid, body)
        case .info(let node): try emit(try enriched(node, grid), body)
        case .constant, .text, .evaluationTime, .scalarBinary, .scalarNegation, .scalarOf, .rangeVector:
            preconditionFailure("the type check lets only vectors through")
        }
    }

    func rows(_ node: PlanNode, _ grid: TimeGrid, _ body: @escaping RowConsumer.Function) throws(QueryError) {
        try rows(node, grid, RowConsumer(body))
    }

    /// Collects the rows of an instant vector, without those that have no sample.
    func frame(_ node: PlanNode, _ grid: TimeGrid) throws(QueryError) -> Frame {
        var frame = Frame(steps: grid.count)
        try rows(node, grid) { labels, row throws(QueryError) in
            if !row.hasSample { return }
            frame.append(labels, row)
            try self.checkSize(rows: frame.count, steps: grid.count, histograms: frame.histogramWeight)
        }
        return frame
    }

    func emit(_ frame: Frame, _ body: RowConsumer) throws(QueryError) {
        for index in 0..<frame.count {
            try checkCancelled()
            var row = frame.row(index)
            try body(frame.labels[index], &row)
        }
    }

    /// Produces the rows of `inner`, each changed by `change`, without metric names; rows that the names alone told apart are an error
    /// when they have a sample at the same step.
    func droppingName(
        _ inner: PlanNode, _ grid: TimeGrid, _ body: RowConsumer,
        _ change: @escaping (inout Row) throws(QueryError) -> Void
    ) throws(QueryError) {
        if inner.isUniqueWithoutName {
            try rows(inner, grid) { labels, row throws(QueryError) in
                try change(&row)
                try body(LabelFilter.withoutName(labels), &row)
            }
            return
        }
        var builder = FrameBuilder(steps: grid.count)
        try rows(inner, grid) { labels, row throws(QueryError) in
            try change(&row)
            try builder.add(LabelFilter.withoutName(labels), row)
            try self.checkSize(
                rows: builder.frame.count, steps: grid.count, histograms: builder.frame.histogramWeight)
        }
        try emit(builder.frame, body)
    }

    // MARK: - Scalars

    /// The value of a scalar expression at each step.
    func scalars(_ node: PlanNode, _ grid: TimeGrid) throws(QueryError) -> [Double] {
        switch node {
        case .constant(let value): return [Double](repeating: value, count: grid.count)
        case .evaluationTime: return grid.times.map { Double($0) / 1000 }
        case .scalarNegation(let inner): return try scalars(inner, grid).map { -$0 }
        case .scalarBinary(let operation, let left, let right):
            let left = try scalars(left, grid)
            let right = try scalars(right, grid)
            return zip(left, right).map { Arithmetic.scalar(operation, $0, $1) }
        case .scalarOf(let inner): return try onlyElements(inner, grid)
        case .text, .selector, .vectorOf, .negation, .pointwise, .dateOfEvaluation, .sampleTime, .window, .absent,
            .absentOverTime,
            .sorted, .relabelled, .histogram, .info, .aggregation, .mixedBinary, .vectorBinary, .fragment,
            .mergedStates, .rangeVector:
            preconditionFailure("the type check lets only scalars through")
        }
    }

    /// `scalar()`: the one element of the vector at each step, NaN where there is none or more than one.
    private func onlyElements(_ inner: PlanNode, _ grid: TimeGrid) throws(QueryError) -> [Double] {
        var found = [Int](repeating: 0, count: grid.count)
        var result = [Double](repeating: .nan, count: grid.count)
        try rows(inner, grid) { _, row throws(QueryError) in
            for step in row.indices where row[step].isPresent {
                found[step] += 1
                result[step] = found[step] == 1 ? row[step] : .nan
            }
        }
        return result
    }
}
