internal import Glibc
package import MetricModel
package import SeriesEngine

/// When the log is synced.
package enum Durability: String, Sendable, CaseIterable {
    /// Before each acknowledgement: survives the loss of power.
    case fsync
    /// Every 200 ms: survives the process's death at once, the machine's but for the last 200 ms.
    case interval
    /// Never: survives the process's death.
    case memory
}

/// Settings of an engine's host. Times are milliseconds unless they say otherwise.
package struct EngineHostConfiguration: Sendable {
    package var engine: EngineConfiguration
    /// `durability`
    package var durability = Durability.interval
    /// `sync_interval`: how often the log is synced with `durability: interval`.
    package var syncInterval: Int64 = 200
    /// `seal_interval`: the head is sealed at least this often.
    package var sealInterval: Int64 = 600_000
    /// `head_samples_max`: the head is sealed when it holds this many; at twice as many ingest is refused.
    package var headSamplesMax = 20_000_000
    /// `wal_segment_bytes_max`: a longer segment is followed by a new one.
    package var walSegmentBytesMax = 128 << 20
    /// `ingest_queue_bytes_max`: batches waiting for the engine.
    package var queueBytesMax = 128 << 20
    /// `ingest_queue_batches_max`: batches waiting for the engine.
    package var queueBatchesMax = 4096
    /// `group_commit_bytes_max`: log bytes that go into one write.
    package var groupCommitBytesMax = 8 << 20
    /// `block_cache_bytes_max`: parsed indexes and chunk data of blocks kept in memory.
    package var blockCacheBytesMax = 256 << 20
    /// `select_batch_samples_max`: samples that a query's batch aims at.
    package var selectBatchSamplesMax = 65_536
    /// `pending_checkpoint_bytes`: block bytes that may wait for the checkpoint before ingest is refused; `Int.max` without one.
    package var pendingCheckpointBytesMax = Int.max
    /// `seal_retry_delay`: after a seal that failed.
    package var sealRetryDelay: Int64 = 10_000
    /// The deletions of a tenant that are known at that moment: what they hide is not read.
    package var deletions: @Sendable (TenantID) -> [Deletion] = { _ in [] }
    /// The wall clock, Unix milliseconds; tests bring their own.
    package var clock: @Sendable () -> Int64
    /// Monotonic milliseconds, for intervals and delays; tests bring their own.
    package var monotonicClock: @Sendable () -> Int64 = { MonotonicClock.now() }

    /// Defaults throughout.
    package init(engine: EngineConfiguration, clock: @escaping @Sendable () -> Int64 = { WallClock.now() }) {
        self.engine = engine
        self.clock = clock
    }
}

/// The machine's clock.
package enum WallClock {
    /// Unix milliseconds.
    package static func now() -> Int64 { SystemCalls.now(CLOCK_REALTIME) }
}

/// The machine's clock that nobody sets: for intervals and delays.
package enum MonotonicClock {
    /// Milliseconds since some time in the past.
    package static func now() -> Int64 { SystemCalls.now(CLOCK_MONOTONIC) }
}
