/// One slot of one query at a coordinator: one replica that is provably whole, or all of them raw; and what may be missing.
package struct ReadAttempt: Sendable {
    /// How complete the samples are.
    package enum Answer: Equatable, Sendable {
        /// One replica answered for all.
        case whole(NodeID)
        /// The union of all that answered, which is complete.
        case union
        /// The union of all that answered; these members may have more.
        case incomplete(missing: [NodeID])
    }

    /// The slot.
    package let slot: Int
    /// nil while under way.
    package private(set) var answer: Answer?
    private let limits: MovementLimits
    private let startedAt: Int64
    private let wanted: [NodeID]
    private let known: [NodeID]
    private var askedAll = false
    private var asked: Set<NodeID> = []
    private var replies: [NodeID: ReadReply.Group] = [:]

    /// - Parameters:
    ///   - slot: which slot.
    ///   - view: the coordinator's.
    ///   - limits: the same on all nodes.
    ///   - now: of the coordinator's monotonic clock.
    package init(slot: Int, view: MovementView, limits: MovementLimits, now: Int64) {
        self.slot = slot
        self.limits = limits
        startedAt = now
        wanted = Array(view.wanted(slot))
        known = view.members
    }

    /// Begins with the first wanted owner that is not suspect; asks everybody when it is not whole or does not answer in time; ends at the deadline.
    ///
    /// - Parameters:
    ///   - now: of the monotonic clock.
    ///   - isSuspect: members that most likely do not answer: nobody waits for them.
    ///   - requests: members to be asked for the slot are added.
    package mutating func advance(now: Int64, isSuspect: (NodeID) -> Bool, into requests: inout [NodeID]) {
        guard answer == nil else { return }
        if asked.isEmpty, let first = wanted.first(where: { !isSuspect($0) }) ?? wanted.first {
            ask(first, into: &requests)
        }
        if !askedAll, now >= startedAt + limits.readDeadline / 8 { askAll(into: &requests) }
        guard askedAll else { return }
        let missing = missing
        let isOver = now >= startedAt + limits.readDeadline
        let open = asked.filter { replies[$0] == nil }
        if missing.count <= missingMax, hasHolder, isOver || open.allSatisfy(isSuspect) {
            answer = .union
        } else if open.isEmpty || isOver {
            answer = .incomplete(missing: missing)
        }
    }

    /// Takes an answer; its samples come beside it and belong into the union.
    ///
    /// - Parameters:
    ///   - reply: about this slot, or nothing of it is taken.
    ///   - now: of the monotonic clock.
    ///   - isSuspect: as in `advance`.
    ///   - requests: as in `advance`.
    /// - Returns: whether the samples count. Those of a whole replica replace all others.
    package mutating func receive(
        _ reply: ReadReply, now: Int64, isSuspect: (NodeID) -> Bool, into requests: inout [NodeID]
    ) -> Bool {
        let node = reply.node
        guard answer == nil, replies[node] == nil, let group = reply.groups.first(where: { $0.slots.contains(slot) })
        else { return false }
        if group.isWhole {
            answer = .whole(node)
            return true
        }
        // Two answers further apart than `grace` might both lack what moved from one to the other in between.
        guard now < startedAt + limits.readDeadline else {
            advance(now: now, isSuspect: isSuspect, into: &requests)
            return false
        }
        replies[node] = group
        if askedAll {
            for member in group.members where !asked.contains(member) { ask(member, into: &requests) }
        } else {
            askAll(into: &requests)
        }
        advance(now: now, isSuspect: isSuspect, into: &requests)
        return true
    }

    private var holders: [ReadReply.Group] { replies.values.filter { $0.role == .holder } }
    private var hasHolder: Bool { !holders.isEmpty }
    private var missingMax: Int { holders.map(\.missingMax).min() ?? 0 }

    /// Members that did not answer, or may have lost what they had.
    private var missing: [NodeID] {
        let holders = holders
        let members = Set(holders.isEmpty ? known : holders.flatMap(\.members))
        return members.filter { replies[$0]?.isSound != true }.sorted()
    }

    private mutating func askAll(into requests: inout [NodeID]) {
        askedAll = true
        let members = Set(known).union(replies.values.flatMap(\.members))
        for member in members.sorted() where !asked.contains(member) { ask(member, into: &requests) }
    }

    private mutating func ask(_ node: NodeID, into requests: inout [NodeID]) {
        asked.insert(node)
        requests.append(node)
    }
}
