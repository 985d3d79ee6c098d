internal import Logging
internal import SeriesEngine
internal import Synchronization

/// Where sealing stands.
enum SealState {
    /// Nothing is frozen.
    case idle
    /// A worker writes the frozen head.
    case running
    /// Writing failed; the frozen head is tried again at that time of the monotonic clock, or when somebody waits.
    case failed(SealJob, retryAt: Int64)
}

/// Runs something at the first call, and never again.
private final class Once: Sendable {
    private let body: @Sendable () -> Void
    private let hasRun = Mutex(false)

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }

    func run() {
        let isFirst = hasRun.withLock { hasRun in
            defer { hasRun = true }
            return !hasRun
        }
        if isFirst { body() }
    }
}

extension EngineThread {
    /// `block_open_patience`: for so long a block is kept from questions while it is opened for them. What it holds stays in memory and log meanwhile.
    private static let preparationPatience = Duration.seconds(10)

    /// Begins a seal when it is time, the head is full, the log could not be synced, or somebody waits for one; tries a failed
    /// one again.
    ///
    /// - Parameter now: monotonic milliseconds.
    func sealIfDue(now: Int64) {
        switch seal {
        case .running:
            return
        case .failed(let job, let retryAt):
            if now >= retryAt || !nextSealWaiters.isEmpty { startWorker(job) }
        case .idle:
            let isDue =
                wal.mustSeal || engine.headSamples >= configuration.headSamplesMax
                || now - lastSealAt >= configuration.sealInterval
            if !sealWaiters.isEmpty || isDue && now >= sealBlockedUntil { beginSeal(now: now) }
        }
    }

    private func beginSeal(now: Int64) {
        if let failure = rotateLog() {
            sealBlockedUntil = now + configuration.sealRetryDelay
            refuseSealWaiters(failure)
            return
        }
        if let failure = keepOpenRecords() {
            sealBlockedUntil = now + configuration.sealRetryDelay
            refuseSealWaiters(failure)
            return
        }
        dropped.forget(before: blocks.first?.number ?? nextBlockNumber)
        let head = engine.beginSeal()
        lastSealAt = now
        // All that any sync has missed is frozen now, and what is frozen is tried until it is on disk.
        isFrozenUnsynced = wal.mustSeal
        wal.mustSeal = false
        let number = nextBlockNumber
        nextBlockNumber += 1
        startWorker(
            SealJob(
                head: head, catalog: engine.catalog, dropped: dropped, number: number,
                coversSegmentsBefore: wal.number, createdAt: configuration.clock(), directory: directory))
    }

    /// Encodes and writes on a thread of its own; the engine goes on meanwhile, and questions find the samples in the frozen head until they are
    /// as quick to be found in the file.
    private func startWorker(_ job: SealJob) {
        seal = .running
        let queue = queue
        let sealed = opensSealed ? sealed : nil
        let clock = configuration.monotonicClock
        WorkerThread.start(name: "murmur-seal") {
            let start = clock()
            let result = job.run()
            let milliseconds = clock() - start
            // When the engine is closed meanwhile, the next start finds the block and cuts the log.
            let end = Once {
                _ = queue.push { thread in
                    thread.sealEnded(result, job: job, milliseconds: milliseconds)
                }
            }
            guard let sealed, case .success(let file?) = result else { return end.run() }
            Task {
                let patience = Task {
                    if (try? await Task.sleep(for: Self.preparationPatience)) != nil { end.run() }
                }
                await sealed.prepare(file)
                patience.cancel()
                end.run()
            }
        }
    }

    private func sealEnded(_ result: Result<BlockFile?, any Error>, job: SealJob, milliseconds: Int64) {
        switch result {
        case .success(let file):
            seal = .idle
            isFrozenUnsynced = false
            if let file { blocks.append(visible(file)) }
            engine.finishSeal(now: configuration.clock(), keeping: { self.movement?.ledger.references ?? [] })
            removeSegments(before: job.coversSegmentsBefore)
            statistics.seals += 1
            statistics.lastSealMilliseconds = milliseconds
            logger.info(
                "sealed",
                metadata: [
                    "block": "\(job.number)", "samples": "\(job.head.sampleCount)", "bytes": "\(file?.size ?? 0)",
                    "milliseconds": "\(milliseconds)",
                ])
            // Who has waited for a seal finds it in the figures.
            publishStatistics()
            answerSealWaiters()
        case .failure(let error):
            statistics.sealFailures += 1
            seal = .failed(job, retryAt: configuration.monotonicClock() + configuration.sealRetryDelay)
            logger.error("seal failed", metadata: ["error": "\(error)"])
            publishStatistics()
            refuseSealWaiters(EngineError(.directoryUnusable, "the head cannot be sealed: \(error)"))
        }
    }

    private func answerSealWaiters() {
        let waiters = sealWaiters
        sealWaiters = nextSealWaiters
        nextSealWaiters = []
        for waiter in waiters { waiter(nil) }
    }

    /// Tells all who wait that nothing can be sealed: neither what is frozen nor, before that is, what came after.
    func refuseSealWaiters(_ error: EngineError) {
        let waiters = sealWaiters + nextSealWaiters
        sealWaiters = []
        nextSealWaiters = []
        for waiter in waiters { waiter(error) }
    }

    /// Removes the log segments that synced blocks cover.
    func removeSegments(before number: UInt32) {
        do throws(FileError) {
            for segment in try WALWriter.segments(in: directory.walPath) where segment < number {
                try SystemCalls.remove(WALWriter.path(directory.walPath, segment))
            }
        } catch {
            // They are covered: the next start or seal removes them.
            logger.warning("log segment not removed", metadata: ["error": "\(error)"])
        }
    }
}

/// One attempt to write a frozen head as a block file.
struct SealJob: Sendable {
    let head: FrozenHead
    let catalog: Catalog
    /// What was dropped before the head was frozen: known to the log's segments that the block will cover.
    let dropped: DropMask
    let number: UInt32
    let coversSegmentsBefore: UInt32
    /// When the head was frozen, Unix milliseconds.
    let createdAt: Int64
    let directory: DataDirectory

    /// Writes the catalog and the mark of dropped slots first, then the block: once the block covers the log, nothing that only the log knew is lost.
    ///
    /// - Returns: the file; nil when the head held no samples and the log nothing that a block must cover.
    func run() -> Result<BlockFile?, any Error> {
        Result {
            try FileDescriptor.replace(directory.catalogPath, with: catalog.encoded())
            if try !dropped.isEmpty || SystemCalls.exists(directory.droppedPath) {
                try FileDescriptor.replace(directory.droppedPath, with: dropped.encoded)
            }
            var slots = head.rowsBySlot()[...]
            if slots.isEmpty { return nil }
            let file = try BlockFile.write(
                folder: directory.blocksPath, number: number, coversSegmentsBefore: coversSegmentsBefore,
                createdAt: createdAt
            ) {
                guard let (slot, rows) = slots.popFirst() else { return nil }
                return try head.encodeSlot(slot, rows: rows)
            }
            try LocalMark.set(file.path, minTime: file.minTime, maxTime: file.maxTime)
            return file
        }
    }
}

extension EngineThread {
    /// Seals what is in the head now; `done` is called when it is on disk, or cannot be.
    ///
    /// When a head is frozen, what came after is not in it, so another seal follows.
    func requestSeal(_ done: @escaping @Sendable (EngineError?) -> Void) {
        if case .idle = seal { sealWaiters.append(done) } else { nextSealWaiters.append(done) }
    }

    /// Makes durable what was acknowledged so far; `done` is called when it is, or cannot be.
    ///
    /// A sync of the segment that is written says nothing of an earlier one whose sync failed: what that holds is on its way into
    /// a block. With `durability: memory` no earlier segment was synced.
    func requestSync(_ done: @escaping @Sendable (EngineError?) -> Void) {
        let isKnown = wal.mustSeal
        do throws(FileError) { try wal.sync() } catch { if !isKnown { syncFailed(error) } }
        if wal.mustSeal || isFrozenUnsynced || configuration.durability == .memory {
            requestSeal(done)
        } else {
            done(nil)
        }
    }

    /// The log could not be synced: what is in memory is made durable as a block.
    func syncFailed(_ error: FileError) {
        statistics.syncFailures += 1
        logger.error("log sync failed; sealing", metadata: ["error": "\(error)"])
        wal.mustSeal = true
    }
}
