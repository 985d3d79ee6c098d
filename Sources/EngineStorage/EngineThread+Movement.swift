internal import ByteCoding
internal import Logging
internal import MetricModel
internal import SeriesEngine
internal import SlotMovement

/// The slots' machine on the engine's thread: whether this node is whole and what samples it has are one moment's facts.
///
/// What arrives is logged and applied with the group at hand; what leaves waits until the log has that group. Next:
/// `EngineThread+Effects.swift`.
extension EngineThread {
    /// The machine's clock: microseconds.
    var movementNow: Int64 { configuration.monotonicClock() * 1000 }

    /// Begins with what the log said.
    func beginMovement(_ setup: MovementSetup, _ notes: MovementNotes) throws(EngineError) {
        let now = movementNow
        precondition(
            setup.view.slotCount == 1 << configuration.engine.slotBits,
            "a view of \(setup.view.slotCount) slots for an engine of \(1 << configuration.engine.slotBits)")
        var records: [MovementRecord] = []
        for note in notes.records {
            switch note {
            case .batch: break
            case .dropped(let dropped): for slot in dropped.slots { records.append(.dropped(slot: slot)) }
            case .record(let bytes):
                do throws(ByteError) {
                    records.append(try MovementRecord(decoding: bytes.rawSpan, number: setup.names.number(of:)))
                } catch {
                    throw EngineError(.directoryUnusable, "\(directory.walPath): a record about slots: \(error)")
                }
            }
        }
        var slots = notes.slotsWithSamples
        for file in blocks { for entry in file.directory.entries { slots.insert(Int(entry.slot)) } }
        if !slots.isEmpty { records.append(.batch(slots: slots.sorted(), number: 0)) }
        let machine = try machineStart()
        let mayHaveLost = try mayHaveLost(boot: setup.boot, machine: machine, hasSamples: !slots.isEmpty)
        var effects: [MovementEffect] = []
        if try isFirstStart(setup, hasSamples: !slots.isEmpty) {
            // Nobody may have what this directory's predecessor had: what is copied from no holder is asked of the checkpoint.
            let restoring = MovementRecord.restoring(slots: Array(0..<setup.view.slotCount))
            records.append(restoring)
            effects.append(.log(restoring))
        }
        let keeper = SlotKeeper(
            me: setup.me, boot: setup.boot, records: records, mayHaveLost: mayHaveLost, view: setup.view,
            limits: setup.limits, now: now, into: &effects)
        var state = MovementState(
            setup: setup, keeper: keeper, worker: MovementWorker(jobsMax: setup.jobsMax),
            digests: DigestCache(entriesMax: setup.digestCacheEntriesMax),
            pace: MovementPace(bytesPerSecond: setup.bytesPerSecondMax, now: now))
        for part in keeper.owedBatches {
            if let batch = notes.batches[part.number] { state.ledger.keep(batch, at: now) }
        }
        state.worker.start()
        movement = state
        let lost = keeper.owedBatches.map(\.number).filter { state.ledger.batch($0) == nil }
        movement?.keeper.forget(lost, now: now, into: &effects)
        carryOut(effects, beside: .none)
        commitGroup()
        try noteBegun(machine)
    }

    /// Whether the name has no past that it knows of, and may have one in the checkpoint.
    private func isFirstStart(_ setup: MovementSetup, hasSamples: Bool) throws(EngineError) -> Bool {
        guard setup.restoresNewDirectory, setup.boot == 1, !hasSamples else { return false }
        do throws(FileError) { return try !SystemCalls.exists(directory.begunPath) } catch {
            throw EngineError(.directoryUnusable, "data directory \(directory.path): \(error)")
        }
    }

    /// What tells one start of the machine from another.
    private func machineStart() throws(EngineError) -> [UInt8] {
        do throws(FileError) {
            return try FileDescriptor.contents(of: "/proc/sys/kernel/random/boot_id")
        } catch {
            throw EngineError(.directoryUnusable, "the machine's start cannot be told: \(error)")
        }
    }

    /// Whether something that was acknowledged may be missing.
    ///
    /// A new disk under a name that had one is a loss, and so is an older copy of it; a log that was not synced is one when the machine went down with
    /// it. Until what follows from it is in the log (`noteBegun`) each start finds the same.
    private func mayHaveLost(boot: UInt32, machine: [UInt8], hasSamples: Bool) throws(EngineError) -> Bool {
        do throws(FileError) {
            var wentDown = false
            if try SystemCalls.exists(directory.runningPath) {
                wentDown = try FileDescriptor.contents(of: directory.runningPath) != machine
            }
            // A directory that was a standalone's has samples, and never began as one of several.
            let isNew = try !SystemCalls.exists(directory.begunPath) && !hasSamples
            return isNew && boot > 1 || directory.isOutdated || hasLostRecords
                || lostBlocks.contains { $0.slot == nil }
                || wentDown && configuration.durability != .fsync
        } catch {
            throw EngineError(.directoryUnusable, "data directory \(directory.path): \(error)")
        }
    }

    /// The log has what this start may have lost: from here on it counts as begun, and whether it ends in order.
    private func noteBegun(_ machine: [UInt8]) throws(EngineError) {
        if isStalled { return }
        do throws(FileError) {
            if wal.isOpen { try wal.sync() }
            try FileDescriptor.replace(directory.begunPath, with: machine)
            try FileDescriptor.replace(directory.runningPath, with: machine)
        } catch {
            throw EngineError(.directoryUnusable, "data directory \(directory.path): \(error)")
        }
        try directory.outdatedIsLogged()
    }

    /// Ends: whoever waits for an answer gets none.
    func endMovement() {
        guard let movement else { return }
        movement.worker.close()
        for store in movement.stores.values {
            store.completion(.failure(EngineError(.closed, "the engine is closed")))
        }
        self.movement = nil
        // Whatever was acknowledged has been synced by whoever closed the engine in order.
        if configuration.durability != .memory, !wal.mustSeal, !isFrozenUnsynced {
            try? SystemCalls.remove(directory.runningPath)
        }
    }

    /// Does what is due.
    func tickMovement() {
        let now = movementNow
        guard let tickedAt = movement?.tickedAt, now - tickedAt >= 100_000 else { return }
        movement?.tickedAt = now
        var effects: [MovementEffect] = []
        movement?.keeper.tick(now: now, into: &effects)
        trimLedger(now, into: &effects)
        refuseLateStores(now)
        noteStatus(now)
        carryOut(effects, beside: .none)
        commitGroup()
    }

    /// Takes a router's batch.
    func take(_ store: QueuedStore) {
        guard movement != nil else {
            return store.completion(.failure(EngineError(.closed, "this node keeps no slots of a cluster")))
        }
        if !store.input.rows.histograms.isEmpty { admitHistograms() }
        if let refusal = refusal() { return store.completion(.failure(refusal)) }
        let now = movementNow
        let requester = movement?.nextRequester ?? 0
        movement?.nextRequester += 1
        movement?.stores[requester] = .init(
            outcome: AppendOutcome(generation: configuration.engine.generation), since: now,
            completion: store.completion)
        var effects: [MovementEffect] = []
        movement?.keeper.store(store.request, from: RequesterID(requester), now: now, into: &effects)
        carryOut(effects, beside: .rows(store.input, requester: requester))
    }

    /// Takes messages of a member; when the log is down they are as good as lost.
    func take(_ delivery: QueuedMovement) {
        guard movement != nil, !isStalled, openLogIfNeeded() == nil else { return }
        for parcel in delivery.parcels {
            // Samples of other members are asked for again when there is room for them.
            if parcel.bundle != nil, engine.headSamples >= 2 * configuration.headSamplesMax { continue }
            if parcel.bundle?.hasHistograms == true {
                admitHistograms()
                if isStalled || openLogIfNeeded() != nil { return }
            }
            movement?.noteReceived(parcel)
            var effects: [MovementEffect] = []
            movement?.keeper.receive(parcel.message, from: delivery.sender, now: movementNow, into: &effects)
            if case .copy(let slot, _, _) = parcel.message, !parcel.windows.isEmpty {
                movement?.theirWindows[.init(slot: slot, node: delivery.sender)] = parcel.windows
            }
            carryOut(effects, beside: parcel.bundle.map { .bundle($0, parcel.bytes) } ?? .none)
            if isStalled { return }
        }
    }

    /// Takes over a newer view of the cluster, which has as many slots as ever.
    func update(_ view: MovementView) throws(EngineError) {
        let slots = 1 << configuration.engine.slotBits
        guard view.slotCount == slots else {
            throw EngineError(
                .directoryUnusable, "this node's data has \(slots) slots, and the cluster has \(view.slotCount) now")
        }
        guard movement != nil else { return }
        guard canLog else {
            throw EngineError(.logFailed, "the log cannot take who has left the cluster", retryAfterMilliseconds: 1000)
        }
        var effects: [MovementEffect] = []
        movement?.keeper.update(view, into: &effects)
        carryOut(effects, beside: .none)
        commitGroup()
    }

    /// Takes nothing any more, if nothing is left here; false without a machine.
    func depart() -> Bool { movement?.keeper.depart() ?? false }

    /// All that the checkpoint has of some slots is here.
    ///
    /// - Returns: false when the log cannot take it now.
    func restored(_ slots: [Int]) -> Bool {
        guard canLog else { return false }
        var effects: [MovementEffect] = []
        for slot in slots { movement?.keeper.restored(slot, into: &effects) }
        carryOut(effects, beside: .none)
        commitGroup()
        return !isStalled
    }

    private var canLog: Bool { movement != nil && !isStalled && openLogIfNeeded() == nil }

    /// The slots whose data counts of those that are asked for (nil: of all), and what an answer must say; without a machine all count.
    func standing(in scope: SlotScope) -> (slots: SlotSet?, standing: StoreStanding) {
        var standing = StoreStanding(needsRestore: directory.needsRestore, lostBlocks: lostBlocks)
        guard case .slots(let asked, let onlyWhole) = scope else { return (nil, standing) }
        standing.reply = movement?.keeper.readReply(asked.slots.map { Int($0) }, now: movementNow)
        return (onlyWhole ? standing.reply?.wholeSet ?? asked : asked, standing)
    }

    // MARK: - What others see

    /// How the slots stand now; nil without a machine.
    var movementStatus: MovementStatus? {
        guard let keeper = movement?.keeper else { return nil }
        let held = keeper.heldSlots
        var status = MovementStatus()
        status.holds = held.count
        status.whole = keeper.wholeSlots(of: held, now: movementNow).count
        status.awaitingCheckpoint = keeper.slotsAwaitingCheckpoint.count
        status.batchesOwed = keeper.owedNumbers.count
        status.isSettled = keeper.isSettled
        status.gains = movement?.gains.change
        status.gives = movement?.gives.change
        return status
    }

    /// Looks each second: it goes through all slots.
    private func noteStatus(_ now: Int64) {
        guard let notedAt = movement?.notedAt, now - notedAt >= 1_000_000 else { return }
        movement?.notedAt = now
        movement?.noteProgress(now)
        statistics.movement = movementStatus
    }

    // MARK: - Bounds

    private func trimLedger(_ now: Int64, into effects: inout [MovementEffect]) {
        guard let trimmedAt = movement?.trimmedAt, now - trimmedAt >= Self.trimInterval || isLedgerFull else { return }
        movement?.trimmedAt = now
        // The state itself is not held: its ledger would be copied to be trimmed.
        guard let setup = movement?.setup, let owed = movement?.keeper.owedNumbers else { return }
        // A little longer than the machine remembers them.
        let start = now - setup.limits.grace - 5 * setup.limits.askInterval
        let forgotten =
            movement?.ledger.trim(
                owed: owed, from: start, recentBytesMax: setup.recentBytesMax, owedBytesMax: setup.owedBytesMax) ?? []
        guard !forgotten.isEmpty else { return }
        logger.warning(
            "batches that others may miss are forgotten (recent_batches_bytes_max, owed_bytes_max)",
            metadata: ["batches": "\(forgotten.count)"])
        movement?.keeper.forget(forgotten, now: now, into: &effects)
    }

    /// Looking through all debts takes a while where they are many.
    private static var trimInterval: Int64 { 5_000_000 }

    private var isLedgerFull: Bool {
        guard let movement else { return false }
        return movement.ledger.byteCount > movement.setup.recentBytesMax + movement.setup.owedBytesMax
    }

    /// A store that the machine has given up is answered by nobody else.
    private func refuseLateStores(_ now: Int64) {
        guard let limits = movement?.setup.limits else { return }
        let start = now - limits.writeDeadline - limits.grace
        let late = movement?.stores.filter { $0.value.since < start } ?? [:]
        for (requester, store) in late {
            movement?.stores[requester] = nil
            let failure = EngineError(
                .overloaded, "who misses the batch may still be read", retryAfterMilliseconds: 1000)
            store.completion(.failure(failure))
        }
    }
}
