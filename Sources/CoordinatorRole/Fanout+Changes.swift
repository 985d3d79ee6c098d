internal import ClusterTransport
internal import MetricModel
internal import QueryEngine
internal import QueryRouting
internal import SlotMovement
internal import Synchronization
internal import WireProtocol

/// What one member said of its data before something was computed of it: the member, which of the slots it had whole, and the number of its newest change.
struct KnownChange: Hashable, Sendable {
    var node: String
    var slots: SlotSet
    var generation: UInt64
    var sequence: UInt64

    /// Whether the other is what the same member said of the same slots in the same life.
    func isOfSame(_ other: KnownChange) -> Bool {
        generation == other.generation && slots == other.slots && node.hasSameBytes(as: other.node)
    }
}

/// The state of the data that a query reads: each slot is a member's.
struct DataState: Sendable {
    /// In the order of the members.
    var changes: [KnownChange]

    /// Bytes in memory, roughly.
    var memorySize: Int { changes.reduce(0) { $0 + 128 + $1.node.utf8.count + $1.slots.bytes.count } }

    /// Whether all that was read came from these members, each asked for slots that it speaks of here.
    func covers(_ read: ReadWitness) -> Bool {
        let (parts, isRaw) = read.all
        return !isRaw
            && parts.allSatisfy { part in
                changes.contains { $0.node.hasSameBytes(as: part.node) && part.slots.subtracting($0.slots).isEmpty }
            }
    }
}

/// Takes down who answered what of a query.
final class ReadWitness: Sendable {
    private let state = Mutex((parts: [(node: String, slots: SlotSet)](), isRaw: false))

    var all: (parts: [(node: String, slots: SlotSet)], isRaw: Bool) { state.withLock { $0 } }

    func note<Value>(_ outcome: SlotReader.Outcome<Value>, name: (NodeID) -> String) {
        let parts = outcome.kept.map { (node: name($0.question.node), slots: $0.end.slots) }
        let isRaw = !outcome.left.isEmpty || outcome.kept.contains { $0.question.isRaw }
        state.withLock { state in
            state.parts += parts
            state.isRaw = state.isRaw || isRaw
        }
    }
}

extension Fanout {
    /// Asks who would answer for the slots of a query how their data stands, and what changed since a state that is known.
    ///
    /// What is computed from here on is of this state or a later one.
    /// - Parameters:
    ///   - tenant: whose query it is.
    ///   - slots: that it reads; nil for all.
    ///   - times: that it reads.
    ///   - known: the state of a kept result; nil without one.
    ///   - milliseconds: for everything.
    /// - Returns: the state, with the times that changed since `known` (nil where that is of other members, slots or lives); nil altogether where
    ///   a slot is nobody's, something may be missing, or a member does not tell changes.
    /// - Throws: as `SlotReader.read`.
    func changes(
        tenant: TenantID, slots: SlotSet?, in times: ClosedRange<Int64>, since known: DataState?, milliseconds: Int64
    ) async throws -> (state: DataState, changed: [ClosedRange<Int64>]?)? {
        let reader = try reader(until: .now + .milliseconds(milliseconds))
        let owners = reader.map.shares.map(\.node)
        guard owners.allSatisfy({ directory.client($0)?.features.contains(.changes) == true }) else { return nil }
        let outcome = try await reader.read(slots, mode: .wholeOnly, setsPace: false) { part in
            guard case .whole(let slots) = part else { preconditionFailure("a question about changes of raw slots") }
            // Who is asked about the same slots is most likely the same member.
            let before = known?.changes.first { $0.slots == slots }
            return .changes(
                ChangesRequest(
                    tenant: tenant, slots: slots, start: times.lowerBound, end: times.upperBound,
                    generation: before?.generation ?? 0, known: before?.sequence ?? 0))
        } collect: { _, stream in
            var found: ChangesPage?
            for try await page in stream {
                guard case .changes(let page) = page else {
                    throw TypedError(.internal, "an aggregator answered a question about changes with other pages")
                }
                found = page
            }
            guard let found else { throw TypedError(.internal, "an aggregator did not say what changed") }
            return found
        }
        guard outcome.left.isEmpty, outcome.warnings.isEmpty else { return nil }
        var state = DataState(changes: [])
        var changed: [ClosedRange<Int64>]? = known.map { $0.changes.count == outcome.kept.count ? [] : nil } ?? nil
        for kept in outcome.kept {
            let now = KnownChange(
                node: reader.view.name(of: kept.question.node), slots: kept.end.slots,
                generation: kept.value.generation, sequence: kept.value.sequence)
            state.changes.append(now)
            // It was asked about the slots of the question, and what it was asked about must be what is known.
            let isKnown = kept.question.slots == now.slots && known?.changes.contains { $0.isOfSame(now) } == true
            if isKnown { changed?.append(contentsOf: kept.value.times) } else { changed = nil }
        }
        return (state, changed)
    }
}
