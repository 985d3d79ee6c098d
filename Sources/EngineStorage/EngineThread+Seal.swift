internal import Logging
internal import SeriesEngine

/// Where sealing stands.
enum SealState {
    /// Nothing is frozen.
    case idle
    /// A worker writes the frozen head.
    case running
    /// Writing failed; the frozen head is tried again.
    case failed(SealJob, retryAt: Int64)
}

extension EngineThread {
    /// Begins a seal when it is time, the head is full, or somebody waits for one; tries a failed one again.
    func sealIfDue(now: Int64) {
        switch seal {
        case .running:
            return
        case .failed(let job, let retryAt):
            if now >= retryAt || !sealWaiters.isEmpty { startWorker(job) }
        case .idle:
            let isDue =
                !sealWaiters.isEmpty || engine.headSamples >= configuration.headSamplesMax
                || now - lastSealAt >= configuration.sealInterval
            if isDue { beginSeal(now: now) }
        }
    }

    private func beginSeal(now: Int64) {
        lastSealAt = now
        if let failure = rotateLog() {
            answerSealWaiters(failure)
            return
        }
        let head = engine.beginSeal()
        let number = nextBlockNumber
        nextBlockNumber += 1
        startWorker(
            SealJob(
                head: head, catalog: engine.catalog, number: number, coversSegmentsBefore: wal.number,
                createdAt: now, directory: directory))
    }

    /// Encodes and writes on a thread of its own; the engine goes on meanwhile.
    private func startWorker(_ job: SealJob) {
        seal = .running
        let queue = queue
        let clock = configuration.clock
        WorkerThread.start(name: "murmur-seal") {
            let start = clock()
            let result = job.run()
            // When the engine is closed meanwhile, the next start finds the block and cuts the log.
            _ = queue.push { thread in
                thread.sealEnded(result, job: job, milliseconds: clock() - start)
            }
        }
    }

    private func sealEnded(_ result: Result<BlockFile?, any Error>, job: SealJob, milliseconds: Int64) {
        switch result {
        case .success(let file):
            seal = .idle
            if let file { blocks.append(file) }
            engine.finishSeal(now: configuration.clock())
            removeSegments(before: job.coversSegmentsBefore)
            statistics.seals += 1
            statistics.lastSealMilliseconds = milliseconds
            logger.info(
                "sealed",
                metadata: [
                    "block": "\(job.number)", "samples": "\(job.head.sampleCount)", "bytes": "\(file?.size ?? 0)",
                    "milliseconds": "\(milliseconds)",
                ])
            answerSealWaiters(nil)
        case .failure(let error):
            statistics.sealFailures += 1
            seal = .failed(job, retryAt: configuration.clock() + configuration.sealRetryDelay)
            logger.error("seal failed", metadata: ["error": "\(error)"])
            answerSealWaiters(EngineError(.directoryUnusable, "the head cannot be sealed: \(error)"))
        }
    }

    private func answerSealWaiters(_ error: EngineError?) {
        let waiters = sealWaiters
        sealWaiters = nextSealWaiters
        nextSealWaiters = []
        for waiter in waiters { waiter(error) }
    }

    /// Tells those who still wait that the engine is closed.
    func refuseSealWaiters() {
        for waiter in sealWaiters + nextSealWaiters { waiter(EngineError(.closed, "the engine is closed")) }
        sealWaiters = []
        nextSealWaiters = []
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
    let number: UInt32
    let coversSegmentsBefore: UInt32
    /// When the head was frozen, Unix milliseconds.
    let createdAt: Int64
    let directory: DataDirectory

    /// Writes the catalog first, then the block: once the block covers the log, nothing that only the log knew is lost.
    ///
    /// - Returns: the file; nil when the head held no samples and the log nothing that a block must cover.
    func run() -> Result<BlockFile?, any Error> {
        Result {
            try FileDescriptor.replace(directory.catalogPath, with: catalog.encoded())
            var slots = head.rowsBySlot()[...]
            if slots.isEmpty { return nil }
            return try BlockFile.write(
                folder: directory.blocksPath, number: number, coversSegmentsBefore: coversSegmentsBefore,
                createdAt: createdAt
            ) {
                guard let (slot, rows) = slots.popFirst() else { return nil }
                return try head.encodeSlot(slot, rows: rows)
            }
        }
    }
}

extension EngineThread {
    /// Seals what is in the head now; `done` is called when it is on disk, or cannot be.
    ///
    /// When a seal is running, what came after its begin is not in it, so another follows.
    func requestSeal(_ done: @escaping @Sendable (EngineError?) -> Void) {
        if case .running = seal { nextSealWaiters.append(done) } else { sealWaiters.append(done) }
    }

    /// The log could not be synced in the background: what is in memory is made durable as a block.
    func syncFailed(_ error: FileError) {
        statistics.syncFailures += 1
        logger.error("log sync failed; sealing", metadata: ["error": "\(error)"])
        requestSeal { _ in }
    }
}
