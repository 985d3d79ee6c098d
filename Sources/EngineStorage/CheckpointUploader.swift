package import CheckpointPlan
package import Logging
internal import SeriesEngine
internal import SlotMovement
internal import Synchronization

/// Brings sealed block files to the checkpoint's databases, oldest first, and fetches them back into an empty directory.
///
/// Each database has uploads of its own: when to upload is its `CheckpointCadence`'s decision, which slots may be written its `CheckpointDuty`'s, and one that
/// is away stops no other. A file counts as uploaded once every database that is a home of its slots has them. Until then blocks wait on disk; beyond
/// `pending_checkpoint_bytes` the engine refuses ingest. Nothing here is on the way of a write. Next: `CheckpointUploader+Upload.swift`.
package actor CheckpointUploader {
    /// What is under way with one database.
    struct Uploads {
        var cadence: CheckpointCadence
        var duty: CheckpointDuty
        /// Files that the cadence knows of.
        var counted: [UInt32: Int] = [:]
        /// Files of which this database has what it is to have, while others lack something.
        var done: Set<UInt32> = []
        /// Of other files, the slots of which this database has what it is to have.
        var written: [UInt32: Set<UInt16>] = [:]
        /// The databases of `CheckpointServers.lost` when claims were last thought over.
        var lost: Set<CheckpointServerID> = []
        /// Slots of which this database got since then what it lacked of all files here.
        var mended: Set<UInt16> = []
        /// The failure that was told last; nil once something succeeded.
        var told: String?
        var lastTakeoverAt: Int64 = .min
        var lastDropAt: Int64 = .min
    }

    let host: EngineHost
    let servers: CheckpointServers
    let writer: String
    let logger: Logger
    var uploads: [Uploads]
    /// The version of the map that their `done` is about.
    private var mapVersion = 0
    /// What a restore found in block files here, by file. They never change, so each is read once, however often a database is away.
    private var local: [UInt32: [(slot: UInt16, id: BlockID)]] = [:]
    /// How often blocks had been lost by then.
    private var lossesSeen = 0
    /// Databases that `run` is at work on, with those who wait for the end of that.
    private var atWork: [Int: [CheckedContinuation<Void, Never>]] = [:]
    nonisolated let counters = Mutex(CheckpointStatistics())
    let clock: @Sendable () -> Int64

    /// Nothing waits between two writes of a slot: the cadence says when there is one.
    private static var dutyLimits: CheckpointDuty.Limits {
        var limits = CheckpointDuty.Limits()
        limits.interval = 0
        return limits
    }

    /// - Parameters:
    ///   - host: whose blocks are uploaded.
    ///   - servers: where to.
    ///   - writer: this node's name and boot number, for people to read in the store.
    ///   - limits: when to upload, and how long to wait after a failure.
    ///   - logger: for what happens.
    ///   - clock: monotonic milliseconds.
    package init(
        host: EngineHost, servers: CheckpointServers, writer: String, limits: CheckpointCadence.Limits,
        logger: Logger, clock: @escaping @Sendable () -> Int64 = { MonotonicClock.now() }
    ) {
        self.host = host
        self.servers = servers
        self.writer = writer
        self.logger = logger
        self.clock = clock
        let duty = CheckpointDuty(
            slotCount: 1 << host.configuration.engine.slotBits, limits: Self.dutyLimits)
        uploads = servers.status.map { _ in Uploads(cadence: CheckpointCadence(limits: limits), duty: duty) }
    }

    /// The newest figures.
    package nonisolated var statistics: CheckpointStatistics { counters.withLock { $0 } }

    /// How the databases stand.
    package nonisolated var serverStatus: [CheckpointServerStatus] { servers.status }

    /// Uploads until the task is cancelled or the host closed.
    package func run() async {
        await withTaskGroup { group in
            group.addTask { [servers, clock] in
                while !Task.isCancelled {
                    await servers.refresh(ifDueAt: clock())
                    try? await Task.sleep(for: .milliseconds(250))
                }
            }
            for index in uploads.indices {
                group.addTask { await self.run(index) }
            }
        }
    }

    private func run(_ index: Int) async {
        atWork[index] = []
        defer { for waiter in atWork.removeValue(forKey: index) ?? [] { waiter.resume() } }
        while !Task.isCancelled {
            do {
                try await step(index)
                try await Task.sleep(for: .milliseconds(250))
            } catch is CancellationError {
                return
            } catch let error as EngineError where error.code == .closed {
                return
            } catch {
                if isNews(error, index) { logger.error("checkpoint step failed", metadata: ["error": "\(error)"]) }
                noteFailure(index)
                try? await Task.sleep(for: .milliseconds(250))
            }
        }
    }

    /// Uploads everything that is pending, without lingering, to all databases at once: for an orderly stop, after `run` was cancelled.
    ///
    /// With each database what `run` has under way there ends first: a slot has one writer here, too. One that is away is waited for by no other.
    ///
    /// - Throws: the first error; what is not uploaded waits for the next start.
    package func flush() async throws {
        await servers.refresh(ifDueAt: clock())
        try await withThrowingTaskGroup(of: (any Error)?.self) { group in
            for index in uploads.indices {
                group.addTask {
                    do {
                        try await self.flush(index)
                        return nil
                    } catch {
                        return error
                    }
                }
            }
            var first: (any Error)?
            for try await error in group { first = first ?? error }
            if let first { throw first }
        }
    }

    private func flush(_ index: Int) async throws {
        if atWork[index] != nil { await withCheckedContinuation { atWork[index]?.append($0) } }
        guard await servers.isActive(index) else { return }
        await noteLost(index)
        try await upload(try await pendingFiles(index), index, all: true)
    }

    /// Looks at what is pending, and uploads the oldest file to each database whose cadence says so.
    package func step() async throws {
        await servers.refresh(ifDueAt: clock())
        for index in uploads.indices { try await step(index) }
    }

    private func step(_ index: Int) async throws {
        guard await servers.isWanted(index) else {
            count([], index)
            return await dropOld(index)
        }
        let pending = try await pendingFiles(index)
        // Blocks wait for a database that is away from the start, too.
        count(pending, index)
        guard await servers.isActive(index) else { return }
        await noteLost(index)
        let decision = uploads[index].cadence.decision(now: clock())
        // After a failure nothing is asked of the database for a while, whatever for.
        if case .wait = decision { return await dropOld(index) }
        do {
            let isLookedAt = try await takeOver(index)
            if decision == .upload {
                try await upload(pending, index)
            } else {
                if isLookedAt { uploads[index].told = nil }
                await dropOld(index)
            }
        } catch let error as CheckpointError {
            if isNews(error, index) {
                logger.warning(
                    "checkpoint not written; trying on",
                    metadata: [
                        "server": "\(servers.status[index].name)", "error": "\(error)",
                        "block": "\(pending.first.map { "\($0.number)" } ?? "-")",
                    ])
            }
            noteFailure(index)
        }
    }

    /// Whether a failure is another one than that which was told last.
    private func isNews(_ error: any Error, _ index: Int) -> Bool {
        let text = "\(error)"
        defer { uploads[index].told = text }
        return uploads[index].told != text
    }

    func noteFailure(_ index: Int) {
        uploads[index].cadence.failed(now: clock(), jitter: Double.random(in: 0..<1))
        counters.withLock { $0.failures += 1 }
    }

    /// The files that a database is to look at, in order.
    func pendingFiles(_ index: Int) async throws -> [PendingBlockFile] {
        _ = await currentVersion()
        return try await host.pendingBlockFiles().filter { !uploads[index].done.contains($0.number) }
    }

    /// The map's version. With a new one a slot's home may be another, so every database looks at every file again.
    func currentVersion() async -> Int {
        let version = await servers.map.version
        if mapVersion != version {
            mapVersion = version
            for index in uploads.indices {
                uploads[index].done = []
                uploads[index].written = [:]
            }
        }
        return version
    }

    /// What ends before is behind retention; Unix milliseconds.
    private var retainedSince: Int64 {
        let retention = host.configuration.engine.retention
        return retention > 0 ? host.configuration.clock() - retention : .min
    }

    /// What a lost database had may be nowhere but in files here, whatever watermarks the others have: every slot is claimed anew, and loaded whole.
    private func noteLost(_ index: Int) async {
        let lost = await servers.lost(since: retainedSince)
        defer { uploads[index].lost = lost }
        guard !lost.isSubset(of: uploads[index].lost) else { return }
        uploads[index].mended = []
        uploads[index].written = [:]
        uploads[index].lastTakeoverAt = .min
        for slot in uploads[index].duty.claimedSlots { uploads[index].duty.startOver(slot) }
    }

    private func count(_ pending: [PendingBlockFile], _ index: Int) {
        for file in pending where uploads[index].counted[file.number] == nil {
            uploads[index].counted[file.number] = file.size
            uploads[index].cadence.sealed(count: 1, bytes: file.size, now: clock())
        }
        let numbers = Set(pending.map(\.number))
        for (number, size) in uploads[index].counted where !numbers.contains(number) {
            uploads[index].counted[number] = nil
            uploads[index].cadence.settled(count: 1, bytes: size)
        }
        servers.note(index) { status in
            status.pendingFiles = pending.count
            status.pendingBytes = pending.reduce(0) { $0 + $1.size }
            // What was taken over from elsewhere does not say when it came.
            status.behindSince = pending.first { $0.watermark > 0 }?.watermark
        }
    }

    /// Once an hour, retention acts on each database too.
    private func dropOld(_ index: Int) async {
        let retention = host.configuration.engine.retention
        let last = uploads[index].lastDropAt
        guard retention > 0, last == .min || clock() - last >= 3_600_000, await servers.isKept(index) else { return }
        uploads[index].lastDropAt = clock()
        do throws(CheckpointError) {
            let time = host.configuration.clock() - retention
            try await servers.store(index).drop(before: time, retention: .raw)
        } catch {
            // The next hour tries again: what is too old is not read anyway.
            logger.warning("retention not applied to the checkpoint", metadata: ["error": "\(error)"])
        }
    }

    /// Fetches from the databases what a lost data directory held, newest first, until all of it is here.
    ///
    /// Does nothing in a directory that needs no restore. May be cancelled at any time; the next call goes on. One call at a time:
    /// two would fetch the same blocks.
    /// - Throws: `CheckpointError` when a database is away: call again later. Ingest and queries need not wait.
    package func restore() async throws {
        guard host.directory.needsRestore else { return }
        let losses = host.directory.lossCount
        // What a try before this one saw may have been lost since.
        if losses != lossesSeen { local = [:] }
        lossesSeen = losses
        let total = try await fetchAll(isUploaded: true)
        try await host.restoreIsDone(upTo: losses)
        logger.info(
            "restored from the checkpoint", metadata: ["blocks": "\(total.blocks)", "bytes": "\(total.bytes)"])
    }

    /// Fetches all blocks that the databases have and this node does not.
    ///
    /// - Parameter isUploaded: false where these are not the databases that this node writes to from now on.
    /// - Returns: how many came, and their bytes.
    /// - Throws: as `restore`.
    package func fetchAll(isUploaded: Bool) async throws -> (blocks: Int, bytes: Int) {
        let total = try await servers.fetch(nil, since: retainedSince) {
            try await self.localIDs()
        } install: { blocks in
            try await self.host.install(blocks, isUploaded: isUploaded)
            self.counters.withLock { $0.restoredBlocks += blocks.count }
        }
        local = [:]
        return total
    }

    /// Slot and ID of what lies on local disk; every block is read to know its ID.
    private func localIDs() async throws -> [(slot: UInt16, id: BlockID)] {
        local.merge(try await host.localBlocks(besides: Set(local.keys))) { $1 }
        return local.values.flatMap { $0 }
    }
}
