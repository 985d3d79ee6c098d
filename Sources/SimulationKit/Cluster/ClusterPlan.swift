import SeededRandom
package import SlotMovement

/// Kinds of faults that a cluster simulation may inject.
package struct ClusterFaults: OptionSet, Hashable, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// Messages lost, repeated, late and reordered.
    package static let noise = ClusterFaults(rawValue: 1)
    /// Links cut in one or both directions.
    package static let partitions = ClusterFaults(rawValue: 2)
    /// Processes killed and started again, one or all at once.
    package static let kills = ClusterFaults(rawValue: 4)
    /// Machines that lose their power and what was not synced.
    package static let powerCuts = ClusterFaults(rawValue: 8)
    /// Disks replaced by empty ones.
    package static let wipes = ClusterFaults(rawValue: 16)
    /// Processes stopped for seconds, of any role.
    package static let stalls = ClusterFaults(rawValue: 32)
    /// Clocks too fast, too slow and wrong.
    package static let clocks = ClusterFaults(rawValue: 64)
    /// Members that join, are drained, die for so long that they are replaced, and come back.
    package static let changes = ClusterFaults(rawValue: 128)
    /// The checkpoint database is away.
    package static let databaseAway = ClusterFaults(rawValue: 256)

    /// All disks of all members lost at once, after which the checkpoint is all there is.
    package static let disasters = ClusterFaults(rawValue: 512)

    /// Blocks that cannot be read any more, of one slot at one member.
    package static let rot = ClusterFaults(rawValue: 1_024)

    /// All of them.
    package static let all = ClusterFaults(rawValue: 2_047)
}

/// One run of a simulated cluster, fully described: a plan gives the same run each time.
package struct ClusterPlan: Sendable {
    /// Decides everything that this plan leaves open.
    package var seed: UInt64
    /// Aggregators at the start, and how many may join.
    package var aggregators = 4
    package var joiners = 2
    package var routers = 2
    package var coordinators = 1
    /// A power of two.
    package var slots = 4
    package var replicationFactor = 2
    /// Whether a record is synced before it is answered for, or five times a second.
    package var syncsEachRecord = false
    /// Between two pushes of a router; microseconds.
    package var pushPause = 50_000...250_000
    /// A member that is drained at the first moment of the faults.
    package var drained: Int?
    package var faults = ClusterFaults.all
    /// How long faults befall the cluster, and how long it may take to heal afterwards; seconds of virtual time.
    package var faultSeconds: Int64 = 90
    package var healSeconds: Int64 = 240
    package var limits: MovementLimits
    /// How long a member stays dead before others take its place; microseconds.
    package var replacementDelay: Int64 = 30_000_000
    package var bugs: PlantedBugs = []
    /// Whether a node that cuts its log now and then has no room for the oldest batches that others may still miss.
    package var forgetsBatches = false
    /// Whether the report has every event.
    package var traces = false

    /// A cluster whose shape, durability and kinds of faults the seed chooses.
    package init(seed: UInt64) {
        self.seed = seed
        var limits = MovementLimits()
        limits.isolationWait = 10_000_000
        limits.recoveryWait = 60_000_000
        limits.repairInterval = 3_000_000
        self.limits = limits
        var random = SplitMix64(seed: seed ^ 0x6D75_726D_7572)
        aggregators = random.number(in: 3...6)
        joiners = random.number(in: 0...min(3, 9 - aggregators))
        slots = 1 << random.number(in: 1...3)
        replicationFactor = random.number(in: 1...min(3, aggregators))
        if random.chance(perMillion: 500_000) { replicationFactor = 2 }
        syncsEachRecord = random.chance(perMillion: 400_000)
        // Some runs have few kinds of faults, so that each goes on for long enough to matter alone.
        if random.chance(perMillion: 500_000) {
            faults = ClusterFaults(rawValue: UInt32(random.number(in: 1...2_047)))
        }
        // Some runs have bounds that are reached all the time.
        if random.chance(perMillion: 400_000) { self.limits.owedBatchesMax = random.number(in: 1...8) }
        forgetsBatches = random.chance(perMillion: 300_000)
        if random.chance(perMillion: 300_000) { self.limits.recentSlotsMax = random.number(in: 1...40) }
        if random.chance(perMillion: 200_000) { self.limits.waitingStoresMax = random.number(in: 1...4) }
        if random.chance(perMillion: 300_000) {
            self.limits.paidBatchesMax = random.number(in: 1...4)
            self.limits.paidSlotsMax = random.number(in: 1...4)
            self.limits.copiedSlotsMax = random.number(in: 1...2)
            self.limits.registeredSlotsMax = random.number(in: 1...4)
        }
        // Some runs have no moment at which a slot is at rest.
        if random.chance(perMillion: 60_000) {
            slots = 2
            pushPause = 20_000...60_000
            faultSeconds = 45
        }
    }
}

/// What became of a run.
package struct ClusterReport: Sendable {
    /// What is wrong, with the moment; nil for a run in which nothing is.
    package var failure: String?
    package var seed: UInt64 = 0
    /// Microseconds of virtual time.
    package var simulated: Int64 = 0
    package var occurrences = 0
    package var faultsInjected = 0
    package var samplesAcknowledged = 0
    package var writesFailed = 0
    package var readsWhole = 0
    package var readsUnited = 0
    package var readsIncomplete = 0
    package var checkpointWrites = 0
    package var writersFenced = 0
    /// Samples that one holder had, another had not, and repair brought over.
    package var samplesRepaired = 0
    /// How often every disk was lost at once.
    package var disasters = 0
    /// Slots that a member was owed altogether from then on, and that it had copied anew or needed no more.
    package var slotsOwedAll = 0
    package var slotsSettled = 0
    /// When the cluster was whole again, after faults ended; microseconds.
    package var healed: Int64 = 0
    /// From the end of faults until then; microseconds.
    package var healingTime: Int64 = 0
    package var trace: [String] = []
}
