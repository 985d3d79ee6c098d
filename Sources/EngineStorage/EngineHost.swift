package import Logging
internal import MetricModel
package import SeriesEngine
internal import Synchronization

/// The store of one node: an engine on a thread of its own, its log, its blocks.
///
/// Arrives: batches (`append`), selections, the orders to seal, sync and close. Leaves: acknowledgements, once the log has what
/// they acknowledge; columns; statistics. Batches wait in a bounded queue; the thread takes all of them, appends them, writes
/// the log once, and answers them together. Next: `EngineThread.swift`; queries: `EngineHost+Select.swift`.
package final class EngineHost: Sendable {
    package let configuration: EngineHostConfiguration
    /// The node's data directory, locked while this host lives.
    package let directory: DataDirectory
    let queue: EngineQueue
    let movementQueueBytesMax: Int
    let cache: BlockCache
    let sealed: SealedCache
    private let figures: FigureBoard
    private let syncer: IntervalSyncer?

    private init(
        configuration: EngineHostConfiguration, directory: DataDirectory, queue: EngineQueue,
        movementQueueBytesMax: Int, cache: BlockCache, sealed: SealedCache, figures: FigureBoard,
        syncer: IntervalSyncer?
    ) {
        self.configuration = configuration
        self.directory = directory
        self.movementQueueBytesMax = movementQueueBytesMax
        self.queue = queue
        self.figures = figures
        self.syncer = syncer
        self.cache = cache
        self.sealed = sealed
    }

    /// Opens the store in a data directory: takes over blocks, replays the log, starts the thread.
    ///
    /// - Parameters:
    ///   - directory: locked by the caller's `DataDirectory`; one host for each.
    ///   - configuration: its `engine.generation` is replaced by the directory's.
    ///   - movement: what a node of a cluster needs; nil where the store keeps whatever it is given.
    ///   - logger: for what the store has to say.
    /// - Returns: the open store.
    /// - Throws: `EngineError`, naming the file that cannot be taken over.
    package static func open(
        directory: DataDirectory, configuration: EngineHostConfiguration, movement: MovementSetup? = nil, logger: Logger
    ) async throws -> EngineHost {
        var engine = EngineConfiguration(generation: directory.generation)
        engine.adopt(configuration.engine)
        var configuration = configuration
        configuration.engine = engine
        let queue = EngineQueue(bytesMax: configuration.queueBytesMax, batchesMax: configuration.queueBatchesMax)
        let figures = FigureBoard()
        let settings = configuration
        // Questions that read whole files want most of it; slot by slot a little goes far.
        let cache = BlockCache(bytesMax: settings.blockCacheBytesMax / 4) { file, slot in
            // Closing, nobody needs to know.
            _ = queue.push { thread in thread.noteDamage(file: file, slots: [slot]) }
        }
        let sealed = SealedCache(
            bytesMax: settings.blockCacheBytesMax / 4 * 3, joinedBytesMax: settings.blockCacheBytesMax,
            now: settings.monotonicClock)
        let target = try await withCheckedThrowingContinuation { (opened: CheckedContinuation<SyncTarget, any Error>) in
            WorkerThread.start(name: "murmur-engine") {
                do throws(EngineError) {
                    let thread = try EngineThread(
                        configuration: settings, directory: directory, queue: queue, cache: cache, sealed: sealed,
                        movement: movement, logger: logger,
                        publish: { figures.set($0) })
                    sealed.prepareNewest(thread.blocks)
                    opened.resume(returning: thread.wal.target)
                    thread.run()
                } catch {
                    opened.resume(throwing: error)
                }
                figures.end()
            }
        }
        var syncer: IntervalSyncer?
        if settings.durability == .interval {
            syncer = IntervalSyncer(target: target, queue: queue, intervalMilliseconds: Int(settings.syncInterval))
        }
        return EngineHost(
            configuration: settings, directory: directory, queue: queue,
            movementQueueBytesMax: movement?.queueBytesMax ?? 0, cache: cache, sealed: sealed, figures: figures,
            syncer: syncer)
    }

    /// The generation that this host's references belong to.
    package var generation: UInt64 { configuration.engine.generation }

    /// Hands a batch to the engine.
    ///
    /// - Parameters:
    ///   - input: the batch.
    ///   - completion: called once, from the engine's thread, or at once when the queue refuses the batch; with
    ///     `.success` when the log has what is accepted, as durably as configured, and the next query sees it.
    package func append(
        _ input: AppendInput, completion: @escaping @Sendable (Result<AppendOutcome, EngineError>) -> Void
    ) {
        let append = QueuedAppend(input: input, size: input.memorySize, completion: completion)
        if let refusal = queue.push(append) {
            completion(.failure(refusal))
        }
    }

    /// Hands a batch to the engine and waits for its outcome.
    package func append(_ input: AppendInput) async throws -> AppendOutcome {
        try await withCheckedThrowingContinuation { waiter in
            append(input) { waiter.resume(with: $0.mapError { $0 as any Error }) }
        }
    }

    /// Seals everything in the head into a block and waits until it is on disk. In a process that ends, `stopping`, no block is opened for questions any
    /// more.
    package func seal(stopping: Bool = false) async throws {
        try await waiting { thread, done in
            if stopping { thread.opensSealed = false }
            thread.requestSeal(done)
        }
    }

    /// Makes everything acknowledged durable: by a sync of the log, or by a seal where the log cannot promise it.
    package func sync() async throws {
        try await waiting { thread, done in thread.requestSync(done) }
    }

    /// Stops: syncs the log, and seals first when asked to. Appends are refused from then on.
    ///
    /// The lock goes with the `DataDirectory`.
    package func close(sealing: Bool = false) async throws {
        var failure: (any Error)?
        do {
            if sealing { try await seal(stopping: true) }
            if configuration.durability != .memory { try await sync() }
        } catch let error as EngineError where error.code == .closed {
            return
        } catch {
            failure = error
        }
        try await onThread { thread in thread.isClosing = true }
        sealed.close()
        syncer?.stop()
        await figures.ended()
        if let failure { throw failure }
    }

    /// The newest figures, at most a group commit old.
    package var statistics: EngineHostStatistics { figures.current }

    /// Times that a block was found in the cache, and that it was not.
    package var blockCacheCounts: (hits: Int, misses: Int) { cache.counts }

    /// Bytes of chunks of block files that are together in memory for queries, those included that only queries at work hold: at most
    /// `block_cache_bytes_max`.
    package var joinedChunkBytes: Int { sealed.joinedBytes }

    /// How many selections were read from block files that are open, and how many slot by slot, as some were not; those that need no block
    /// files are not counted.
    package var selectionReads: (acrossFiles: Int, slotBySlot: Int) {
        let reads = sealed.reads
        return (reads.acrossFiles, reads.slotBySlot)
    }

    /// How many times a block file was read whole, to open it for queries.
    package var wholeFileReads: Int { sealed.reads.files }

    /// Whether block files are being opened for queries.
    package var isOpeningBlocks: Bool { sealed.isOpening }

    /// Runs `body` on the engine's thread, after all that was queued before.
    func onThread<T: Sendable>(
        _ body: @escaping @Sendable (EngineThread) throws(EngineError) -> T
    ) async throws -> T {
        try await withCheckedThrowingContinuation { (waiter: CheckedContinuation<T, any Error>) in
            enqueue(or: { waiter.resume(throwing: $0) }) { thread in
                do throws(EngineError) {
                    waiter.resume(returning: try body(thread))
                } catch {
                    waiter.resume(throwing: error)
                }
            }
        }
    }

    /// Has the engine's thread do something whose end it tells later.
    private func waiting(
        _ request: @escaping @Sendable (EngineThread, @escaping @Sendable (EngineError?) -> Void) -> Void
    ) async throws {
        try await withCheckedThrowingContinuation { (waiter: CheckedContinuation<Void, any Error>) in
            enqueue(or: { waiter.resume(throwing: $0) }) { thread in
                request(thread) { error in
                    if let error { waiter.resume(throwing: error) } else { waiter.resume() }
                }
            }
        }
    }

    private func enqueue(
        or refuse: (EngineError) -> Void, _ task: @escaping @Sendable (EngineThread) -> Void
    ) {
        if let refusal = queue.push(task) { refuse(refusal) }
    }
}

/// Where the engine's thread puts its figures, and its end.
final class FigureBoard: Sendable {
    private struct State {
        var figures = EngineHostStatistics()
        var hasEnded = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    var current: EngineHostStatistics { state.withLock { $0.figures } }

    func set(_ figures: EngineHostStatistics) {
        state.withLock { $0.figures = figures }
    }

    /// The thread is gone.
    func end() {
        let waiters = state.withLock { state in
            state.hasEnded = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Waits until the thread is gone.
    func ended() async {
        await withCheckedContinuation { waiter in
            let isOver = state.withLock { state in
                if !state.hasEnded { state.waiters.append(waiter) }
                return state.hasEnded
            }
            if isOver { waiter.resume() }
        }
    }
}
