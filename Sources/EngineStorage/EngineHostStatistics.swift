package import SeriesEngine

/// What a host says about itself: counters since its start, gauges where noted.
package struct EngineHostStatistics: Sendable, Equatable {
    package var engine = EngineStatistics()
    /// Series in the table (gauge).
    package var series = 0
    /// Samples in memory that no block holds yet (gauge).
    package var headSamples = 0
    /// Bytes written to the log.
    package var walBytes = 0
    /// Writes to the log: group commits.
    package var walWrites = 0
    /// Group commits that failed.
    package var walFailures = 0
    /// Syncs that failed.
    package var syncFailures = 0
    /// Batches refused because the head is too full.
    package var overloads = 0
    package var seals = 0
    package var sealFailures = 0
    /// Time of the last good seal, milliseconds (gauge).
    package var lastSealMilliseconds: Int64 = 0
    /// Block files on disk (gauge).
    package var blockFiles = 0
    /// Slot blocks that turned out to be unreadable.
    package var damagedSlotBlocks = 0
    /// Of all that ever did, those whose samples are still to come from elsewhere (gauge).
    package var unreplacedSlotBlocks = 0
    /// Block files that are gone and that the checkpoint is not known to have: what answers lack.
    package var lostBlocks: [LostBlock] = []
    /// Bytes of block files on disk (gauge).
    package var blockBytes = 0
    /// Block files dropped by retention.
    package var blocksDropped = 0
    /// Bytes of block files that the checkpoint does not have yet (gauge).
    package var pendingCheckpointBytes = 0
    /// Segments replayed at the start.
    package var replayedSegments = 0
    /// Samples replayed at the start.
    package var replayedSamples = 0
    /// Bytes of log dropped at the start: torn tails and damage.
    package var replayDroppedBytes = 0
    /// Pages, digests and repairs of slots that were not made because too many waited.
    package var movementJobsRefused = 0
    /// How the slots stood at the last look, at most a second ago; nil where no machine keeps them.
    package var movement: MovementStatus?
    /// How long the replay took, milliseconds.
    package var replayMilliseconds: Int64 = 0

    /// All zero.
    package init() {}

    /// What is wrong with the store's files, in words.
    package var fileProblems: [String] {
        var problems = LostBlock.problems(of: lostBlocks).map { "samples are missing: \($0)" }
        if damagedSlotBlocks > 0 {
            problems.append(Self.slotBlocks(damagedSlotBlocks) + " could not be read since its start")
        }
        if unreplacedSlotBlocks > 0 {
            problems.append(
                Self.slotBlocks(unreplacedSlotBlocks) + " that cannot be read wait for what others have of them")
        }
        return problems
    }

    private static func slotBlocks(_ count: Int) -> String { count == 1 ? "1 slot block" : "\(count) slot blocks" }
}
