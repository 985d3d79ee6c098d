/// What one process of a cluster says of itself: what `GET /api/v1/cluster/node` answers, and others gather.
package struct NodeReport: Codable, Hashable, Sendable {
    /// What it does for its part, measured over the last seconds.
    package struct Load: Codable, Hashable, Sendable {
        /// Samples that it takes: of pushes at a router, copies included at an aggregator.
        package var samplesPerSecond: Double
        /// Processor cores at work.
        package var cores: Double
        /// Memory in RAM.
        package var memoryBytes: Int

        package init(samplesPerSecond: Double, cores: Double, memoryBytes: Int) {
            self.samplesPerSecond = samplesPerSecond
            self.cores = cores
            self.memoryBytes = memoryBytes
        }
    }

    /// What an aggregator keeps.
    package struct Store: Codable, Hashable, Sendable {
        package var series: Int
        /// Samples that are in memory and log alone.
        package var headSamples: Int
        /// Block files.
        package var blockBytes: Int
        /// The disk under the data directory; nil when the system does not say.
        package var diskBytes: Int?
        package var diskFreeBytes: Int?
        /// What is wrong with its files, if anything.
        package var problems: [String]?

        package init(series: Int, headSamples: Int, blockBytes: Int) {
            self.series = series
            self.headSamples = headSamples
            self.blockBytes = blockBytes
        }
    }

    /// How far the checkpoint is behind an aggregator's blocks.
    package struct Checkpoint: Codable, Hashable, Sendable {
        /// `SQLite` or `PostgreSQL`.
        package var kind: String
        /// Blocks that it lacks, and how long the oldest of them has been waiting; 0 when it lacks none.
        package var pendingBytes: Int
        package var secondsBehind: Int
        /// Uploads that failed since the start.
        package var failures: Int
        /// Databases that it cannot use, if any, and those of them that keep another cluster's checkpoint.
        package var away: [String]?
        package var others: [String]?

        package init(kind: String, pendingBytes: Int, secondsBehind: Int, failures: Int) {
            self.kind = kind
            self.pendingBytes = pendingBytes
            self.secondsBehind = secondsBehind
            self.failures = failures
        }
    }

    /// Slots on their way to an aggregator, or away from it.
    package struct Move: Codable, Hashable, Sendable {
        /// Slots that it is about, those that are left, and those of them that are being copied at this moment.
        package var slots: Int
        package var slotsLeft: Int
        package var slotsCopying: Int
        /// How long it goes on.
        package var seconds: Int
        /// What passed since it began, and what passes a second now. Samples are counted where they arrive.
        package var bytes: Int
        package var bytesPerSecond: Int
        package var samples: Int
        package var samplesPerSecond: Int
        /// How long it may still take; nil while nothing gets on.
        package var secondsLeft: Int?

        package init(
            slots: Int, slotsLeft: Int, slotsCopying: Int, seconds: Int, bytes: Int, bytesPerSecond: Int, samples: Int,
            samplesPerSecond: Int, secondsLeft: Int?
        ) {
            self.slots = slots
            self.slotsLeft = slotsLeft
            self.slotsCopying = slotsCopying
            self.seconds = seconds
            self.bytes = bytes
            self.bytesPerSecond = bytesPerSecond
            self.samples = samples
            self.samplesPerSecond = samplesPerSecond
            self.secondsLeft = secondsLeft
        }
    }

    package var name: String
    package var roles: [String]
    /// Its program's version.
    package var version: String
    /// Whether it can do its work, and if not why.
    package var isReady: Bool
    package var waitingFor: [String]
    /// How long it runs.
    package var seconds: Int
    /// Unix milliseconds there.
    package var time: Int64
    /// Nil in its first seconds.
    package var load: Load?
    /// Nil for a process that keeps nothing.
    package var store: Store?
    package var checkpoint: Checkpoint?
    /// Its slots in numbers; nil for a process that keeps none, or all of them alone.
    package var slots: ClusterStatus.Slots?
    package var gains: Move?
    package var gives: Move?
    /// How far it is with each slot: `.` nothing, `r` waits for its turn to copy, `c` copies, `a` has copied and tells the others, `h` holds but
    /// may not be read alone now, `w` whole, `s` has samples for another or drops them soon. Nil for a process that keeps no slots.
    package var states: SlotLetters?

    package init(
        name: String, roles: [String], version: String, isReady: Bool, waitingFor: [String], seconds: Int, time: Int64
    ) {
        self.name = name
        self.roles = roles
        self.version = version
        self.isReady = isReady
        self.waitingFor = waitingFor
        self.seconds = seconds
        self.time = time
    }
}
