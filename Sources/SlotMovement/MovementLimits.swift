/// The times and bounds of holding and moving slots. Times are microseconds of a node's own monotonic clock.
package struct MovementLimits: Equatable, Sendable {
    /// `read_lease`: how long a grant lets its holder be read alone, from when it was asked for.
    package var lease: Int64 = 2_000_000
    /// By how much two monotonic clocks may differ in speed: a granter waits so much longer.
    package var clockDriftPerMillion: Int64 = 20_000
    /// How often a node asks the other members about a slot.
    package var askInterval: Int64 = 500_000
    /// `write_timeout`: how long an owner may take before another member stands in.
    package var writeTimeout: Int64 = 1_000_000
    /// After which a batch is refused that was not acknowledged, counted from its arrival at the router.
    package var writeDeadline: Int64 = 8_000_000
    /// After which a read ends with what it has.
    package var readDeadline: Int64 = 5_000_000
    /// How long what is no longer needed is kept: longer than a write or a read can be under way, clocks' drift included.
    package var grace: Int64 = 12_000_000
    /// `recovery_wait`: how long a slot that nobody holds waits for those that may have samples of it.
    package var recoveryWait: Int64 = 300_000_000
    /// A member that has not heard of a majority for so long acknowledges nothing: well below `replacement_delay`, after which the others do without it.
    package var isolationWait: Int64 = 60_000_000
    /// `repair_interval`: how often a holder compares a slot with one of the other holders.
    package var repairInterval: Int64 = 10_000_000
    /// `paid_batches_max`, `paid_slots_max`: batches, and slots in all of them, that are paid to one member at a time.
    package var paidBatchesMax = 64
    package var paidSlotsMax = 65_536
    /// `owed_batches_max`: batches of one slot that are remembered as owed to one member; who misses more copies the slot anew.
    package var owedBatchesMax = 1_024
    /// `recent_slots_max`: slots of all batches that are remembered for routers that ask again; the oldest are forgotten.
    package var recentSlotsMax = 8_388_608
    /// `waiting_stores_max`: requests that wait until no skipped member may be read alone; more are refused.
    package var waitingStoresMax = 4_096
    /// `copied_slots_max`: slots that a node copies at a time.
    package var copiedSlotsMax = 256
    /// `registered_slots_max`: slots that a node has registered in, and does not hold yet, although enough others hold them.
    package var registeredSlotsMax = 2_048

    package init() {}

    /// How long a granter counts on a lease that it gave.
    var grantedFor: Int64 { lease + lease * 2 * clockDriftPerMillion / 1_000_000 }
}

/// Known bugs that a test plants, so as to show that the simulation's checker finds them. Empty in every product.
package struct PlantedBugs: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// A candidate copies before all others have registered it.
    package static let copyBeforeSubscribe = PlantedBugs(rawValue: 1)
    /// A holder is read alone without a lease from every other.
    package static let readWithoutLease = PlantedBugs(rawValue: 2)
    /// A node that holds one slot counts as holding all that it is wanted for.
    package static let memberWidePhase = PlantedBugs(rawValue: 4)
    /// The log is cut behind the checkpoint's watermark, not behind the node's own synced blocks.
    package static let trimByCheckpoint = PlantedBugs(rawValue: 8)
    /// Of two values for one sample the later arrival wins.
    package static let lastWriteWins = PlantedBugs(rawValue: 16)
    /// The checkpoint store does not check epochs.
    package static let noFencing = PlantedBugs(rawValue: 32)
    /// A copy goes on although its source has lost samples since it began.
    package static let copyAcrossLoss = PlantedBugs(rawValue: 64)
}
