/// What a node's machine asks of its shell. Effects are carried out in order, and a `send` behind a `log` leaves once the record is as
/// durable as the node's `durability` has it.
package enum MovementEffect: Equatable, Sendable {
    /// Send to a member, router or coordinator: whoever the shell knows under this number.
    case send(MovementMessage, to: NodeID)
    /// Write a record; a record of kind `batch` with the samples that came beside the message at hand.
    case log(MovementRecord)
    /// Send `page` to the stake's node, with the samples of the slot from `cursor` on, as the shell cuts pages: every page ends somewhere, and
    /// no sample that was there at the first page is on none.
    case sendPage(slot: Int, SlotInformation, for: Stake, cursor: Int)
    /// Send `pay` with the samples of these batches.
    case sendOwed(slot: Int, numbers: [UInt64], to: NodeID)
    /// Send `readReply` with all samples of the slot.
    case sendSamples(MovementMessage, slot: Int, to: NodeID)
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

/// What outlives the process, beside the samples. A start replays all of them in order.
package enum MovementRecord: Equatable, Sendable {
    /// Samples, with their number at this node.
    case batch(slot: Int, number: UInt64)
    /// These members miss the batch.
    case owed(slot: Int, number: UInt64, to: [NodeID])
    /// A member has them now, or is gone for good.
    case settled(slot: Int, numbers: [UInt64], with: NodeID)
    /// From here on nothing proves that what was acknowledged before is still here.
    case unsound
    /// The slot is whole here or elsewhere: nothing that was lost here matters to it.
    case sound(slot: Int)
    /// A member asked about slots at this start of it: it knows this one.
    case known(by: NodeID, boot: UInt32)
    /// The slot was taken over without enough of those that had samples of it: the checkpoint may have more.
    case restoring(slot: Int)
    /// What the checkpoint had is in the slot.
    case restored(slot: Int)
    /// The slot's samples were deleted.
    case dropped(slot: Int)
}
