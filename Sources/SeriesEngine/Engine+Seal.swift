internal import MetricModel

extension Engine {
    /// Seals after which a series without a sample leaves the table.
    static var idleSealsMax: UInt8 { 2 }

    /// Freezes everything in the head; the engine goes on with an empty one. Queries still see what is frozen.
    ///
    /// The caller has begun a new log segment just before, so that all that is frozen lies in the segments before it.
    /// - Complexity: O(series), some nanoseconds each; samples are not touched.
    package mutating func beginSeal() -> FrozenHead {
        precondition(frozen == nil, "a seal is under way")
        let head = FrozenHead(
            states: table.states, identities: table.identities, chunks: table.chunks, pages: pages, late: late,
            histograms: histograms, metadata: metadata, servers: servers, slotBits: configuration.slotBits,
            sampleCount: statistics.liveSamples + histogramWeight)
        for row in 0..<table.states.count {
            var state = table.states[row]
            let isIdle =
                state.openCount == 0 && head.chunks[row].isEmpty && head.late[UInt32(row)] == nil
                && head.histograms[UInt32(row)] == nil
            state.idleSeals = isIdle ? min(state.idleSeals + 1, Self.idleSealsMax) : 0
            state.page = OpenPages.none
            state.openCount = 0
            table.states[row] = state
        }
        table.chunks = SegmentedArray(repeating: [], count: table.states.count)
        pages = OpenPages()
        late = [:]
        histograms = [:]
        histogramWeight = 0
        statistics.liveSamples = 0
        frozen = head
        return head
    }

    /// Drops the frozen head, which a synced block now holds, and the series that have been idle for two seals.
    ///
    /// - Parameters:
    ///   - now: Unix milliseconds; servers silent for longer than the retention are forgotten.
    ///   - kept: references of series that stay however idle they are; asked for when there are idle ones.
    package mutating func finishSeal(now: Int64, keeping kept: () -> Set<UInt32> = { [] }) {
        precondition(frozen != nil, "no seal is under way")
        frozen = nil
        table.free(rowsToFree)
        rowsToFree = []
        dropIdleSeries(keeping: kept)
        if configuration.retention > 0 { servers.forget(before: now - configuration.retention) }
    }

    private mutating func dropIdleSeries(keeping kept: () -> Set<UInt32>) {
        var idle: [Int] = []
        for row in 0..<table.states.count {
            let state = table.states[row]
            guard state.idleSeals >= Self.idleSealsMax, table.identities[row].reference != nil,
                state.openCount == 0, table.chunks[row].isEmpty, late[UInt32(row)] == nil,
                histograms[UInt32(row)] == nil
            else { continue }
            idle.append(row)
        }
        guard !idle.isEmpty else { return servers.settle() }
        let kept = kept()
        drop(rows: idle.filter { row in table.identities[row].reference.map { !kept.contains($0) } ?? false })
    }

    /// Takes series without samples out of the table and the indexes.
    mutating func drop(rows: [Int]) {
        var dead: [TenantID: (references: Set<UInt32>, labels: [Labels])] = [:]
        var deadBySlot: [Int: Set<UInt32>] = [:]
        for row in rows {
            guard let reference = table.identities[row].reference else { continue }
            let server = table.states[row].server
            let identity = table.drop(row: UInt32(row))
            if frozen == nil { table.free([UInt32(row)]) } else { rowsToFree.append(UInt32(row)) }
            servers.dropSeries(server)
            dead[identity.tenant, default: ([], [])].references.insert(reference)
            dead[identity.tenant]?.labels.append(identity.labels)
            let slot = Int(identity.placement.slot(bits: configuration.slotBits))
            deadBySlot[slot, default: []].insert(reference)
            statistics.seriesDropped += 1
        }
        servers.settle()
        for (tenant, gone) in dead {
            indexes[tenant]?.remove(gone.references, labels: gone.labels)
            if indexes[tenant]?.seriesCount == 0 { indexes[tenant] = nil }
        }
        for (slot, gone) in deadBySlot { slotReferences[slot].removeAll { gone.contains($0) } }
    }
}
