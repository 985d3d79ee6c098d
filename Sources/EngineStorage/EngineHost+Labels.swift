package import MetricModel
internal import SeriesEngine

/// Which series a question about labels is about.
package struct LabelScope: Sendable {
    package var tenant: TenantID
    /// A series counts when it passes all matchers of one set; no sets: all series.
    package var matcherSets: [[Matcher]]
    /// First and last time, Unix milliseconds, both inclusive.
    package var start: Int64
    package var end: Int64
    /// Only series of these slots; nil for all.
    package var slots: SlotSet?

    package init(
        tenant: TenantID, matcherSets: [[Matcher]], start: Int64, end: Int64, slots: SlotSet? = nil
    ) {
        self.tenant = tenant
        self.matcherSets = matcherSets
        self.start = start
        self.end = end
        self.slots = slots
    }

    fileprivate var selections: [SeriesSelection] {
        (matcherSets.isEmpty ? [[]] : matcherSets).map {
            SeriesSelection(tenant: tenant, matchers: $0, start: start, end: end)
        }
    }
}

extension EngineHost {
    /// The label sets of the series in scope, each once, sorted by their bytes.
    ///
    /// - Parameters:
    ///   - scope: tenant, matchers and time range.
    ///   - seriesMax: series that may be read.
    /// - Returns: the label sets.
    /// - Throws: `EngineError`, as `select`, or `CancellationError`.
    @concurrent
    package func series(_ scope: LabelScope, seriesMax: Int) async throws -> [Labels] {
        var found: Set<Labels> = []
        for selection in scope.selections {
            let (head, blocks) = try await onThread { thread throws(EngineError) in
                (
                    try Self.limited { () throws(EngineLimitError) in
                        try thread.engine.series(selection, slots: scope.slots, seriesMax: seriesMax)
                    },
                    thread.blocks.filter { $0.maxTime >= selection.start && $0.minTime <= selection.end }
                )
            }
            found.formUnion(head)
            try forEachSeries(of: selection, in: blocks, slots: scope.slots) { labels in
                found.insert(labels)
                try Self.check(found.count, "query_series_max", seriesMax)
            }
            try Self.check(found.count, "query_series_max", seriesMax)
        }
        return found.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
    }

    /// Hands over the labels of each series of a selection in the files, slot by slot: a series once for each file that has it.
    private func forEachSeries(
        of selection: SeriesSelection, in files: [BlockFile], slots: SlotSet?, _ body: (Labels) throws -> Void
    ) throws {
        for file in files {
            for entry in file.directory.entries
            where entry.maxTime >= selection.start && entry.minTime <= selection.end
                && slots?.contains(entry.slot) ?? true
            {
                try Task.checkCancellation()
                let index = try cache.load(file, entry).index
                for series in index.matching(selection) { try body(index.labels(of: series)) }
            }
        }
    }

    /// The names of the labels of the series in scope, sorted by their bytes.
    @concurrent
    package func labelNames(_ scope: LabelScope, seriesMax: Int) async throws -> [String] {
        try await texts(scope, seriesMax: seriesMax) { engine, selection in
            engine.labelNames(selection, slots: scope.slots)
        } sealed: { table, selection, isWanted in
            table.names(tenant: selection.tenant, where: isWanted)
        } each: { labels in
            labels.labels.map(\.name)
        }
    }

    /// The values that one label has in the series in scope, sorted by their bytes.
    @concurrent
    package func labelValues(_ name: String, _ scope: LabelScope, seriesMax: Int) async throws -> [String] {
        try await texts(scope, seriesMax: seriesMax) { engine, selection in
            engine.labelValues(of: name, selection, slots: scope.slots)
        } sealed: { table, selection, isWanted in
            table.values(of: name, tenant: selection.tenant, where: isWanted)
        } each: { labels in
            labels[name].map { [$0] } ?? []
        }
    }

    /// Names or values, from the indexes alone: `head` asks that of the head, `sealed` that of open block files. Where the files are
    /// not open, `each` takes them from the label sets of all series there.
    private func texts(
        _ scope: LabelScope, seriesMax: Int, head: @escaping @Sendable (borrowing Engine, SeriesSelection) -> [String],
        sealed: (SealedTable, SeriesSelection, (UInt32) -> Bool) -> [String],
        each: (Labels) -> [String]
    ) async throws -> [String] {
        var found: Set<ExactString> = []
        let slotBits = configuration.engine.slotBits
        for selection in scope.selections {
            let (texts, files) = try await onThread { thread throws(EngineError) in
                (
                    head(thread.engine, selection),
                    thread.blocks.filter { $0.maxTime >= selection.start && $0.minTime <= selection.end }
                )
            }
            let view = self.sealed.view(files, slots: scope.slots, opening: true)
            let inFiles = view.map { view in
                let passing =
                    selection.matchers.isEmpty
                    ? nil : Set(view.table.matching(tenant: selection.tenant, selection.matchers))
                return sealed(view.table, selection) { number in
                    let slot = view.table.placements[Int(number)].slot(bits: slotBits)
                    return passing?.contains(number) ?? true && scope.slots?.contains(slot) ?? true
                        && view.chunks.overlaps(
                            number, of: view.hidden[slot] ?? view.wanted, start: selection.start, end: selection.end)
                }
            }
            for text in texts { found.insert(ExactString(text)) }
            if let inFiles {
                for text in inFiles { found.insert(ExactString(text)) }
            } else {
                try forEachSeries(of: selection, in: files, slots: scope.slots) { labels in
                    for text in each(labels) { found.insert(ExactString(text)) }
                    try Self.check(found.count, "query_series_max", seriesMax)
                }
            }
            try Self.check(found.count, "query_series_max", seriesMax)
        }
        return Self.sorted(found)
    }

    /// A tenant's metadata, sorted by metric.
    package func metadata(tenant: TenantID) async throws -> [MetricMetadata] {
        try await onThread { $0.engine.metadata(tenant: tenant) }
    }

    /// A tenant's servers, sorted by ID.
    package func servers(tenant: TenantID) async throws -> [ServerSummary] {
        try await onThread { $0.engine.servers(tenant: tenant) }
            .sorted { $0.id.utf8.lexicographicallyPrecedes($1.id.utf8) }
    }

    /// What a tenant's newest data is made of.
    ///
    /// The index is shared out and counted on the caller's thread; the head is looked at in parts, so that appends wait for none of it
    /// long.
    /// - Parameters:
    ///   - tenant: whose data.
    ///   - limit: entries of each list, at least 1.
    /// - Returns: numbers of series, values and chunks.
    /// - Throws: `EngineError` when the host is closed, or `CancellationError`.
    @concurrent
    package func statistics(tenant: TenantID, limit: Int) async throws -> TenantStatistics {
        guard let index = try await onThread({ $0.engine.index(tenant: tenant) }) else {
            return TenantStatistics()
        }
        var result = index.statistics(limit: limit)
        var rest = index.all[...]
        while !rest.isEmpty {
            try Task.checkCancellation()
            let part = rest.prefix(Self.statisticsPartMax)
            rest = rest.dropFirst(part.count)
            let extent = try await onThread { $0.engine.headExtent(part) }
            result.chunkCount += extent.chunkCount
            result.minTime = [result.minTime, extent.minTime].compactMap(\.self).min()
            result.maxTime = [result.maxTime, extent.maxTime].compactMap(\.self).max()
        }
        return result
    }

    /// Series that the engine's thread looks at in one go for statistics.
    private static let statisticsPartMax = 16_384

    private static func sorted(_ strings: Set<ExactString>) -> [String] {
        strings.map(\.string).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
}
