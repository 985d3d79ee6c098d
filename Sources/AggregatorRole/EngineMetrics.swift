import EngineStorage
import HTTPSurface
import SeriesEngine

/// The engine's figures among the process' own metrics; docs/operating.md lists them.
enum EngineMetrics {
    static func register(_ host: EngineHost, in metrics: MetricsRegistry) {
        samples(host, metrics)
        log(host, metrics)
        blocks(host, metrics)
    }

    /// The checkpoint's figures; what waits for it is among the engine's.
    static func register(_ uploader: CheckpointUploader, in metrics: MetricsRegistry) {
        metrics.counter("murmur_checkpoint_uploaded_samples_total", help: "Samples that the checkpoint has committed.")
        {
            Double(uploader.statistics.uploadedSamples)
        }
        metrics.counter("murmur_checkpoint_uploaded_blocks_total", help: "Slot blocks that it has committed.") {
            Double(uploader.statistics.uploadedBlocks)
        }
        metrics.counter("murmur_checkpoint_uploaded_bytes_total", help: "Bytes of these blocks.") {
            Double(uploader.statistics.uploadedBytes)
        }
        metrics.counter("murmur_checkpoint_failures_total", help: "Uploads that failed; retried.") {
            Double(uploader.statistics.failures)
        }
        metrics.counter(
            "murmur_checkpoint_fenced_slots_total", help: "Writes refused because another node had taken the slot over."
        ) { Double(uploader.statistics.fencedSlots) }
        for (index, server) in uploader.serverStatus.enumerated() {
            registerServer(index, [("server", server.name)], uploader, in: metrics)
        }
        metrics.gauge("murmur_checkpoint_restored_blocks", help: "Slot blocks fetched into a lost data directory.") {
            Double(uploader.statistics.restoredBlocks)
        }
    }

    private static func registerServer(
        _ index: Int, _ labels: [MetricsRegistry.LabelPair], _ uploader: CheckpointUploader,
        in metrics: MetricsRegistry
    ) {
        metrics.gauge("murmur_checkpoint_server_up", help: "1 while the server answers.", labels: labels) {
            uploader.serverStatus[index].isAway ? 0 : 1
        }
        metrics.gauge(
            "murmur_checkpoint_server_pending_bytes", help: "Bytes of block files that wait for the server.",
            labels: labels
        ) { Double(uploader.serverStatus[index].pendingBytes) }
        metrics.gauge(
            "murmur_checkpoint_server_lag_seconds", help: "Age of the oldest block file that waits for the server.",
            labels: labels
        ) { uploader.serverStatus[index].lagSeconds(at: WallClock.now()) }
        metrics.gauge(
            "murmur_checkpoint_server_slots", help: "Slots whose history, or a part of it, the server has.",
            labels: labels
        ) { Double(uploader.serverStatus[index].slotCount) }
    }

    /// The slots' figures, of a node that keeps them among others.
    static func registerSlots(
        _ host: EngineHost, _ link: MovementLink, hasAllCopies: @escaping @Sendable () -> Bool,
        in metrics: MetricsRegistry
    ) {
        metrics.gauge("murmur_slots_held", help: "Slots in the held set.") {
            Double(host.statistics.movement?.holds ?? 0)
        }
        metrics.gauge("murmur_slots_whole", help: "Held slots that this node may be read alone for.") {
            Double(host.statistics.movement?.whole ?? 0)
        }
        metrics.gauge(
            "murmur_slots_awaiting_checkpoint", help: "Wanted slots of which the checkpoint may have more than is here."
        ) { Double(host.statistics.movement?.awaitingCheckpoint ?? 0) }
        metrics.gauge("murmur_movement_batches_owed", help: "Batches that other aggregators miss.") {
            Double(host.statistics.movement?.batchesOwed ?? 0)
        }
        metrics.gauge(
            "murmur_movement_settled",
            help:
                "1 while nothing is left to move, to pay or to drop here, and the cluster has as many copies as it wants."
        ) { host.statistics.movement?.isSettled == true && hasAllCopies() ? 1 : 0 }
        metrics.counter(
            "murmur_movement_jobs_refused_total", help: "Pages and digests put off because too many waited."
        ) { Double(host.statistics.movementJobsRefused) }
        metrics.counter(
            "murmur_movement_messages_dropped_total", help: "Messages about slots dropped because too many waited."
        ) { Double(link.droppedMessages) }
    }

    private static func samples(_ host: EngineHost, _ metrics: MetricsRegistry) {
        metrics.counter("murmur_engine_samples_appended_total", help: "Samples taken into the head.") {
            Double(host.statistics.engine.appended)
        }
        metrics.counter("murmur_engine_samples_rejected_total", help: "Samples refused for their time or series.") {
            Double(host.statistics.engine.rejected)
        }
        metrics.counter("murmur_engine_samples_late_total", help: "Samples taken that came out of order.") {
            Double(host.statistics.engine.late)
        }
        metrics.counter(
            "murmur_engine_unknown_references_total", help: "Samples whose series reference was not known; retried."
        ) { Double(host.statistics.engine.unknownReferences) }
        metrics.gauge("murmur_engine_series", help: "Series in the table.") { Double(host.statistics.series) }
        metrics.counter("murmur_engine_series_defined_total", help: "Series defined.") {
            Double(host.statistics.engine.seriesDefined)
        }
        metrics.gauge("murmur_engine_head_samples", help: "Samples in memory that no block holds yet.") {
            Double(host.statistics.headSamples)
        }
        metrics.counter("murmur_engine_overloads_total", help: "Batches refused because the head was full.") {
            Double(host.statistics.overloads)
        }
    }

    private static func log(_ host: EngineHost, _ metrics: MetricsRegistry) {
        metrics.counter("murmur_wal_bytes_total", help: "Bytes written to the log.") {
            Double(host.statistics.walBytes)
        }
        metrics.counter("murmur_wal_writes_total", help: "Writes to the log: group commits.") {
            Double(host.statistics.walWrites)
        }
        metrics.counter("murmur_wal_failures_total", help: "Group commits that failed.") {
            Double(host.statistics.walFailures)
        }
        metrics.counter("murmur_wal_sync_failures_total", help: "Syncs of the log that failed.") {
            Double(host.statistics.syncFailures)
        }
        metrics.gauge("murmur_wal_replayed_samples", help: "Samples replayed from the log at the start.") {
            Double(host.statistics.replayedSamples)
        }
        metrics.gauge("murmur_wal_replay_dropped_bytes", help: "Torn or damaged bytes of log dropped at the start.") {
            Double(host.statistics.replayDroppedBytes)
        }
        metrics.gauge("murmur_wal_replay_seconds", help: "How long the replay took.") {
            Double(host.statistics.replayMilliseconds) / 1000
        }
    }

    private static func blocks(_ host: EngineHost, _ metrics: MetricsRegistry) {
        metrics.counter("murmur_seals_total", help: "Seals of the head into a block file.") {
            Double(host.statistics.seals)
        }
        metrics.counter("murmur_seal_failures_total", help: "Seals that failed; retried.") {
            Double(host.statistics.sealFailures)
        }
        metrics.gauge("murmur_block_files", help: "Block files on disk.") { Double(host.statistics.blockFiles) }
        metrics.gauge("murmur_block_bytes", help: "Bytes of block files on disk.") {
            Double(host.statistics.blockBytes)
        }
        metrics.counter("murmur_damaged_slot_blocks_total", help: "Slot blocks found to be unreadable on disk.") {
            Double(host.statistics.damagedSlotBlocks)
        }
        metrics.counter("murmur_blocks_dropped_total", help: "Block files dropped by retention.") {
            Double(host.statistics.blocksDropped)
        }
        metrics.gauge("murmur_checkpoint_pending_bytes", help: "Bytes of blocks that the checkpoint lacks.") {
            Double(host.statistics.pendingCheckpointBytes)
        }
        metrics.gauge("murmur_block_cache_bytes_max", help: "Memory that blocks which queries read may take.") {
            Double(host.configuration.blockCacheBytesMax)
        }
        let selections = "Selections that queries made, by whether the block files that they read were open."
        metrics.counter("murmur_selections_total", help: selections, labels: [("blocks", "open")]) {
            Double(host.selectionReads.acrossFiles)
        }
        metrics.counter("murmur_selections_total", help: selections, labels: [("blocks", "slot_by_slot")]) {
            Double(host.selectionReads.slotBySlot)
        }
        metrics.counter("murmur_block_files_read_total", help: "Block files read whole, to open them for queries.") {
            Double(host.wholeFileReads)
        }
        metrics.counter("murmur_block_cache_hits_total", help: "Blocks found in the cache.") {
            Double(host.blockCacheCounts.hits)
        }
        metrics.counter("murmur_block_cache_misses_total", help: "Blocks read from disk.") {
            Double(host.blockCacheCounts.misses)
        }
    }
}
