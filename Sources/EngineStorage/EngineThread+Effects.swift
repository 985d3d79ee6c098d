internal import ByteCoding
internal import Logging
internal import MetricModel
internal import SeriesEngine
internal import SlotMovement

/// Carrying out what the slots' machine asks for.
extension EngineThread {
    /// Logs what is to be logged; the rest waits until the log has it.
    ///
    /// - Parameters:
    ///   - effects: of one thing that arrived.
    ///   - samples: that came beside it.
    func carryOut(_ effects: [MovementEffect], beside samples: MovementSamples) {
        var drops: [Int] = []
        for effect in effects {
            if case .log(let record) = effect {
                log(record, samples, drops: &drops)
            } else {
                if case .recoveredWithout(let slot, _) = effect { noteAwaited(in: UInt16(slot)) }
                movement?.waiting.append(effect)
            }
        }
        guard !drops.isEmpty else { return }
        // What is prepared belongs to series that are about to go.
        commitGroup()
        let dropped = DroppedSlots(slots: drops.sorted(), throughBlock: nextBlockNumber - 1)
        Engine.note(dropped, into: &records)
        group.append(.drop(dropped))
        commitGroup()
    }

    private func log(_ record: MovementRecord, _ samples: MovementSamples, drops: inout [Int]) {
        switch record {
        case .sound(let slots): noteReplaced(in: slots)
        case .restored(let slot): noteRestored(in: [slot])
        default: break
        }
        switch record {
        case .batch(let slots, let number): logBatch(BatchMark(number: number, slots: slots), samples)
        case .dropped(let slot): drops.append(slot)
        case .owed, .owedAll, .settled, .settledAll, .unsound, .sound, .known, .restoring, .restored:
            guard let names = movement?.setup.names, let bytes = record.encoded(name: names.name(of:)) else { return }
            Engine.note(bytes, into: &records)
            group.append(.record(bytes))
        }
    }

    private func logBatch(_ mark: BatchMark, _ samples: MovementSamples) {
        let slots = SlotSet(mark.slots)
        switch samples {
        case .rows(let input, let requester):
            let part = engine.part(of: input, in: slots)
            let prepared = engine.prepare(part.input, now: configuration.clock(), as: mark, into: &records)
            movement?.stores[requester]?.outcome = prepared.outcome.ofWhole(rows: part.rows)
            movement?.ledger.keep(engine.numbered(prepared, as: mark), at: movementNow)
            group.append(.store(prepared, mark, part.input))
        case .bundle(let bundle, let bytes):
            let bits = configuration.engine.slotBits
            if bundle.isWithin(bits: bits, { slots.contains(UInt16($0)) }) {
                logBundle(bundle, bytes, mark)
            } else {
                let part = bundle.part(in: slots, bits: bits)
                logBundle(part, part.encoded, mark)
            }
        case .none: logBundle(SampleBundle(), SampleBundle().encoded, mark)
        }
    }

    private func logBundle(_ bundle: SampleBundle, _ bytes: [UInt8], _ mark: BatchMark) {
        let prepared = engine.prepare(bundle, bytes, as: mark, into: &records)
        if prepared.refused > 0 {
            logger.error(
                "samples of another replica have the fingerprint of another series here",
                metadata: ["samples": "\(prepared.refused)"])
        }
        group.append(.bundle(prepared, mark, bundle))
    }

    /// Hides slots in head and blocks: the log has it.
    func drop(_ slots: DroppedSlots) {
        engine.dropSlots(slots.slots.map { UInt16($0) })
        dropped.add(slots)
        blocks = blocks.map { visible($0) }
        logger.info("slots dropped", metadata: ["slots": "\(slots.slots.count)"])
    }

    /// A file without the slots that were dropped after it was begun, or are damaged.
    func visible(_ file: BlockFile) -> BlockFile {
        let unreadable = damaged[file.number] ?? [:]
        if dropped.isEmpty, unreadable.isEmpty { return file }
        return file.hiding { dropped.hides($0, inFile: file.number) || unreadable[$0] != nil }
    }

    /// Writes what the machine needs of all segments before into the one that was just begun: the seal will remove them.
    ///
    /// - Returns: why it could not be written.
    func keepOpenRecords() -> EngineError? {
        guard let state = movement else { return nil }
        for record in state.keeper.openRecords {
            guard let bytes = record.encoded(name: state.setup.names.name(of:)) else { continue }
            Engine.note(bytes, into: &records)
        }
        engine.rewrite(state.keeper.owedNumbers.sorted().compactMap { state.ledger.batch($0) }, into: &records)
        defer { records.removeAll(keepingCapacity: true) }
        if records.isEmpty { return nil }
        do throws(FileError) {
            try wal.append(records)
            return nil
        } catch {
            return EngineError(.logFailed, "the log cannot be written: \(error)", retryAfterMilliseconds: 1000)
        }
    }

    // MARK: - What leaves

    /// Lets out what waited for the log.
    func leave() {
        guard let effects = movement?.waiting, !effects.isEmpty else { return }
        movement?.waiting.removeAll(keepingCapacity: true)
        var parcels: [NodeID: [MovementParcel]] = [:]
        for effect in effects { leave(effect, &parcels) }
        tellRecoveries(effects)
        movement?.theirWindows.removeAll(keepingCapacity: true)
        guard let outlet = movement?.setup.outlet else { return }
        for node in parcels.keys.sorted() { outlet.send(parcels[node] ?? [], to: node) }
    }

    /// Logs which slots were taken over without whom: a line for each set of members, not for each of thousands of slots.
    private func tellRecoveries(_ effects: [MovementEffect]) {
        var slots: [[NodeID]: Int] = [:]
        for case .recoveredWithout(_, let missing) in effects {
            slots[missing, default: 0] += 1
        }
        guard let names = movement?.setup.names else { return }
        for (missing, count) in slots.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            logger.warning(
                "slots taken over without members that may have had samples of them",
                metadata: ["slots": "\(count)", "members": "\(missing.map(names.name(of:)))"])
        }
    }

    private func leave(_ effect: MovementEffect, _ parcels: inout [NodeID: [MovementParcel]]) {
        guard let setup = movement?.setup else { return }
        switch effect {
        case .log, .answerRead: preconditionFailure("\(effect) does not wait for the log")
        case .send(.copy(let slot, let stake, let cursor), let node):
            guard movement?.pace.mayAsk(now: movementNow) == true else { return }
            // With what is here already, so that a node that starts again gets only what it missed.
            work(on: slot, for: node, as: .request(ofSlot: slot, to: node)) { snapshot, known throws(EngineError) in
                let windows = try snapshot.windowDigests(before: .max, known: known)
                let message = MovementMessage.copy(slot: slot, for: stake, cursor: cursor)
                return [MovementParcel(message, attachment: windows.isEmpty ? nil : windows.encoded)]
            }
        case .send(let message, let node): parcels[node, default: []].append(MovementParcel(message))
        case .answerStore(let reply, let requester):
            guard let store = movement?.stores.removeValue(forKey: requester.number) else { return }
            store.completion(.success(StoreOutcome(append: store.outcome, reply: reply)))
        case .sendOwed(let parts, let node): sendOwed(parts, to: node)
        case .sendPage(let slot, let stake, let isWhole, let asker, let cursor):
            let theirs = movement?.theirWindows[.init(slot: slot, node: asker.node)] ?? [:]
            let key = WorkKey.page(ofSlot: slot, to: asker.node, cursor: cursor)
            work(on: slot, for: asker.node, as: key) { snapshot, known throws(EngineError) in
                let page = try snapshot.page(
                    cursor, bytesMax: setup.pageBytesMax, samplesMax: setup.pageSamplesMax, theirs: theirs,
                    known: known)
                let message = MovementMessage.page(
                    slot: slot, from: stake, isWhole: isWhole, for: asker, cursor: cursor, next: page.next)
                return [MovementParcel(message, attachment: page.bundle)]
            }
        case .sendWindowDigests, .compareWindows, .compareSeries, .sendRepair: repair(effect)
        case .drop: break  // Its record did it.
        case .held: break  // The replica itself says so.
        case .restore(let slot): setup.outlet.note(.restore(slot: slot))
        case .recoveredWithout: break  // Told for all slots together.
        }
    }

    /// `paid_rows_max`: samples handed over at a time: their series are looked up here, and the receiver logs them in one turn.
    private static let paidRowsMax = 65_536

    private func sendOwed(_ parts: [BatchPart], to node: NodeID) {
        guard let state = movement, !state.worker.has(.payment(to: node)) else { return }
        var (paid, batches, rows): ([BatchPart], [NumberedBatch], Int) = ([], [], 0)
        // Parts whose samples are gone are forgotten with the next look through the ledger; here nothing is paid for them.
        for part in parts {
            guard let batch = state.ledger.batch(part.number)?.part(in: SlotSet(part.slots)) else { continue }
            rows += batch.count
            // What is beyond is paid next.
            if !paid.isEmpty, rows > Self.paidRowsMax { break }
            paid.append(part)
            batches.append(batch)
        }
        guard !paid.isEmpty else { return }
        let (all, owed, definitions) = (batches, paid, engine.definitions(of: batches))
        let outlet = state.setup.outlet
        push(.payment(to: node)) {
            let bundle = SampleBundle(all, definitions).encoded
            outlet.send([MovementParcel(.pay(owed), attachment: bundle)], to: node)
        }
    }

    private func repair(_ effect: MovementEffect) {
        guard let setup = movement?.setup else { return }
        switch effect {
        case .sendWindowDigests(let slot, let node):
            let rest = configuration.clock() - setup.restMilliseconds
            let before = SlotSnapshot.times(of: SlotSnapshot.window(of: rest)).lowerBound
            work(on: slot, for: node) { snapshot, known throws(EngineError) in
                let digests = try snapshot.windowDigests(before: before, known: known)
                return [MovementParcel(.windowDigests(slot: slot, before: before, digests))]
            }
        case .compareWindows(let slot, let before, let theirs, let node):
            work(on: slot, for: node) { snapshot, known throws(EngineError) in
                let mine = try snapshot.windowDigests(before: before, known: known)
                var parcels: [MovementParcel] = []
                for start in RepairNarrowing.differing(mine, theirs) {
                    let digests = try snapshot.seriesDigests(window: SlotSnapshot.window(of: start))
                    parcels.append(MovementParcel(.seriesDigests(slot: slot, window: start, digests)))
                }
                return parcels
            }
        case .compareSeries(let slot, let start, let theirs, let node):
            work(on: slot, for: node) { snapshot, _ throws(EngineError) in
                let window = SlotSnapshot.window(of: start)
                let series = RepairNarrowing.differing(try snapshot.seriesDigests(window: window), theirs)
                guard !series.isEmpty else { return [] }
                let bundle = try snapshot.bundle(window: window, series: Set(series))
                let message = MovementMessage.repair(slot: slot, window: start, series: series, wantsBack: true)
                return [MovementParcel(message, attachment: bundle)]
            }
        case .sendRepair(let slot, let start, let series, let node):
            work(on: slot, for: node) { snapshot, _ throws(EngineError) in
                let bundle = try snapshot.bundle(window: SlotSnapshot.window(of: start), series: Set(series))
                let message = MovementMessage.repair(slot: slot, window: start, series: series, wantsBack: false)
                return [MovementParcel(message, attachment: bundle)]
            }
        case .send, .answerStore, .answerRead, .log, .sendPage, .sendOwed, .drop, .held, .restore, .recoveredWithout:
            preconditionFailure("\(effect) is no repair")
        }
    }

    /// Reads a slot as it is now on the worker, and sends what comes of it.
    private func work(
        on slot: Int, for node: NodeID, as key: WorkKey? = nil,
        _ body: @escaping @Sendable (SlotSnapshot, DigestCache) throws(EngineError) -> [MovementParcel]
    ) {
        guard let state = movement, key.map({ !state.worker.has($0) }) ?? true else { return }
        let snapshot = snapshot(ofSlot: UInt16(slot))
        let (outlet, worker, digests, logger) = (state.setup.outlet, state.worker, state.digests, logger)
        push(key) {
            do throws(EngineError) {
                let parcels = try body(snapshot, digests)
                if case .page = key { worker.noteSent(parcels) }
                if !parcels.isEmpty { outlet.send(parcels, to: node) }
            } catch {
                logger.error("slot cannot be read", metadata: ["slot": "\(slot)", "error": "\(error)"])
            }
        }
    }

    private func push(_ key: WorkKey?, _ job: @escaping @Sendable () -> Void) {
        if movement?.worker.push(key, job) == false { statistics.movementJobsRefused += 1 }
    }

    /// All samples of a slot as they are now.
    func snapshot(ofSlot slot: UInt16) -> SlotSnapshot {
        SlotSnapshot(
            slot: slot, head: engine.head(ofSlot: slot),
            blocks: blocks.compactMap { file in file.entry(ofSlot: slot).map { (file, $0) } }, cache: cache)
    }
}

extension SampleBundle {
    /// The series that are placed in some slots.
    func part(in slots: SlotSet, bits: Int) -> SampleBundle {
        SampleBundle(series: series.filter { slots.contains($0.definition.placement.slot(bits: bits)) })
    }
}
