internal import ClusterTransport
internal import EngineStorage
internal import MetricModel
internal import SeriesEngine
internal import WireProtocol

/// Sends the series of a selection.
struct SelectAnswerer {
    let engine: EngineHost

    /// Reads and sends, series by series.
    ///
    /// - Returns: how much was sent, and what must be said of the store.
    /// - Throws: `TypedError.tooLarge` at a limit, `EngineError`, or what `sink` throws.
    @concurrent
    func answer(_ request: SelectRequest, sink: any PageSink) async throws -> (end: SelectEnd, standing: StoreStanding)
    {
        let scope = SlotScope(request.part)
        let slotCount = 1 << engine.configuration.engine.slotBits
        return switch scope {
        case .slots(let slots, let onlyWhole) where slots.count < slotCount || request.explains:
            try await answer(request, slots, onlyWhole: onlyWhole, sink: sink)
        case .all where request.explains:
            try await answer(request, SlotSet(below: slotCount), onlyWhole: false, sink: sink)
        case .all, .slots: try await answer(request, all: scope, sink: sink)
        }
    }

    /// Few slots' series, or those of an answer that is explained, in whatever order.
    private func answer(
        _ request: SelectRequest, _ slots: SlotSet, onlyWhole: Bool, sink: any PageSink
    ) async throws -> (SelectEnd, StoreStanding) {
        let began = ContinuousClock.now
        var end = SelectEnd(seriesCount: 0)
        let (seriesMax, samplesMax) = (request.seriesMost, request.samplesMost)
        let selected = try await engine.selected(
            [request.selection], slots: slots, onlyWhole: onlyWhole, seriesMax: seriesMax)
        var pager = SeriesPager()
        for selection in selected.selections {
            var cursor = selection.cursor
            while let series = try cursor.next() {
                if series.isEmpty { continue }
                end.seriesCount += 1
                end.sampleCount += series.sampleWeight
                try check(end.seriesCount, "query_series_max", seriesMax)
                try check(end.sampleCount, "query_samples_max", samplesMax)
                for page in try pager.append(series) {
                    try Task.checkCancellation()
                    try await sink.send(.series(page))
                }
            }
        }
        if let last = pager.finish() { try await sink.send(.series(last)) }
        if request.explains {
            var work = WorkDone(microseconds: 0, seriesCount: end.seriesCount, sampleCount: end.sampleCount)
            try work.finish(began, selected.selections)
            end.work = work
        }
        return (end, selected.standing)
    }

    /// All series, slot by slot, so that memory holds one slot's at a time.
    private func answer(
        _ request: SelectRequest, all scope: SlotScope, sink: any PageSink
    ) async throws -> (SelectEnd, StoreStanding) {
        let summary = try await engine.select(
            request.selection, of: scope, seriesMax: request.seriesMost, samplesMax: request.samplesMost
        ) { batch in
            var pager = SeriesPager()
            for series in batch {
                for page in try pager.append(series) { try await sink.send(.series(page)) }
            }
            if let last = pager.finish() { try await sink.send(.series(last)) }
        }
        return (SelectEnd(seriesCount: summary.seriesCount, sampleCount: summary.sampleCount), summary.standing)
    }

    private func check(_ found: Int, _ limit: String, _ maximum: Int) throws(TypedError) {
        if found > maximum { throw TypedError(.tooLarge, "the query reads more than \(limit) (\(maximum)) allows") }
    }
}

extension SelectRequest {
    /// The limits with 0 for none replaced.
    fileprivate var seriesMost: Int { seriesMax == 0 ? .max : seriesMax }
    fileprivate var samplesMost: Int { samplesMax == 0 ? .max : samplesMax }
}
