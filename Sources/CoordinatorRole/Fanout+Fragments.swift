internal import ClusterTransport
internal import MetricModel
internal import QueryEngine
internal import QueryLanguage
internal import QueryRouting
internal import WireProtocol

/// What every fragment of one query has in common.
struct FragmentContext: Sendable {
    var query: String
    var tenant: TenantID
    var options: EvaluationOptions
    var parser: ParserOptions
    var bounds: (start: Int64, end: Int64)
    /// `query_series_max`
    var seriesMax: Int
    /// Whether the members are to tell what they did.
    var explains: Bool
    /// What of the tenant's samples is shown to nobody.
    var deletions: [Deletion]

    func request(_ fragment: Fragment, slots: SlotSet) -> FragmentRequest {
        var request = FragmentRequest(
            tenant: tenant, query: query, range: fragment.range.start..<fragment.range.end,
            shape: fragment.shape.rawValue, slots: slots)
        request.start = fragment.start
        request.step = fragment.step
        request.count = fragment.count
        request.queryStart = bounds.start
        request.queryEnd = bounds.end
        request.lookback = options.lookback
        request.subqueryStep = options.subqueryStep
        request.seriesMax = seriesMax
        request.samplesMax = options.samplesMax
        request.experimentalFunctions = parser.experimentalFunctions
        request.durationExpressions = parser.experimentalDurationExpressions
        request.explains = explains
        request.deletions = deletions
        return request
    }
}

extension FragmentContext {
    /// The same, for this node's own evaluator.
    func question(_ fragment: Fragment) -> FragmentPlan.Question {
        FragmentPlan.Question(
            text: query, tenant: tenant, range: fragment.range, shape: fragment.shape, start: fragment.start,
            step: fragment.step, count: fragment.count, queryStart: bounds.start, queryEnd: bounds.end,
            options: options, parser: parser)
    }
}

extension Fanout {
    /// Where a plan may be cut, the most that promises to be right first; none when a member evaluates no fragments.
    func distributions(tenant: TenantID, _ selections: [SeriesSelection]) -> [Distribution] {
        guard let view = directory.aggregators else { return [] }
        let owners = maps.map(view).shares.map(\.node)
        // A member that does not know deletions gives its samples, and what is hidden is left out here.
        let needed: FeatureSet = deletions.of(tenant).isEmpty ? .fragments : [.fragments, .deletions]
        guard owners.allSatisfy({ directory.client($0)?.features.isSuperset(of: needed) == true }) else { return [] }
        let slots = targets.slots(tenant: tenant, selections: selections.map(\.matchers))
        if owners.count == 1 || slots?.count == 1 { return [.onePart] }
        return [.byServer(placementLabels: targets.placementLabels), .anyParts]
    }

    /// Asks for each fragment in all slots, at once.
    ///
    /// - Returns: each fragment's rows of all parts, in the order of the members; nil where the parts do not make up the whole because of how
    ///   the series were placed, or where one of them could not go on without the others' data.
    func fragments(
        _ fragments: [Fragment], _ context: FragmentContext, slots: SlotSet?, isOnePart: Bool, milliseconds: Int64
    ) async throws -> Fetched<[FragmentAnswer]>? {
        let reader = try reader(until: .now + .milliseconds(milliseconds))
        var answers = [[PartAnswer]](repeating: [], count: fragments.count)
        var warnings: Set<String> = []
        do {
            try await withThrowingTaskGroup(of: (Int, Fetched<[PartAnswer]>).self) { group in
                for (number, fragment) in fragments.enumerated() {
                    group.addTask { (number, try await answer(fragment, number, context, slots, reader)) }
                }
                for try await (number, fetched) in group {
                    answers[number] = fetched.value
                    warnings.formUnion(fetched.warnings)
                }
            }
        } catch let error as TypedError where error.code == .evaluation {
            return nil
        }
        var merged: [FragmentAnswer] = []
        for (fragment, parts) in zip(fragments, answers) {
            // What may be computed in one place alone has come from several.
            if isOnePart, parts.count > 1 { return nil }
            var all = FragmentAnswer(rows: [], notes: FragmentNotes())
            var placements: PlacementKinds = []
            for part in parts {
                all.rows += part.rows
                all.notes.samplesRead += part.notes.samplesRead
                all.notes.warnings += part.notes.warnings
                all.notes.infos += part.notes.infos
                placements.formUnion(part.placements)
            }
            if !fragment.requirement.isFulfilled(by: placements) { return nil }
            merged.append(all)
        }
        return Fetched(value: merged, warnings: warnings.sorted())
    }

    /// The rows of one fragment in some slots.
    private struct PartAnswer: Sendable {
        var rows: [FragmentRow]
        var notes: FragmentNotes
        var placements: PlacementKinds
    }

    /// One fragment's rows: of the members that have slots whole, and, for those that nobody has whole, evaluated here over the union.
    private func answer(
        _ fragment: Fragment, _ number: Int, _ context: FragmentContext, _ slots: SlotSet?, _ reader: SlotReader
    ) async throws -> Fetched<[PartAnswer]> {
        let outcome = try await reader.read(slots, mode: .wholeOnly) { part in
            guard case .whole(let slots) = part else { preconditionFailure("a fragment of raw slots") }
            return .fragment(context.request(fragment, slots: slots))
        } collect: { _, stream in
            try await Self.rows(fragment, context, stream)
        }
        trace?.add(fragment, number, of: context.query, outcome.asked)
        witness?.note(outcome, name: reader.view.name)
        var parts = outcome.kept.map { kept in
            PartAnswer(
                rows: kept.value,
                notes: FragmentNotes(
                    samplesRead: kept.end.sampleCount, warnings: kept.end.notes.warnings, infos: kept.end.notes.infos),
                placements: kept.end.placements)
        }
        var warnings = outcome.warnings
        if !outcome.left.isEmpty {
            let united = try await unite(fragment, context, outcome.left, reader)
            parts.append(united.value)
            warnings.formUnion(united.warnings)
        }
        return Fetched(value: parts, warnings: warnings.sorted())
    }

    private static func rows(
        _ fragment: Fragment, _ context: FragmentContext, _ stream: QueryStream
    ) async throws -> [FragmentRow] {
        var collector = FragmentCollector(width: fragment.width)
        var cells = 0
        for try await page in stream {
            guard case .fragment(let rows) = page else {
                throw TypedError(.internal, "an aggregator answered a fragment with pages of another kind")
            }
            for row in rows.rows {
                guard fragment.accepts(row) else {
                    throw TypedError(.internal, "an aggregator answered a fragment with steps that it does not have")
                }
                cells += row.cells.count + (row.histograms?.memorySize ?? 0) / 16
            }
            if cells > context.options.samplesMax {
                let limit = "query_samples_max (\(context.options.samplesMax))"
                throw TypedError(.tooLarge, "a part of the query has more values than \(limit) allows")
            }
            collector.append(rows)
        }
        return collector.rows
    }

    /// Fetches what all members have of slots that none of them has whole, and evaluates the fragment on it.
    private func unite(
        _ fragment: Fragment, _ context: FragmentContext, _ slots: SlotSet, _ reader: SlotReader
    ) async throws -> Fetched<PartAnswer> {
        let plan = try FragmentPlan(context.question(fragment))
        let budget = ReadBudget(seriesMax: context.seriesMax, samplesMax: context.options.samplesMax)
        var data: [[SeriesColumns]] = []
        var warnings: Set<String> = []
        for selection in plan.selections {
            let fetched = try await series(selection, slots, mode: .rawOnly, reader: reader, budget: budget)
            data.append(fetched.value)
            warnings.formUnion(fetched.warnings)
        }
        var rows: [FragmentRow] = []
        do throws(QueryError) {
            let notes = try Evaluator.evaluate(
                plan, source: FetchedSeries(data), isCancelled: { Task.isCancelled }, emit: { rows.append($0) })
            let placements = targets.placements(of: data.joined().map(\.labels), tenant: context.tenant)
            return Fetched(
                value: PartAnswer(rows: rows, notes: notes, placements: placements), warnings: warnings.sorted())
        } catch {
            throw error.code == .execution ? TypedError(.evaluation, error.message) : error
        }
    }
}
