internal import ClusterTransport
internal import EngineStorage
internal import MetricModel
internal import QueryEngine
internal import QueryLanguage
internal import WireProtocol

/// Evaluates fragments of queries on this node's series, with the same evaluator that the coordinator runs.
struct FragmentAnswerer {
    let engine: EngineHost
    /// What an answer about a time, from the first argument to the second, must say, as the store was.
    let warnings: @Sendable (StoreStanding, Int64, Int64) -> [String]

    /// Plans, evaluates and sends what was asked, of those of its slots that the node may be read alone for.
    ///
    /// - Returns: the end, and what must be said of the store.
    /// - Throws: `TypedError`: `badRequest` for a question that makes no sense, `tooLarge` at a limit, `evaluation` where this part of the data
    ///   does not allow the operation; `EngineError`.
    @concurrent
    func answer(
        _ request: FragmentRequest, sink: any PageSink
    ) async throws -> (end: SelectEnd, standing: StoreStanding) {
        let began = ContinuousClock.now
        let plan = try Self.plan(request)
        let selected = try await engine.selected(
            plan.selections, times: plan.times, without: request.deletions, slots: request.slots, onlyWhole: true,
            seriesMax: request.seriesMax == 0 ? .max : request.seriesMax)
        var (rows, end) = try Self.evaluate(plan, selected.selections, request)
        end.warnings = Set(plan.selections.flatMap { warnings(selected.standing, $0.start, $0.end) }).sorted()
        var pager = FragmentPager(width: plan.width)
        for row in rows {
            for page in try pager.append(row) { try await sink.send(.fragment(page)) }
        }
        if let last = pager.finish() { try await sink.send(.fragment(last)) }
        try end.work?.finish(began, selected.selections)
        return (end, selected.standing)
    }

    private static func plan(_ request: FragmentRequest) throws -> FragmentPlan {
        guard let shape = Fragment.Shape(rawValue: request.shape) else {
            throw TypedError(.badRequest, "a fragment of shape \(request.shape)")
        }
        var options = EvaluationOptions()
        options.lookback = request.lookback
        options.subqueryStep = request.subqueryStep
        if request.samplesMax > 0 { options.samplesMax = request.samplesMax }
        var parser = ParserOptions()
        parser.experimentalFunctions = request.experimentalFunctions
        parser.experimentalDurationExpressions = request.durationExpressions
        parser.queryBytesMax = WireLimits.queryBytesMax
        do {
            return try FragmentPlan(
                FragmentPlan.Question(
                    text: request.query, tenant: request.tenant,
                    range: SourceRange(request.range.lowerBound, request.range.upperBound), shape: shape,
                    start: request.start, step: request.step, count: request.count, queryStart: request.queryStart,
                    queryEnd: request.queryEnd, options: options, parser: parser))
        } catch {
            throw TypedError(.badRequest, "fragment: \(error)")
        }
    }

    private static func evaluate(
        _ plan: FragmentPlan, _ selections: [StoredSelection], _ request: FragmentRequest
    ) throws -> ([FragmentRow], SelectEnd) {
        let source = StoreSource(selections, seriesMax: request.seriesMax == 0 ? .max : request.seriesMax)
        var rows: [FragmentRow] = []
        do {
            let profile = request.explains ? EvaluationProfile(clock: NodeClock.nanoseconds) : nil
            let notes = try Evaluator.evaluate(
                plan, source: source, isCancelled: { Task.isCancelled }, profile: profile
            ) { rows.append($0) }
            var end = SelectEnd(seriesCount: rows.count, sampleCount: notes.samplesRead)
            end.placements = source.placements
            end.notes = SelectEnd.Notes(warnings: notes.warnings, infos: notes.infos)
            if let profile {
                var work = WorkDone(
                    microseconds: 0, seriesCount: source.seriesRead, sampleCount: notes.samplesRead)
                work.operators = profile.operators
                end.work = work
            }
            return (rows, end)
        } catch {
            if let failure = source.failure { throw failure }
            let code: TypedError.Code =
                switch error.code {
                case .badRequest: .badRequest
                case .execution: .evaluation
                case .limit: .tooLarge
                case .cancelled: .cancelled
                case .source: .internal
                }
            throw TypedError(code, error.message)
        }
    }
}

/// What the evaluator reads on this node. Lives on one thread, for one evaluation.
private final class StoreSource: SeriesSource {
    private let selections: [StoredSelection]
    private let seriesMax: Int
    private(set) var seriesRead = 0
    private(set) var placements: PlacementKinds = []
    /// Why reading failed.
    private(set) var failure: (any Error)?

    init(_ selections: [StoredSelection], seriesMax: Int) {
        self.selections = selections
        self.seriesMax = seriesMax
    }

    func forEachSeries(
        _ selection: Int, _ body: (SeriesColumns) throws(QueryError) -> Void
    ) throws(QueryError) {
        var cursor = selections[selection].cursor
        defer { placements.formUnion(cursor.placements) }
        while let series = try next(&cursor) {
            seriesRead += 1
            if seriesRead > seriesMax {
                let message = "the query reads more series than query_series_max (\(seriesMax)) allows"
                throw QueryError(.limit, message)
            }
            try body(series)
        }
    }

    private func next(_ cursor: inout StoreCursor) throws(QueryError) -> SeriesColumns? {
        do throws(EngineError) {
            return try cursor.next()
        } catch {
            failure = error
            throw QueryError(.source, "\(error)")
        }
    }
}
