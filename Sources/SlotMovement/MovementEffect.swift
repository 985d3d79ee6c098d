/// What a node's machine asks of its shell. Effects are carried out in order, and a `send` or an answer behind a `log` leaves once the record is
/// as durable as the node's `durability` has it.
package enum MovementEffect: Equatable, Sendable {
    /// Send to a member.
    case send(MovementMessage, to: NodeID)
    /// Answer a store: exactly once for each request, or never where the requester has given up by then.
    case answerStore(StoreReply, to: RequesterID)
    /// Answer a read with all samples of the reply's slots, as they are at this moment.
    case answerRead(ReadReply, to: RequesterID)
    /// Write a record; a record of kind `batch` with the samples of its slots that came beside the message at hand.
    case log(MovementRecord)
    /// Send `page` to the stake `for`, with the samples of the slot from `cursor` on, as the shell cuts pages: every page ends somewhere, and
    /// no sample that was there at the first page is on none.
    case sendPage(slot: Int, from: Stake, isWhole: Bool, for: Stake, cursor: Int)
    /// Send `pay` with the samples of these slots of these batches.
    case sendOwed([BatchPart], to: NodeID)
    /// Send `windowDigests` of all windows that have come to rest.
    case sendWindowDigests(slot: Int, to: NodeID)
    /// Compare (`RepairNarrowing`), and send `seriesDigests` of each window that differs.
    case compareWindows(slot: Int, before: Int64, [Int64: WindowDigest], with: NodeID)
    /// Compare, and send `repair` with the samples of all series that differ.
    case compareSeries(slot: Int, window: Int64, [UInt64: WindowDigest], with: NodeID)
    /// Send `repair` with the samples of these series, which wants nothing back.
    case sendRepair(slot: Int, window: Int64, series: [UInt64], to: NodeID)
    /// Delete all samples of the slot: every wanted owner has them.
    case drop(slot: Int)
    /// The slot entered or left the held set.
    case held(slot: Int, Bool)
    /// Merge what the checkpoint has of the slot into it, then call `SlotKeeper.restored`; asked again until that is called.
    case restore(slot: Int)
    /// The slot was taken over although these members may have had samples of it that are nowhere else.
    case recoveredWithout(slot: Int, [NodeID])
}

/// What outlives the process, beside the samples. A start replays all of them in order. Slots are ascending and distinct.
package enum MovementRecord: Equatable, Sendable {
    /// Samples of these slots, with their number at this node.
    case batch(slots: [Int], number: UInt64)
    /// These members miss these slots of the batch.
    case owed(slots: [Int], number: UInt64, to: [NodeID])
    /// A member misses more of these slots than is remembered: it must copy them.
    case owedAll(slots: [Int], to: NodeID)
    /// A member has them now, or is gone for good.
    case settled([BatchPart], with: NodeID)
    /// A member has copied these slots, or is gone for good.
    case settledAll(slots: [Int], with: NodeID)
    /// From here on nothing proves that what was acknowledged before is still here.
    case unsound
    /// The slots are whole here or elsewhere: nothing that was lost here matters to them.
    case sound(slots: [Int])
    /// A member asked about slots at this start of it: it knows this one. Start 0: it is no member any more.
    case known(by: NodeID, boot: UInt32)
    /// The slots were taken over without enough of those that had samples of them: the checkpoint may have more.
    case restoring(slots: [Int])
    /// What the checkpoint had is in the slot.
    case restored(slot: Int)
    /// The slot's samples were deleted.
    case dropped(slot: Int)
}
