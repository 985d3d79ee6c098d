package import MetricModel
internal import SeriesEngine

/// What changed of a node's data, and what it is to the slots, all at one moment.
package struct StoreChanges: Sendable {
    /// The number of the newest change, in this host's generation.
    package let sequence: UInt64
    /// Times that changed since the one that was asked about; may reach beyond those asked for.
    package let times: [ClosedRange<Int64>]
    package let standing: StoreStanding
}

extension EngineHost {
    /// Which times changed, in any slot, since a change that the asker knows.
    ///
    /// - Parameters:
    ///   - known: that change; nil where the asker knows none of this host's generation, which gives no times.
    ///   - times: of interest, inclusive.
    ///   - slots: what the node is to which the asker wants to know.
    /// - Returns: those times with the number of the newest change.
    /// - Throws: `EngineError.closed`.
    package func changes(
        since known: UInt64?, in times: ClosedRange<Int64>, slots: SlotSet
    ) async throws -> StoreChanges {
        try await onThread { thread in
            let changed = known.map { thread.engine.changes.changes(since: $0, in: times) } ?? []
            return StoreChanges(
                sequence: thread.engine.changes.sequence, times: changed,
                standing: thread.standing(in: .slots(slots, onlyWhole: true)).standing)
        }
    }
}
