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

    /// The slot and the query's number.
    package let slot: Int
    package let query: UInt64
    /// nil while under way.
    package private(set) var answer: Answer?
    private let limits: MovementLimits
    private let startedAt: Int64
    private let wanted: [NodeID]
    private let known: [NodeID]
    private var askedAll = false
    private var asked: Set<NodeID> = []
    private var replies: [NodeID: Reply] = [:]

    private struct Reply {
        var information: SlotInformation
        var members: [NodeID]
        var missingMax: Int
    }

    /// - Parameters:
    ///   - slot: which slot.
    ///   - query: a number that no other attempt has.
    ///   - view: the coordinator's.
    ///   - limits: the same on all nodes.
    ///   - now: of the coordinator's monotonic clock.
    package init(slot: Int, query: UInt64, view: MovementView, limits: MovementLimits, now: Int64) {
        self.slot = slot
        self.query = query
        self.limits = limits
        startedAt = now
        wanted = Array(view.wanted(slot))
        known = view.members
    }

    /// Begins with the first wanted owner that is not suspect; asks everybody when it is not whole or does not answer in time; ends at the deadline.
    package mutating func advance(now: Int64, isSuspect: (NodeID) -> Bool, into effects: inout [MovementEffect]) {
        guard answer == nil else { return }
        if asked.isEmpty, let first = wanted.first(where: { !isSuspect($0) }) ?? wanted.first {
            ask(first, into: &effects)
        }
        if !askedAll, now >= startedAt + limits.readDeadline / 8 { askAll(into: &effects) }
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
    /// - Returns: whether the samples count. Those of a whole replica replace all others.
    package mutating func receive(
        _ information: SlotInformation, members: [NodeID], missingMax: Int, now: Int64, isSuspect: (NodeID) -> Bool,
        into effects: inout [MovementEffect]
    ) -> Bool {
        let node = information.stake.node
        guard answer == nil, replies[node] == nil else { return false }
        if information.isWhole {
            answer = .whole(node)
            return true
        }
        // Two answers further apart than `grace` might both lack what moved from one to the other in between.
        guard now < startedAt + limits.readDeadline else {
            advance(now: now, isSuspect: isSuspect, into: &effects)
            return false
        }
        replies[node] = Reply(information: information, members: members, missingMax: missingMax)
        if askedAll {
            for member in members where !asked.contains(member) { ask(member, into: &effects) }
        } else {
            askAll(into: &effects)
        }
        advance(now: now, isSuspect: isSuspect, into: &effects)
        return true
    }

    private var holders: [Reply] { replies.values.filter { $0.information.stake.role == .holder } }
    private var hasHolder: Bool { !holders.isEmpty }
    private var missingMax: Int { holders.map(\.missingMax).min() ?? 0 }

    /// Members that did not answer, or may have lost what they had.
    private var missing: [NodeID] {
        let holders = holders
        let members = Set(holders.isEmpty ? known : holders.flatMap(\.members))
        return members.filter { replies[$0]?.information.isSound != true }.sorted()
    }

    private mutating func askAll(into effects: inout [MovementEffect]) {
        askedAll = true
        let members = Set(known).union(replies.values.flatMap(\.members))
        for member in members.sorted() where !asked.contains(member) { ask(member, into: &effects) }
    }

    private mutating func ask(_ node: NodeID, into effects: inout [MovementEffect]) {
        asked.insert(node)
        effects.append(.send(.read(slot: slot, query: query), to: node))
    }
}
