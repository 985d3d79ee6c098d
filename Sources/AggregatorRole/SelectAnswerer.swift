internal import ClusterTransport
internal import EngineStorage
internal import MetricModel
internal import WireProtocol

/// Sends the series of a selection that lie in some slots.
struct SelectAnswerer {
    let engine: EngineHost

    /// Reads and sends, series by series.
    ///
    /// - Throws: `TypedError.tooLarge` at a limit, `EngineError`, or what `sink` throws.
    @concurrent
    func answer(_ request: SelectRequest, slots: SlotSet, sink: any PageSink) async throws -> SelectEnd {
        var end = SelectEnd(seriesCount: 0)
        if slots.isEmpty { return end }
        let seriesMax = request.seriesMax == 0 ? Int.max : request.seriesMax
        let samplesMax = request.samplesMax == 0 ? Int.max : request.samplesMax
        let selected = try await engine.selected(request.selection, slots: slots, seriesMax: seriesMax)
        var cursor = selected.cursor
        var pager = SeriesPager()
        while let series = try cursor.next() {
            if series.timestamps.isEmpty { continue }
            end.seriesCount += 1
            end.sampleCount += series.timestamps.count
            try check(end.seriesCount, "query_series_max", seriesMax)
            try check(end.sampleCount, "query_samples_max", samplesMax)
            for page in try pager.append(series) {
                try Task.checkCancellation()
                try await sink.send(.series(page))
            }
        }
        if let last = pager.finish() { try await sink.send(.series(last)) }
        return end
    }

    private func check(_ found: Int, _ limit: String, _ maximum: Int) throws(TypedError) {
        if found > maximum { throw TypedError(.tooLarge, "the query reads more than \(limit) (\(maximum)) allows") }
    }
}
