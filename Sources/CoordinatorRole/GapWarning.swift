import MetricModel
import QueryRouting
import SlotMovement

/// What an answer says of slots that may lack samples.
enum GapWarning {
    /// `named_members_max`
    private static let membersMax = 10
    /// `named_slots_max`: runs of slots that are named.
    private static let runsMax = 6

    /// One line for all gaps: how many slots, with which share of the servers, which ones, and who may have what is missing; nil where nothing is.
    static func text(_ gaps: [SlotRead.Gap], slotCount: Int, name: (NodeID) -> String) -> String? {
        var slots = SlotSet()
        for gap in gaps { slots.formUnion(gap.slots) }
        if slots.isEmpty { return nil }
        let count = slots.count
        // Servers are spread over the slots evenly.
        let tenths = (count * 1_000 + slotCount - 1) / slotCount
        let share = "\(count) of \(slotCount) slots, with \(tenths / 10).\(tenths % 10) % of the servers"
        let part = count == slotCount ? share : "\(share) (\(named(slots)))"
        let members = Set(gaps.flatMap(\.members)).sorted().map(name)
        guard !members.isEmpty else { return "samples may be missing: no member holds \(part) yet" }
        let names = members.prefix(membersMax).joined(separator: ", ")
        let rest = members.count > membersMax ? " and \(members.count - membersMax) more" : ""
        return "samples may be missing in \(part): no complete answer without \(names)\(rest)"
    }

    /// The first slots as runs: `slots 3-9, 14 and 210 more`.
    private static func named(_ slots: SlotSet) -> String {
        var runs: [ClosedRange<UInt16>] = []
        var covered = 0
        for slot in slots.slots {
            if let last = runs.last, last.upperBound + 1 == slot {
                runs[runs.count - 1] = last.lowerBound...slot
            } else if runs.count == runsMax {
                break
            } else {
                runs.append(slot...slot)
            }
            covered += 1
        }
        let texts = runs.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
        let rest = slots.count - covered
        let text = (slots.count == 1 ? "slot " : "slots ") + texts.joined(separator: ", ")
        return rest == 0 ? text : "\(text) and \(rest) more"
    }
}
