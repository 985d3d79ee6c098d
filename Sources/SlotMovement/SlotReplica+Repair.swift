/// Comparing with the other holders, one after the other: what was logged on some and never acknowledged, or rotted, becomes equal again.
extension SlotReplica {
    mutating func advanceRepair(now: Int64, into effects: inout [MovementEffect]) {
        guard role == .holder, now >= nextRepair else { return }
        nextRepair = now + limits.repairInterval
        let holders = otherNodes.filter { others[$0]?.stake.role == .holder }
        let next = holders.first { node in lastRepaired.map { node > $0 } ?? true } ?? holders.first
        guard let next else { return }
        lastRepaired = next
        effects.append(.sendWindowDigests(slot: slot, to: next))
    }

    /// Logs samples of another holder that come beside the message.
    mutating func receiveRepair(
        window: Int64, series: [UInt64], wantsBack: Bool, from node: NodeID, number: UInt64, now: Int64,
        into effects: inout [MovementEffect]
    ) {
        hasSamples = true
        lastLoggedAt = now
        effects.append(.log(.batch(slot: slot, number: number)))
        if wantsBack {
            effects.append(.sendRepair(slot: slot, window: window, series: series, to: node))
        }
    }
}
