import MetricModel
import SlotMovement

/// Slots that no member has whole, all in the same condition: which members have answered for them, and whether their union is complete.
///
/// The rule is that of `SlotMovement.ReadAttempt`, for many slots at a time.
struct SlotUnion {
    /// What is known by now.
    enum Verdict: Equatable {
        case underWay
        case complete
        /// These members may have more; none where no member holds the slots.
        case incomplete(missing: [NodeID])
    }

    let slots: SlotSet
    let startedAt: Int64
    private var asked: Set<NodeID>
    private var replies: [NodeID: SlotRead.Standing] = [:]
    /// Members whose question failed.
    private var lost: Set<NodeID> = []
    /// Whether a member that has the slots whole has answered after all.
    private var isWhole = false

    init(slots: SlotSet, members: [NodeID], now: Int64) {
        self.slots = slots
        startedAt = now
        asked = Set(members)
    }

    private init(_ union: SlotUnion, slots: SlotSet) {
        self.slots = slots
        startedAt = union.startedAt
        asked = union.asked
        replies = union.replies
        lost = union.lost
    }

    /// A member's question failed.
    mutating func lose(_ node: NodeID) {
        lost.insert(node)
    }

    /// What becomes of the slots with a member's answer: parts of them that are in the same condition each, with members that the answer names
    /// and nobody has asked.
    func split(
        by answer: SlotRead.Answer, _ question: SlotRead.Question
    ) -> [(union: SlotUnion, unasked: [NodeID])] {
        var parts: [(SlotUnion, [NodeID])] = []
        func add(_ slots: SlotSet, _ change: (inout SlotUnion) -> [NodeID]) {
            if slots.isEmpty { return }
            var part = SlotUnion(self, slots: slots)
            let unasked = change(&part)
            parts.append((part, unasked))
        }
        add(slots.subtracting(question.slots)) { _ in [] }
        var rest = slots.intersection(question.slots)
        add(rest.intersection(answer.whole)) { part in
            part.isWhole = true
            return []
        }
        rest = rest.subtracting(answer.whole)
        for standing in answer.standings {
            add(rest.intersection(standing.slots)) { part in
                part.replies[question.node] = standing
                let unasked = Set(standing.members).subtracting(part.asked)
                part.asked.formUnion(unasked)
                return unasked.sorted()
            }
            rest = rest.subtracting(standing.slots)
        }
        // Of these the member said nothing.
        add(rest) { part in
            part.lose(question.node)
            return []
        }
        return parts
    }

    /// Whether what has been answered is complete.
    func verdict(known: [NodeID], limits: MovementLimits, now: Int64, isSuspect: (NodeID) -> Bool) -> Verdict {
        if isWhole { return .complete }
        let holders = replies.values.filter { $0.role == .holder }
        let members = Set(holders.isEmpty ? known : holders.flatMap(\.members))
        let missing = members.filter { replies[$0]?.isSound != true }.sorted()
        let missingMax = holders.map(\.missingMax).min() ?? 0
        let open = asked.filter { replies[$0] == nil && !lost.contains($0) }
        let isOver = now >= startedAt + limits.readDeadline
        if !holders.isEmpty, missing.count <= missingMax, isOver || open.allSatisfy(isSuspect) { return .complete }
        return open.isEmpty || isOver ? .incomplete(missing: missing) : .underWay
    }
}
