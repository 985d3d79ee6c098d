internal import Logging
internal import SeriesEngine

/// What the engine's thread owns: the engine, the log, the list of blocks. Everything here runs on that thread.
///
/// Next: `EngineThread+Append.swift` (group commit), `+Seal.swift`, `+Recovery.swift`.
final class EngineThread {
    let configuration: EngineHostConfiguration
    let directory: DataDirectory
    let queue: EngineQueue
    let cache: BlockCache
    let sealed: SealedCache
    let logger: Logger
    /// Called on this thread with the newest figures.
    let publish: @Sendable (EngineHostStatistics) -> Void

    var engine: Engine
    var wal: WALWriter
    /// By ascending number, which is the order of sealing.
    var blocks: [BlockFile] = []
    /// Files whose slot blocks the checkpoint has.
    var uploaded: Set<UInt32> = []
    /// Files that were here when they were last seen, and that the checkpoint is not known to have.
    var lostBlocks: [LostBlock] = []
    var nextBlockNumber: UInt32 = 1
    var statistics = EngineHostStatistics()

    /// What is prepared and not yet in the log.
    var group: [GroupEntry] = []
    /// Its records.
    var records: [UInt8] = []
    /// The slots' machine, in a cluster.
    var movement: MovementState?
    /// The log could not take the group: nothing else is prepared until it has.
    var isStalled = false
    /// Slots that were dropped and are still in block files.
    var dropped = DropMask()
    /// By file, slot blocks that cannot be read any more.
    var damaged: [UInt32: [UInt16: DamageMark.Fate]] = [:]
    /// Files that were looked through for damage, or wait for it, and those that wait.
    var verified: Set<UInt32> = []
    var unverified: [BlockFile] = []
    var isVerifying = false
    /// Records that were acknowledged are not there any more.
    var hasLostRecords = false

    var seal: SealState = .idle
    /// Whether what is sealed is opened for questions before they can ask for it.
    var opensSealed = true
    /// The log lacks, for all that is known, some of what is frozen.
    var isFrozenUnsynced = false
    // Of the monotonic clock: when the head was last frozen, when it may be again after the log failed, when retention last acted; when a log that cannot be written was told of.
    var lastSealAt: Int64
    var sealBlockedUntil: Int64 = .min
    var logFailureToldAt: Int64?
    var lastRetentionAt: Int64 = .min
    var isClosing = false
    /// Who waits for the end of the seal that runs, or that is to be begun.
    var sealWaiters: [@Sendable (EngineError?) -> Void] = []
    /// Who waits for the seal after the one that runs, or that failed and is tried again.
    var nextSealWaiters: [@Sendable (EngineError?) -> Void] = []

    /// - Throws: `EngineError`, when what is on disk cannot be taken over.
    init(
        configuration: EngineHostConfiguration, directory: DataDirectory, queue: EngineQueue, cache: BlockCache,
        sealed: SealedCache, movement setup: MovementSetup?, logger: Logger,
        publish: @escaping @Sendable (EngineHostStatistics) -> Void
    ) throws(EngineError) {
        self.configuration = configuration
        self.directory = directory
        self.queue = queue
        self.cache = cache
        self.sealed = sealed
        self.logger = logger
        self.publish = publish
        engine = Engine(configuration: configuration.engine)
        wal = WALWriter(
            folder: directory.walPath, generation: configuration.engine.generation,
            version: Self.logVersion(setup),
            durability: configuration.durability, after: 0)
        lastSealAt = configuration.monotonicClock()
        try recover(setup)
        publishStatistics()
    }

    /// Works until closed.
    func run() {
        while !isClosing {
            let commands = queue.takeAll(waitingMilliseconds: movement == nil ? 250 : 100)
            perform(commands)
            tick()
            publishStatistics()
        }
        perform(queue.close())
        refuseSealWaiters(EngineError(.closed, "the engine is closed"))
        endMovement()
        publishStatistics()
    }

    private func perform(_ commands: [EngineCommand]) {
        for command in commands {
            switch command {
            case .append(let append): prepare(append)
            case .store(let store): take(store)
            case .movement(let movement): take(movement)
            case .run(let task):
                commitGroup()
                task(self)
            }
            if records.count >= configuration.groupCommitBytesMax { commitGroup() }
        }
        commitGroup()
    }

    private func tick() {
        let now = configuration.monotonicClock()
        if isStalled { return commitGroup() }
        tickMovement()
        sealIfDue(now: now)
        if now - Self.retentionInterval >= lastRetentionAt {
            lastRetentionAt = now
            applyRetention(now: configuration.clock())
        }
    }

    /// The version of a log without histograms.
    static func logVersion(_ setup: MovementSetup?) -> UInt8 {
        setup == nil ? WALSegmentHeader.version : WALSegmentHeader.clusterVersion
    }

    private static var retentionInterval: Int64 { 60_000 }

    /// Drops block files that lie wholly before the retention.
    func applyRetention(now: Int64) {
        guard configuration.engine.retention > 0 else { return }
        let oldest = now - configuration.engine.retention
        func isOver(_ file: BlockFile) -> Bool {
            // Of what is hidden as damaged it is still to be told.
            file.maxTime < oldest && (damaged[file.number] == nil || file.whole.maxTime < oldest)
        }
        for file in blocks where isOver(file) {
            engine.changes.noteAll(before: file.maxTime + 1)
            file.drop()
            uploaded.remove(file.number)
            damaged[file.number] = nil
            statistics.blocksDropped += 1
            logger.info("block dropped by retention", metadata: ["block": "\(file.number)"])
        }
        blocks.removeAll(where: isOver)
        for lost in lostBlocks where lost.maxTime < oldest && lost.slot == nil {
            // What stays of it is found and removed after the next start.
            try? SystemCalls.remove(LocalMark.name(of: BlockFile.path(directory.blocksPath, lost.number)))
        }
        lostBlocks.removeAll { $0.maxTime < oldest }
    }

    /// Makes the newest figures those that others see.
    func publishStatistics() {
        statistics.engine = engine.statistics
        statistics.series = engine.seriesCount
        statistics.headSamples = engine.headSamples
        statistics.blockFiles = blocks.count
        statistics.lostBlocks = lostBlocks
        statistics.unreplacedSlotBlocks = damaged.values.reduce(0) { count, fates in
            count + fates.values.count { $0 == .sought || $0 == .awaited }
        }
        statistics.blockBytes = blocks.reduce(0) { $0 + $1.size }
        statistics.pendingCheckpointBytes = blocks.reduce(0) { $0 + (uploaded.contains($1.number) ? 0 : $1.size) }
        publish(statistics)
    }
}
