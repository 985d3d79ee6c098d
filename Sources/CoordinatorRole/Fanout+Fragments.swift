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
        return request
    }
}

extension Fanout {
    /// The members that answer for everything that the selections name; nil when one of them evaluates no fragments.
    func fragmentParts(tenant: TenantID, _ selections: [SeriesSelection]) -> [QueryPart]? {
        let parts = targets.parts(tenant: tenant, selections: selections.map(\.matchers))
        return parts.allSatisfy { aggregators[$0.member].features.contains(.fragments) } ? parts : nil
    }

    /// Where a plan may be cut, the most that promises to be right first.
    func distributions(_ parts: [QueryPart]) -> [Distribution] {
        parts.count == 1 ? [.onePart] : [.byServer(placementLabels: targets.placementLabels), .anyParts]
    }

    /// Asks each part for each fragment, at once.
    ///
    /// - Returns: each fragment's rows of all parts, in the order of the members; nil where the parts do not make up the whole because of how
    ///   the series were placed, or where one of them could not go on without the others' data.
    func fragments(
        _ fragments: [Fragment], _ context: FragmentContext, parts: [QueryPart], milliseconds: Int64
    ) async throws -> Fetched<[FragmentAnswer]>? {
        let deadline = Duration.milliseconds(milliseconds)
        var answers = fragments.map { _ in [PartAnswer?](repeating: nil, count: parts.count) }
        do {
            try await withThrowingTaskGroup(of: (Int, Int, PartAnswer).self) { group in
                for (number, fragment) in fragments.enumerated() {
                    for (place, part) in parts.enumerated() {
                        group.addTask {
                            (number, place, try await answer(fragment, context, from: part, deadline: deadline))
                        }
                    }
                }
                for try await (number, place, answer) in group { answers[number][place] = answer }
            }
        } catch let error as TypedError where error.code == .evaluation {
            return nil
        }
        var merged: [FragmentAnswer] = []
        var warnings: Set<String> = []
        for (fragment, parts) in zip(fragments, answers) {
            var all = FragmentAnswer(rows: [], notes: FragmentNotes())
            var placements: PlacementKinds = []
            for part in parts.compactMap(\.self) {
                all.rows += part.rows
                all.notes.samplesRead += part.end.sampleCount
                all.notes.warnings += part.end.notes.warnings
                all.notes.infos += part.end.notes.infos
                placements.formUnion(part.end.placements)
                warnings.formUnion(part.end.warnings)
            }
            if !fragment.requirement.isFulfilled(by: placements) { return nil }
            merged.append(all)
        }
        return Fetched(value: merged, warnings: warnings.sorted())
    }

    /// One member's answer to one fragment.
    private struct PartAnswer: Sendable {
        var rows: [FragmentRow]
        var end: SelectEnd
    }

    private func answer(
        _ fragment: Fragment, _ context: FragmentContext, from part: QueryPart, deadline: Duration
    ) async throws -> PartAnswer {
        var collector = FragmentCollector(width: fragment.width)
        var cells = 0
        let request = context.request(fragment, slots: part.slots)
        let stream = aggregators[part.member].query(.fragment(request), deadline: deadline)
        for try await page in stream {
            guard case .fragment(let rows) = page else {
                throw TypedError(.internal, "an aggregator answered a fragment with pages of another kind")
            }
            for row in rows.rows {
                guard fragment.accepts(row) else {
                    throw TypedError(.internal, "an aggregator answered a fragment with steps that it does not have")
                }
                cells += row.cells.count
            }
            if cells > context.options.samplesMax {
                let limit = "query_samples_max (\(context.options.samplesMax))"
                throw TypedError(.tooLarge, "a part of the query has more values than \(limit) allows")
            }
            collector.append(rows)
        }
        guard let end = stream.end, end.slots.isSuperset(of: part.slots) else {
            throw TypedError(.unavailable, "an aggregator answered for fewer slots than it was asked for")
        }
        return PartAnswer(rows: collector.rows, end: end)
    }
}
