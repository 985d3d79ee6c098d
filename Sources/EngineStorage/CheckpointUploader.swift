package import CheckpointPlan
package import Logging
internal import SeriesEngine
internal import Synchronization

/// Brings sealed block files to the checkpoint store, oldest first, and fetches them back into an empty directory.
///
/// When to upload is `CheckpointCadence`'s decision, which slots may be written `HeldClaims`'. While the store is away the
/// blocks wait on disk; beyond `pending_checkpoint_bytes` the engine refuses ingest. Nothing here is on the way of a write.
package actor CheckpointUploader {
    private let host: EngineHost
    private let store: any CheckpointStore
    private let writer: String
    private let logger: Logger
    private var cadence: CheckpointCadence
    private var claims = HeldClaims()
    /// Slots that somebody else has taken over, and when: their blocks are not ours to write, unless they become so anew.
    private var fenced: [UInt16: Int64] = [:]
    /// `reclaim_wait`: how long who was fenced waits before it claims the slot again, should it be on duty still. Milliseconds.
    private static let reclaimWait: Int64 = 20_000
    /// Claimed slots of which the store may lack blocks that are here and count as uploaded: their watermark stays until it has them.
    private var behind: Set<UInt16> = []
    /// `takeover_interval`: how often slots are looked for that have become this node's to write. Milliseconds.
    private static let takeoverInterval: Int64 = 10_000
    private var lastTakeoverAt: Int64 = .min
    /// `takeover_reach`: files sealed so long before a slot's watermark are in the store, whatever clocks say and whoever missed a batch for a
    /// while. Milliseconds.
    private static let takeoverReach: Int64 = 3_600_000
    /// Files that the cadence knows of.
    private var counted: [UInt32: Int] = [:]
    private var lastDropAt: Int64 = .min
    /// What a restore found in block files here, by file. They never change, so each is read once, however often the store is away.
    private var local: [UInt32: [(slot: UInt16, id: BlockID)]] = [:]
    private nonisolated let counters = Mutex(CheckpointStatistics())
    private let clock: @Sendable () -> Int64

    /// - Parameters:
    ///   - host: whose blocks are uploaded.
    ///   - store: where to.
    ///   - writer: this node's name and boot number, for people to read in the store.
    ///   - limits: when to upload, and how long to wait after a failure.
    ///   - logger: for what happens.
    ///   - clock: monotonic milliseconds.
    package init(
        host: EngineHost, store: any CheckpointStore, writer: String, limits: CheckpointCadence.Limits, logger: Logger,
        clock: @escaping @Sendable () -> Int64 = { MonotonicClock.now() }
    ) {
        self.host = host
        self.store = store
        self.writer = writer
        self.logger = logger
        self.clock = clock
        cadence = CheckpointCadence(limits: limits)
    }

    /// The newest figures.
    package nonisolated var statistics: CheckpointStatistics { counters.withLock { $0 } }

    /// Uploads until the task is cancelled or the host closed.
    package func run() async {
        while !Task.isCancelled {
            do {
                try await step()
                try await Task.sleep(for: .milliseconds(250))
            } catch is CancellationError {
                return
            } catch let error as EngineError where error.code == .closed {
                return
            } catch {
                logger.error("checkpoint step failed", metadata: ["error": "\(error)"])
                noteFailure()
            }
        }
    }

    /// Uploads everything that is pending, without lingering: for an orderly stop.
    ///
    /// - Throws: the store's error; what is not uploaded waits for the next start.
    package func flush() async throws {
        for file in try await host.pendingBlockFiles() { try await upload(file) }
    }

    /// Looks at what is pending, and uploads the oldest file when the cadence says so.
    package func step() async throws {
        let pending = try await host.pendingBlockFiles()
        count(pending)
        do {
            try await takeOver()
            guard cadence.decision(now: clock()) == .upload, let file = pending.first else {
                return try await dropOld()
            }
            try await upload(file)
        } catch let error as CheckpointError {
            logger.warning(
                "checkpoint not written",
                metadata: ["error": "\(error)", "block": "\(pending.first.map { "\($0.number)" } ?? "-")"])
            noteFailure()
        }
    }

    private func noteFailure() {
        cadence.failed(now: clock(), jitter: Double.random(in: 0..<1))
        counters.withLock { $0.failures += 1 }
    }

    private func count(_ pending: [PendingBlockFile]) {
        for file in pending where counted[file.number] == nil {
            counted[file.number] = file.size
            cadence.sealed(count: 1, bytes: file.size, now: clock())
        }
        let numbers = Set(pending.map(\.number))
        for (number, size) in counted where !numbers.contains(number) {
            counted[number] = nil
            cadence.settled(count: 1, bytes: size)
        }
    }

    private func upload(_ file: PendingBlockFile) async throws {
        let duty = try await host.checkpointDuty(of: try await host.slots(inFile: file.number))
        // While nobody holds a slot, as after a start of everybody, it is not known whose it is to write.
        guard duty.isDecided else { return }
        try await leaveOthers()
        let writable = duty.mine.filter { !isFenced($0) }
        try await claim(writable)
        try await catchUp()
        if !writable.isEmpty, let blocks = try await host.checkpointBlocks(file: file.number) {
            try await add(blocks.filter { writable.contains($0.record.slot) }, of: file, movesAll: true)
        }
        try await host.markUploaded(file: file.number)
    }

    /// Gives claims up to slots that others write now.
    private func leaveOthers() async throws {
        let mine = try await host.checkpointDuty(of: Set(claims.all.map(\.slot))).mine
        claims.keep(mine)
        behind.formIntersection(mine)
    }

    /// Slots that have become this node's to write may have blocks here that their writer before did not come to, and no new ones for long.
    private func takeOver() async throws {
        guard host.isAmongOthers, lastTakeoverAt == .min || clock() >= lastTakeoverAt + Self.takeoverInterval else {
            return
        }
        lastTakeoverAt = clock()
        try await leaveOthers()
        let mine = try await host.checkpointDuty(of: try await host.sealedSlots()).mine
        try await claim(mine.filter { !isFenced($0) })
        try await catchUp()
    }

    /// Whether somebody else took a slot over, and it is not time yet to claim it again.
    private func isFenced(_ slot: UInt16) -> Bool {
        fenced[slot].map { clock() < $0 + Self.reclaimWait } ?? false
    }

    /// Adds blocks of slots that are claimed.
    ///
    /// - Parameters:
    ///   - blocks: of one file.
    ///   - file: its watermark becomes that of the slots.
    ///   - movesAll: whether with the last block the watermarks of all claimed slots move, not only those of slots with a block.
    /// - Throws: the store's error; a slot that was fenced is left out.
    private func add(_ blocks: [CheckpointBlock], of file: PendingBlockFile, movesAll: Bool) async throws {
        var rest = blocks[...]
        while !rest.isEmpty {
            let count = CheckpointCadence.batchCount(rest.map(\.record.byteCount))
            let batch = Array(rest.prefix(count))
            // Slots without a block in this file are as complete as the others once the last of it is stored.
            let isLast = count == rest.count
            let slots = batch.map(\.record.slot)
            do throws(CheckpointError) {
                let added = try await store.add(
                    CheckpointBatch(
                        claims: isLast && movesAll
                            ? claims.all.filter { !behind.contains($0.slot) } : claims.claims(for: slots),
                        blocks: batch,
                        watermark: file.watermark))
                logger.debug("checkpoint written", metadata: ["block": "\(file.number)", "added": "\(added)"])
                rest = rest.dropFirst(count)
                counters.withLock { counters in
                    counters.uploadedBlocks += batch.count
                    counters.uploadedBytes += batch.reduce(0) { $0 + $1.bytes.count }
                    counters.uploadedSamples += batch.reduce(0) { $0 + $1.record.sampleCount }
                }
            } catch {
                guard case .fenced(let slot, let held, let current) = error else { throw error }
                // Our own later claim is no takeover: go on under it.
                if let newer = claims[slot], newer.epoch > held { continue }
                logger.warning(
                    "slot taken over in the checkpoint",
                    metadata: ["slot": "\(slot)", "held": "\(held)", "current": "\(current)"])
                counters.withLock { $0.fencedSlots += 1 }
                claims.lose(slot, epoch: held)
                behind.remove(slot)
                fenced[slot] = clock()
                rest = rest.filter { $0.record.slot != slot }[...]
            }
        }
    }

    /// Claims slots that are not held. Of those the store may lack what lies in files here that count as uploaded.
    private func claim(_ slots: Set<UInt16>) async throws(CheckpointError) {
        let missing = slots.filter { claims[$0] == nil }
        if missing.isEmpty { return }
        let granted = try await store.claim(missing.sorted(), writer: writer)
        // `flush` may have claimed meanwhile: the greater epoch is the one that counts.
        claims.hold(granted.filter { $0.epoch > claims[$0.slot]?.epoch ?? 0 })
        for slot in missing { fenced[slot] = nil }
        if host.isAmongOthers { behind.formUnion(missing) }
    }

    /// Adds blocks of slots that were another node's to write, where the store does not list them.
    private func catchUp() async throws {
        if behind.isEmpty { return }
        let pending = Set(try await host.pendingBlockFiles().map(\.number))
        let uploaded = try await host.sealedFiles().filter { !pending.contains($0.number) }
        if !uploaded.isEmpty {
            let known = try await listed()
            let since = try await watermarks().values.min() ?? .min
            for file in uploaded where since == .min || file.watermark > since - Self.takeoverReach {
                guard !behind.isDisjoint(with: try await host.slots(inFile: file.number)),
                    let blocks = try await host.checkpointBlocks(file: file.number)
                else { continue }
                let lacking = blocks.filter { behind.contains($0.record.slot) && !known.contains($0.record.id) }
                try await add(lacking, of: file, movesAll: false)
            }
        }
        behind = []
    }

    /// The watermarks of slots that are behind; before the first addition there is none.
    private func watermarks() async throws(CheckpointError) -> [UInt16: Int64] {
        let states = try await store.slots().filter { behind.contains($0.slot) }
        return Dictionary(states.map { ($0.slot, $0.watermark ?? .min) }, uniquingKeysWith: min)
    }

    /// The IDs of all blocks that the store lists of slots that are behind, within retention.
    private func listed() async throws(CheckpointError) -> Set<BlockID> {
        let retention = host.configuration.engine.retention
        let since = retention > 0 ? host.configuration.clock() - retention : .min
        var known: Set<BlockID> = []
        var last: BlockRecord?
        while true {
            let page = try await store.list(
                BlockListRequest(slots: behind.sorted(), since: since, after: last, count: CheckpointLimits.listPageMax)
            )
            known.formUnion(page.map(\.id))
            guard page.count == CheckpointLimits.listPageMax, let next = page.last else { return known }
            last = next
        }
    }

    /// Once an hour, retention acts on the store too.
    private func dropOld() async throws {
        let retention = host.configuration.engine.retention
        guard retention > 0, lastDropAt == .min || clock() - lastDropAt >= 3_600_000 else { return }
        lastDropAt = clock()
        do throws(CheckpointError) {
            try await store.drop(before: host.configuration.clock() - retention, retention: .raw)
        } catch {
            // The next hour tries again: what is too old is not read anyway.
            logger.warning("retention not applied to the checkpoint", metadata: ["error": "\(error)"])
        }
    }

    /// Fetches from the store what a lost data directory held, newest first, until all of it is here.
    ///
    /// Does nothing in a directory that needs no restore. May be cancelled at any time; the next call goes on. One call at a time:
    /// two would fetch the same blocks.
    /// - Throws: `CheckpointError` when the store is away: call again later. Ingest and queries need not wait.
    package func restore() async throws {
        guard host.directory.needsRestore else { return }
        let retention = host.configuration.engine.retention
        let since = retention > 0 ? host.configuration.clock() - retention : .min
        // Every local block is read to know its ID: only for a store that answers.
        _ = try await store.list(BlockListRequest(slots: nil, since: since, after: nil, count: 1))
        local.merge(try await host.localBlocks(besides: Set(local.keys))) { $1 }
        var cursor = RestoreCursor(slots: nil, since: since, known: local.values.flatMap { $0 })
        while true {
            try Task.checkCancellation()
            switch cursor.next {
            case .list(let request):
                try cursor.listed(try await store.list(request))
            case .fetch(let records):
                let blocks = try await store.fetch(records)
                try await host.install(blocks)
                cursor.fetched(blocks.map(\.record))
                counters.withLock { $0.restoredBlocks += blocks.count }
            case .finished:
                try host.directory.restoreIsDone()
                local = [:]
                logger.info(
                    "restored from the checkpoint",
                    metadata: ["blocks": "\(cursor.fetchedCount)", "bytes": "\(cursor.fetchedBytes)"])
                return
            }
        }
    }
}
