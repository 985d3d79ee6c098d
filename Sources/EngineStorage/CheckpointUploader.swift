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
        guard cadence.decision(now: clock()) == .upload, let file = pending.first else {
            try await dropOld()
            return
        }
        do {
            try await upload(file)
        } catch let error as CheckpointError {
            logger.warning("checkpoint not written", metadata: ["error": "\(error)", "block": "\(file.number)"])
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
        guard let blocks = try await host.checkpointBlocks(file: file.number) else { return }
        let duty = try await host.checkpointDuty(of: Set(blocks.map(\.record.slot)))
        claims.keep(try await host.checkpointDuty(of: Set(claims.all.map(\.slot))))
        let writable = duty.filter { !isFenced($0) }
        try await claim(writable.sorted())
        try await add(blocks.filter { writable.contains($0.record.slot) }, of: file)
        try await host.markUploaded(file: file.number)
    }

    /// Whether somebody else took a slot over, and it is not time yet to claim it again.
    private func isFenced(_ slot: UInt16) -> Bool {
        fenced[slot].map { clock() < $0 + Self.reclaimWait } ?? false
    }

    private func add(_ blocks: [CheckpointBlock], of file: PendingBlockFile) async throws {
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
                        claims: isLast ? claims.all : claims.claims(for: slots), blocks: batch,
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
                fenced[slot] = clock()
                rest = rest.filter { $0.record.slot != slot }[...]
            }
        }
    }

    /// Claims slots that are not held, and adds what their writer before may have left out.
    private func claim(_ slots: [UInt16]) async throws {
        let missing = slots.filter { claims[$0] == nil }
        if missing.isEmpty { return }
        let granted = try await store.claim(missing, writer: writer)
        // `flush` may have claimed meanwhile: the greater epoch is the one that counts.
        claims.hold(granted.filter { $0.epoch > claims[$0.slot]?.epoch ?? 0 })
        for slot in missing { fenced[slot] = nil }
        try await catchUp(Set(missing))
    }

    /// Files that count as uploaded may hold blocks of slots that were another node's to write: those sealed after the slot's watermark are added
    /// now, because that node may not have come to it.
    private func catchUp(_ slots: Set<UInt16>) async throws {
        let uploaded = Set(try await host.sealedFiles().map(\.number))
            .subtracting(try await host.pendingBlockFiles().map(\.number))
        if uploaded.isEmpty { return }
        var watermarks: [UInt16: Int64] = [:]
        for state in try await store.slots() where slots.contains(state.slot) {
            watermarks[state.slot] = state.watermark
        }
        for file in try await host.sealedFiles() where uploaded.contains(file.number) {
            let behind = slots.filter { watermarks[$0] ?? .min < file.watermark }
            guard !behind.isEmpty, let blocks = try await host.checkpointBlocks(file: file.number) else { continue }
            try await add(blocks.filter { behind.contains($0.record.slot) }, of: file)
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
