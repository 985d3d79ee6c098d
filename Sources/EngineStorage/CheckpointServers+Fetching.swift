package import CheckpointPlan

/// Reading what the databases have: all that may hold a block are asked, the others go on where one is away.
extension CheckpointServers {
    /// Fetches blocks that are not here, newest first from each database.
    ///
    /// May be called again after it threw: what is here by then is passed over.
    ///
    /// - Parameters:
    ///   - slots: which ones; nil for all.
    ///   - since: Unix milliseconds; what ends before is not wanted.
    ///   - local: what lies on local disk; asked for only once a database has answered.
    ///   - install: takes blocks, durably.
    /// - Returns: how many blocks came, and their bytes.
    /// - Throws: once everything that could be had is here: why the rest could not, naming the database.
    package func fetch(
        _ slots: [UInt16]?, since: Int64, local: @Sendable () async throws -> [(slot: UInt16, id: BlockID)],
        install: @Sendable ([CheckpointBlock]) async throws -> Void
    ) async throws -> (blocks: Int, bytes: Int) {
        await refresh()
        let (sources, missing) = sources(since: since)
        var failure = missing
        guard !sources.isEmpty else {
            if let failure { throw failure }
            return (0, 0)
        }
        var known = try await local()
        var total = (blocks: 0, bytes: 0)
        for source in sources {
            var cursor = RestoreCursor(slots: slots, since: since, known: known)
            do {
                while cursor.next != .finished {
                    try Task.checkCancellation()
                    switch cursor.next {
                    case .list(let request): try cursor.listed(try await source.list(request))
                    case .fetch(let records):
                        let blocks = try await source.fetch(records)
                        try await install(blocks)
                        cursor.fetched(blocks.map(\.record))
                        known += blocks.map { ($0.record.slot, $0.record.id) }
                    case .finished: break
                    }
                }
            } catch let error as CheckpointError {
                failure = failure ?? error
            }
            total.blocks += cursor.fetchedCount
            total.bytes += cursor.fetchedBytes
        }
        if let failure { throw failure }
        return total
    }

    /// The stores to ask, and why those do not suffice.
    private func sources(since: Int64) -> (stores: [any CheckpointStore], missing: CheckpointError?) {
        var stores: [any CheckpointStore] = []
        var missing: CheckpointError?
        let wanted = Set(map.mayHaveBlocks(since: since).map(\.id))
        for entry in entries {
            if entry.listed.state == .lost || entry.isTwice { continue }
            // Who never answered and whom the map does not name may be an old one under a new address.
            guard let id = entry.id else {
                missing = missing ?? entry.failure ?? .unavailable(reason: "\(entry.listed.name) has not answered yet")
                continue
            }
            guard wanted.contains(id) else { continue }
            if let failure = entry.failure { missing = missing ?? failure } else { stores.append(entry.listed.store) }
        }
        let listed = Set(entries.compactMap(\.id))
        if let server = map.mayHaveBlocks(since: since).first(where: { !listed.contains($0.id) }) {
            missing =
                missing
                ?? .unavailable(
                    reason: "the map names \(server.name) (\(server.id)), which the setting checkpoint lacks")
        }
        return (stores, missing)
    }

    /// The IDs of blocks of some slots that databases which answer and still count list, within retention.
    ///
    /// - Parameters:
    ///   - slots: ascending.
    ///   - since: Unix milliseconds.
    ///   - index: the database whose answer is needed; the others are asked if they answer.
    /// - Returns: of all databases together.
    /// - Throws: that one's error.
    func blockIDs(of slots: [UInt16], since: Int64, needing index: Int) async throws(CheckpointError) -> Set<BlockID> {
        var known: Set<BlockID> = []
        for other in entries.indices where other == index || isKept(other) && entries[other].failure == nil {
            do throws(CheckpointError) {
                known.formUnion(try await Self.blockIDs(in: entries[other].listed.store, slots, since: since))
            } catch {
                // What only that one has is written once more: a superset loses nothing.
                if other == index { throw error }
            }
        }
        return known
    }

    private static func blockIDs(
        in store: any CheckpointStore, _ slots: [UInt16], since: Int64
    ) async throws(CheckpointError) -> Set<BlockID> {
        var known: Set<BlockID> = []
        var last: BlockRecord?
        while true {
            let page = try await store.list(
                BlockListRequest(slots: slots, since: since, after: last, count: CheckpointLimits.listPageMax))
            known.formUnion(page.map(\.id))
            guard page.count == CheckpointLimits.listPageMax, let next = page.last else { return known }
            last = next
        }
    }
}
