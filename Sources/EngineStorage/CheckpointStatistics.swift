/// What the uploader has done since its start.
package struct CheckpointStatistics: Sendable, Equatable {
    /// Slot blocks that the store has committed.
    package var uploadedBlocks = 0
    /// Their bytes.
    package var uploadedBytes = 0
    /// Their samples.
    package var uploadedSamples = 0
    /// Attempts that failed.
    package var failures = 0
    /// Slots that another writer has taken over.
    package var fencedSlots = 0
    /// Slot blocks fetched into a lost data directory.
    package var restoredBlocks = 0

    /// All zero.
    package init() {}
}
