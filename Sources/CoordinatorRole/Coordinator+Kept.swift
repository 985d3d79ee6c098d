internal import ClusterTransport
internal import HTTPSurface
internal import MetricModel
internal import QueryEngine
internal import QueryLanguage
internal import QueryRouting

// A range query whose steps are independent of each other (`QueryPlan.reach`) is put together of kept steps and computed ones. Before a kept step
// is used the members that would answer say what changed of their data since it was computed; what is computed is kept with what they said
// before it was. docs/decisions/0031-kept-results.md says why that is never stale.
extension Coordinator {
    /// `result_steps_min`: a query of fewer steps costs about as much as the question what changed.
    static let keptStepsMin = 8

    /// Evaluates with what is kept of earlier answers, where that is right; else all anew.
    func evaluateKept(
        _ query: PlannedQuery, _ options: QueryOptions, _ trace: QueryTrace?
    ) async throws -> Evaluated {
        let milliseconds = options.timeoutMilliseconds
        guard options.usesCache, results.isOn, case .range(let start, let end, let step) = query.time,
            !query.options.countsSamples, let reach = query.whole.reach
        else { return try await evaluate(query, trace, milliseconds: milliseconds) }
        let steps = StepRange(start: start, end: end, step: step)
        guard steps.count >= Self.keptStepsMin else {
            return try await evaluate(query, trace, milliseconds: milliseconds)
        }
        let key = ResultKey(
            tenant: query.tenant, expression: Printer.text(query.expression), steps: steps,
            lookback: query.options.lookback,
            deletions: DeletionSet.digest(try fanout.deletions.of(query.tenant)))
        let known = results.entry(key)
        guard let found = try await state(query, steps, reach, known, milliseconds: milliseconds) else {
            note(.unknown, kept: 0, of: steps, trace)
            return try await evaluate(query, trace, milliseconds: milliseconds)
        }
        if let known, let changed = found.changed,
            let reuse = ResultReuse(known.extent, steps: steps, changed: changed, reach: reach),
            let evaluated = try await evaluate(query, reuse, of: found.state, key, trace, milliseconds: milliseconds)
        {
            note(reuse.missing.isEmpty ? .hit : .partial, kept: reuse.keptCount, of: steps, trace)
            return evaluated
        }
        note(.miss, kept: 0, of: steps, trace)
        let witness = ReadWitness()
        let evaluated = try await evaluate(query, trace, witness, milliseconds: milliseconds)
        if evaluated.missing.isEmpty, found.state.covers(witness),
            let extent = ResultExtent(evaluated.result, steps: steps, countMax: steps.count)
        {
            results.keep(ResultStore.Entry(extent: extent, state: found.state), key)
        }
        return evaluated
    }

    /// The state of the data now, and what changed since the kept result; nil where it cannot be told, for whatever reason.
    private func state(
        _ query: PlannedQuery, _ steps: StepRange, _ reach: StepReach, _ known: ResultStore.Entry?, milliseconds: Int64
    ) async throws -> (state: DataState, changed: [ClosedRange<Int64>]?)? {
        var times = steps.times
        if let kept = known?.extent.steps.times, kept.overlaps(times) {
            times = min(times.lowerBound, kept.lowerBound)...max(times.upperBound, kept.upperBound)
        }
        do {
            let fanout = try fanout
            let slots = fanout.targets.slots(tenant: query.tenant, selections: query.whole.selections.map(\.matchers))
            return try await fanout.changes(
                tenant: query.tenant, slots: slots, in: reach.times(of: times), since: known?.state,
                milliseconds: milliseconds)
        } catch {
            // Whoever cannot be asked what changed cannot be asked for samples either: that question's error is told.
            try Task.checkCancellation()
            return nil
        }
    }

    /// Computes what is missing and puts it together with what is kept; nil where the answer cannot be had so.
    private func evaluate(
        _ query: PlannedQuery, _ reuse: ResultReuse, of state: DataState, _ key: ResultKey, _ trace: QueryTrace?,
        milliseconds: Int64
    ) async throws -> Evaluated? {
        let witness = ReadWitness()
        var computed: [QueryResult] = []
        var missing: Set<String> = []
        var operators = query.whole.operators
        for part in reuse.missing {
            var run = query
            run.time = .range(start: part.first, end: part.last, step: part.step)
            run.whole = try QueryPlan(
                query.expression, text: query.text, tenant: query.tenant, time: run.time, options: query.options)
            do {
                let evaluated = try await evaluate(run, trace, witness, milliseconds: milliseconds)
                computed.append(evaluated.result)
                missing.formUnion(evaluated.missing)
                operators = evaluated.operators
            } catch let error as QueryError where error.code == .execution {
                // Which series it names depends on all that is read: told as the whole query tells it.
                return nil
            }
        }
        guard let (result, extent) = reuse.united(computed, options: query.options) else { return nil }
        if let extent, missing.isEmpty, state.covers(witness) {
            results.keep(ResultStore.Entry(extent: extent, state: state), key)
        }
        return (result, missing.sorted(), operators)
    }

    private func note(_ use: ResultStore.Use, kept: Int, of steps: StepRange, _ trace: QueryTrace?) {
        results.note(use, kept: kept, computed: steps.count - kept)
        trace?.cache(use, kept: kept)
    }
}
