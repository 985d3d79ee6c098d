package import MetricModel

/// One series that a selection found in the head.
package struct HeadSeries: Sendable {
    package let placement: PlacementKey
    package let fingerprint: Fingerprint
    /// What is not frozen.
    let live: HeadSamples
    /// Row in the series table, and in the frozen head.
    let row: Int
}

/// What a selection found in the head: copies and shared immutable values, to be decoded on any thread.
package struct HeadSelection: Sendable {
    package let series: [HeadSeries]
    /// Whose rows they are: to count references to each label set would cost more than to share them all.
    let identities: SegmentedArray<SeriesIdentity>
    /// What a running seal holds, if one runs.
    package let frozen: FrozenHead?

    /// Whose a series is.
    package func tenant(of series: HeadSeries) -> TenantID { identities[series.row].tenant }

    /// What it is called.
    package func labels(of series: HeadSeries) -> Labels { identities[series.row].labels }

    /// Adds the samples within `start ... end` of the series at an index of `series`, the frozen ones first, to `run`.
    package func merge(at index: Int, into run: inout SampleRun, start: Int64, end: Int64) throws(BlockError) {
        if let frozen { try frozen.samples(row: series[index].row).merge(into: &run, start: start, end: end) }
        try series[index].live.merge(into: &run, start: start, end: end)
    }

    /// The time of a number of the series at an index of `series` that makes all older samples needless for who looks for the newest at `time` or
    /// later; nil for none that is found at once.
    package func newest(at index: Int, by time: Int64) -> Int64? { series[index].live.newest(by: time) }

    /// The first and the last time of a series' samples, frozen ones included; nil when it has none.
    package func extent(_ series: HeadSeries) -> (first: Int64, last: Int64)? {
        let live = series.live.extent
        guard let frozen = frozen?.samples(row: series.row).extent else { return live }
        guard let live else { return frozen }
        return (min(live.first, frozen.first), max(live.last, frozen.last))
    }
}

extension Engine {
    /// The head's part of a selection.
    ///
    /// - Parameters:
    ///   - selection: what is wanted; series without a sample in the range may be among the answer.
    ///   - seriesMax: series that may be found.
    /// - Returns: copies and shared values, to be merged on any thread.
    /// - Throws: `EngineLimitError` when there are more.
    /// - Complexity: O(matching series); at most 64 raw samples of each are copied.
    package func select(_ selection: SeriesSelection, seriesMax: Int) throws(EngineLimitError) -> HeadSelection {
        let references = indexes[selection.tenant]?.matching(selection.matchers) ?? []
        guard references.count <= seriesMax else {
            throw EngineLimitError(name: "query_series_max", maximum: seriesMax, found: references.count)
        }
        let series = references.map { reference in
            headSeries(ofReference: reference, after: selection.start)
        }
        return HeadSelection(series: series, identities: table.identities, frozen: frozen)
    }

    /// A series of the head; of one whose newest sample is older than `start` nothing that is not frozen.
    func headSeries(ofReference reference: UInt32, after start: Int64) -> HeadSeries {
        let row = Int(table.row(ofReference: reference))
        return HeadSeries(
            placement: table.identities[row].placement, fingerprint: table.identities[row].fingerprint,
            live: liveSamples(row: row, after: start), row: row)
    }

    /// The labels of the head's series that pass every matcher, lie in `slots` (nil for all) and have samples in the time range.
    ///
    /// - Throws: `EngineLimitError` when there are more than `seriesMax`.
    package func series(
        _ selection: SeriesSelection, slots: SlotSet? = nil, seriesMax: Int
    ) throws(EngineLimitError) -> [Labels] {
        var found: [Labels] = []
        for reference in indexes[selection.tenant]?.matching(selection.matchers) ?? [] {
            let row = Int(table.row(ofReference: reference))
            guard isPlaced(row: row, slots), overlaps(row: row, selection.start, selection.end) else { continue }
            guard found.count < seriesMax else {
                throw EngineLimitError(name: "query_series_max", maximum: seriesMax, found: found.count + 1)
            }
            found.append(table.identities[row].labels)
        }
        return found
    }

    /// The values that a label has in the head's series that pass every matcher, lie in `slots` (nil for all) and have samples in the time
    /// range, unsorted.
    package func labelValues(of name: String, _ selection: SeriesSelection, slots: SlotSet? = nil) -> [String] {
        let passing = passing(selection)
        return indexes[selection.tenant]?.values(of: name) { isWanted($0, passing, selection, slots) } ?? []
    }

    /// The names of the labels that the head's series have that pass every matcher, lie in `slots` (nil for all) and have samples in the time
    /// range, unsorted.
    package func labelNames(_ selection: SeriesSelection, slots: SlotSet? = nil) -> [String] {
        let passing = passing(selection)
        return indexes[selection.tenant]?.labelNames { isWanted($0, passing, selection, slots) } ?? []
    }

    /// The references that pass the matchers; nil when all do.
    private func passing(_ selection: SeriesSelection) -> Set<UInt32>? {
        selection.matchers.isEmpty ? nil : Set(indexes[selection.tenant]?.matching(selection.matchers) ?? [])
    }

    private func isWanted(
        _ reference: UInt32, _ passing: Set<UInt32>?, _ selection: SeriesSelection, _ slots: SlotSet?
    ) -> Bool {
        guard passing?.contains(reference) ?? true else { return false }
        let row = Int(table.row(ofReference: reference))
        return isPlaced(row: row, slots) && overlaps(row: row, selection.start, selection.end)
    }

    private func isPlaced(row: Int, _ slots: SlotSet?) -> Bool {
        slots?.contains(table.identities[row].placement.slot(bits: configuration.slotBits)) ?? true
    }

    /// A tenant's inverted index, shared until either side changes it; nil for a tenant without series.
    package func index(tenant: TenantID) -> LabelIndex? { indexes[tenant] }

    /// How many runs of samples the head holds of some series, and the times they span; references that are gone are passed over.
    ///
    /// What a running seal holds is not counted.
    package func headExtent(_ references: ArraySlice<UInt32>) -> TenantStatistics {
        var result = TenantStatistics()
        for reference in references {
            let row = table.row(ofReference: reference)
            guard row != SeriesTable.noRow else { continue }
            let state = table.states[Int(row)]
            guard state.newest != .min else { continue }
            let chunks = table.chunks[Int(row)]
            result.chunkCount += chunks.count + (state.openCount > 0 ? 1 : 0)
            var oldest = chunks.first?.first
            if oldest == nil {
                let live = liveSamples(row: Int(row), after: .min)
                oldest = live.openTimestamps.first
                if let histograms = live.histograms, let extent = histograms.extent {
                    result.chunkCount += histograms.chunks.count + (histograms.open.isEmpty ? 0 : 1)
                    oldest = min(oldest ?? .max, extent.first)
                }
            }
            result.maxTime = max(result.maxTime ?? .min, state.newest)
            if let oldest { result.minTime = min(result.minTime ?? .max, oldest) }
        }
        return result
    }

    /// A tenant's metadata, sorted by metric.
    package func metadata(tenant: TenantID) -> [MetricMetadata] { metadata.all(tenant: tenant) }

    /// A tenant's servers, unsorted.
    package func servers(tenant: TenantID) -> [ServerSummary] {
        servers.keys.indices.compactMap { row in
            servers.keys[row]?.tenant == tenant ? servers.summary(row: row) : nil
        }
    }

    /// Number of series in the table, all tenants.
    package var seriesCount: Int { table.liveCount }

    /// What outlives the head: servers and metadata of all tenants.
    package var catalog: Catalog { Catalog(servers: servers, metadata: metadata) }

    /// Takes over what was known before a restart.
    package mutating func restore(_ catalog: Catalog) {
        for entry in catalog.metadata { metadata.set(entry) }
        for entry in catalog.servers { servers.restore(entry.summary, tenant: entry.tenant) }
    }

    func liveSamples(row: Int, after start: Int64) -> HeadSamples {
        var result = HeadSamples()
        let state = table.states[row]
        guard state.newest >= start else { return result }
        result.chunks = table.chunks[row]
        pages.copy(
            chain: state.page, count: Int(state.openCount), timestamps: &result.openTimestamps,
            values: &result.openValues)
        if let list = late[UInt32(row)] { result.late = list }
        if !histograms.isEmpty { result.histograms = histograms[UInt32(row)] }
        return result
    }

    /// Whether a row has samples, frozen or live, within the range; of a chunk its first and last time are looked at.
    private func overlaps(row: Int, _ start: Int64, _ end: Int64) -> Bool {
        let state = table.states[row]
        if pages.contains(chain: state.page, count: Int(state.openCount), start: start, end: end)
            || table.chunks[row].contains(where: { $0.last >= start && $0.first <= end })
            || late[UInt32(row)]?.timestamps.contains(where: { $0 >= start && $0 <= end }) ?? false
            || histograms[UInt32(row)]?.overlaps(start, end) ?? false
        {
            return true
        }
        return frozen?.overlaps(row: row, start, end) ?? false
    }
}

/// A selection exceeds a limit.
package struct EngineLimitError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The limit's name, as in settings and metrics.
    package var name: String
    package var maximum: Int
    /// What was found, or how far it got.
    package var found: Int

    package init(name: String, maximum: Int, found: Int) {
        self.name = name
        self.maximum = maximum
        self.found = found
    }

    package var description: String { "\(name) is \(maximum), the selection has at least \(found)" }
}
