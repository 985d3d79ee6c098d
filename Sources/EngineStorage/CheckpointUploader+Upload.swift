internal import CheckpointPlan
internal import Logging
internal import SlotMovement
internal import Synchronization

/// The way of one file into one database: who writes, the claim, what is lacking there, the addition.
///
/// `CheckpointDuty` says what is due and what an answer means; here its steps are asked of the database, those of many slots in one call.
extension CheckpointUploader {
    /// `takeover_interval`: how often slots are looked for that have become this node's to write. Milliseconds.
    private static let takeoverInterval: Int64 = 10_000
    /// `takeover_reach`: files sealed so long before a slot's watermark are in the store, whatever clocks say and whoever missed a batch for a
    /// while. Milliseconds.
    private static let takeoverReach: Int64 = 3_600_000

    /// The duty's clock: microseconds.
    private var now: Int64 { clock() * 1_000 }

    /// Brings the oldest of some files of which a database may get something now.
    ///
    /// A slot of which nobody is known who writes it, as after a start of everybody, keeps its file pending, and the later ones from the slot; the rest of
    /// them goes on.
    ///
    /// - Parameters:
    ///   - pending: in order.
    ///   - index: of the database.
    ///   - all: whether to go on after the first.
    /// - Throws: `CheckpointError`; files stay pending.
    func upload(_ pending: [PendingBlockFile], _ index: Int, all: Bool = false) async throws {
        let numbers = Set(pending.map(\.number))
        uploads[index].written = uploads[index].written.filter { numbers.contains($0.key) }
        var waiting: Set<UInt16> = []
        for file in pending {
            let part = try await upload(file, besides: waiting, index)
            if part != .nothing, !all { return }
            guard part != .everything else { continue }
            let written = uploads[index].written[file.number] ?? []
            waiting.formUnion(try await host.slots(inFile: file.number).subtracting(written))
        }
    }

    /// How much of what a database is to have of a file was brought there.
    private enum BroughtPart {
        case nothing
        case something
        case everything
    }

    /// Brings what a file has of slots that this node writes and that have their home in a database there.
    ///
    /// - Parameters:
    ///   - file: the file.
    ///   - waiting: slots of which an earlier file has what is not there yet: their watermarks must not pass it.
    ///   - index: of the database.
    /// - Returns: how much is there now, if anything was done.
    /// - Throws: `CheckpointError`; the file stays pending.
    private func upload(
        _ file: PendingBlockFile, besides waiting: Set<UInt16>, _ index: Int
    ) async throws -> BroughtPart {
        let version = await currentVersion()
        let slots = try await host.slots(inFile: file.number)
        let duty = try await host.checkpointDuty(of: slots)
        try await leaveOthers(index)
        let here = await servers.slots(duty.mine, at: index).subtracting(waiting)
        let written = uploads[index].written[file.number] ?? []
        try await claim(here.subtracting(written), index)
        let ready = here.subtracting(written).filter { uploads[index].duty.epoch(Int($0)) != nil }
        if !ready.isEmpty, let blocks = try await host.checkpointBlocks(file: file.number, slots: ready) {
            try await add(blocks, of: file, movingAllBut: waiting, index)
            // A slot that was fenced meanwhile has no epoch any more.
            let added = ready.filter { uploads[index].duty.epoch(Int($0)) != nil }
            uploads[index].written[file.number, default: []].formUnion(added)
        }
        // Whose slots are whose may have changed meanwhile: a slot that nobody has now, or that is here only now, still has its way to go.
        let after = try await host.checkpointDuty(of: slots)
        guard after.isDecided, await servers.slots(after.mine, at: index).isSubset(of: here) else {
            return ready.isEmpty ? .nothing : .something
        }
        let homes = await servers.homes(of: after.mine)
        guard await currentVersion() == version else { return .something }
        uploads[index].done.insert(file.number)
        uploads[index].written[file.number] = nil
        uploads[index].told = nil
        try await settle(file, homes)
        return .everything
    }

    /// A file that every home of its slots has waits no longer.
    private func settle(_ file: PendingBlockFile, _ homes: Set<Int?>) async throws {
        let isEverywhere = homes.allSatisfy { home in home.map { uploads[$0].done.contains(file.number) } ?? false }
        guard isEverywhere else { return }
        try await host.markUploaded(file: file.number)
        for index in uploads.indices { uploads[index].done.remove(file.number) }
    }

    /// Gives claims up to slots that others write now, or that have their home elsewhere.
    private func leaveOthers(_ index: Int) async throws {
        let claimed = Set(uploads[index].duty.claimedSlots.map { UInt16($0) })
        let mine = await servers.slots(try await host.checkpointDuty(of: claimed).mine, at: index)
        for slot in claimed.subtracting(mine) {
            _ = uploads[index].duty.advance(Int(slot), isOnDuty: false, now: now)
        }
    }

    /// Slots that have become this node's to write may have blocks here that their writer before did not come to, and no new ones for long.
    ///
    /// - Returns: whether it was time to look.
    func takeOver(_ index: Int) async throws -> Bool {
        let last = uploads[index].lastTakeoverAt
        guard last == .min || clock() >= last + Self.takeoverInterval else { return false }
        uploads[index].lastTakeoverAt = clock()
        try await leaveOthers(index)
        let mine = try await host.checkpointDuty(of: try await host.sealedSlots()).mine
        try await claim(await servers.slots(mine, at: index), index)
        return true
    }

    /// Claims slots that are not held, finds out what the database has of them, and adds what it lacks.
    private func claim(_ slots: Set<UInt16>, _ index: Int) async throws {
        var claiming: [UInt16] = []
        for slot in slots.sorted() where uploads[index].duty.epoch(Int(slot)) == nil {
            let step = uploads[index].duty.advance(Int(slot), isOnDuty: true, now: now)
            if case .claim = step { claiming.append(slot) }
        }
        if claiming.isEmpty { return }
        do {
            let store = await servers.store(index)
            var loading: [SlotClaim] = []
            for claim in try await store.claim(claiming, writer: writer) {
                let step = uploads[index].duty.claimed(Int(claim.slot), epoch: claim.epoch, now: now)
                if case .load = step { loading.append(claim) }
            }
            let lacking = try await load(Set(claiming), index)
            for claim in loading { uploads[index].duty.loaded(Int(claim.slot), epoch: claim.epoch, now: now) }
            for (file, known) in lacking {
                let wanted = try await host.checkpointBlocks(file: file.number, slots: Set(claiming), besides: known)
                try await add(wanted ?? [], of: file, movingAllBut: nil, index)
            }
            // Of what was fenced meanwhile something may be lacking.
            uploads[index].mended.formUnion(claiming.filter { uploads[index].duty.epoch(Int($0)) != nil })
        } catch {
            for slot in claiming { uploads[index].duty.startOver(Int(slot)) }
            throw error
        }
    }

    /// Of slots that were another node's to write, or another database's to have: files here that count as uploaded, with what the databases list.
    private func load(_ slots: Set<UInt16>, _ index: Int) async throws -> [(PendingBlockFile, Set<BlockID>)] {
        let pending = Set(try await pendingFiles(index).map(\.number))
        let watermarks = try await servers.store(index).slots().filter { slots.contains($0.slot) }
        // Before the first addition there is none; and it says nothing of what a lost database had.
        let isMended = uploads[index].lost.isEmpty || slots.isSubset(of: uploads[index].mended)
        let since = isMended ? watermarks.map { $0.watermark ?? .min }.min() ?? .min : .min
        var files: [PendingBlockFile] = []
        for file in try await host.sealedFiles() where !pending.contains(file.number) {
            guard since == .min || file.watermark > since - Self.takeoverReach else { continue }
            if !slots.isDisjoint(with: try await host.slots(inFile: file.number)) { files.append(file) }
        }
        guard let oldest = files.map(\.minTime).min() else { return [] }
        let known = try await servers.blockIDs(of: slots.sorted(), since: oldest, needing: index)
        return files.map { ($0, known) }
    }

    /// Adds blocks of slots that are claimed.
    ///
    /// - Parameters:
    ///   - blocks: of one file.
    ///   - file: its watermark becomes that of the slots.
    ///   - waiting: with the last block the watermarks of all claimed slots but these move; nil: only those of slots with a block.
    ///   - index: of the database.
    /// - Throws: the store's error; a slot that was fenced is left out.
    private func add(
        _ blocks: [CheckpointBlock], of file: PendingBlockFile, movingAllBut waiting: Set<UInt16>?, _ index: Int
    ) async throws {
        let store = await servers.store(index)
        var rest = blocks[...]
        while !rest.isEmpty {
            let count = CheckpointCadence.batchCount(rest.map(\.record.byteCount))
            let batch = Array(rest.prefix(count))
            // Slots without a block in this file are as complete as the others once the last of it is stored.
            var slots = Set(batch.map { Int($0.record.slot) })
            if count == rest.count, let waiting {
                slots.formUnion(uploads[index].duty.readySlots.filter { !waiting.contains(UInt16($0)) })
            }
            let writes = beginWrites(slots, index)
            let claims = writes.map { SlotClaim(slot: UInt16($0.slot), epoch: $0.epoch) }
            do throws(CheckpointError) {
                let added = try await store.add(
                    CheckpointBatch(claims: claims, blocks: batch, watermark: file.watermark))
                for write in writes {
                    uploads[index].duty.written(write.slot, epoch: write.epoch, number: write.number, now: now)
                }
                logger.debug("checkpoint written", metadata: ["block": "\(file.number)", "added": "\(added)"])
                rest = rest.dropFirst(count)
                noteAdded(batch)
            } catch {
                guard case .fenced(let slot, _, _) = error else {
                    for write in writes { uploads[index].duty.startOver(write.slot) }
                    throw error
                }
                let fenced = try await giveUpFenced(writes, refusedFor: Int(slot), index)
                rest = rest.filter { !fenced.contains(Int($0.record.slot)) }[...]
            }
        }
    }

    /// A write of the duty that is under way.
    private struct Write {
        let slot: Int
        let epoch: Int64
        let number: Int64
    }

    /// The writes that the duty asks for now, ascending by slot.
    private func beginWrites(_ slots: Set<Int>, _ index: Int) -> [Write] {
        slots.sorted().compactMap { slot in
            guard case .write(_, let epoch, let number) = uploads[index].duty.advance(slot, isOnDuty: true, now: now)
            else { return nil }
            return Write(slot: slot, epoch: epoch, number: number)
        }
    }

    /// After a refusal, which names one slot: finds out which others were taken over too. Who slept for a while has lost many, and asked for one after the other
    /// each would cost a transaction that locks them all.
    ///
    /// - Returns: the slots that are others' now; the rest may be asked for anew under the same epochs.
    private func giveUpFenced(_ writes: [Write], refusedFor named: Int, _ index: Int) async throws -> Set<Int> {
        for write in writes where write.slot == named {
            uploads[index].duty.fenced(named, epoch: write.epoch, now: now)
        }
        var current: [Int: Int64] = [:]
        do {
            for state in try await servers.store(index).slots() { current[Int(state.slot)] = state.epoch }
        } catch {
            for write in writes where write.slot != named { uploads[index].duty.startOver(write.slot) }
            throw error
        }
        var fenced: Set<Int> = [named]
        for write in writes where write.slot != named {
            if current[write.slot] == write.epoch {
                uploads[index].duty.notWritten(write.slot, epoch: write.epoch, number: write.number, now: now)
            } else {
                uploads[index].duty.fenced(write.slot, epoch: write.epoch, now: now)
                fenced.insert(write.slot)
            }
        }
        logger.warning(
            "slots taken over in the checkpoint",
            metadata: ["server": "\(servers.status[index].name)", "slots": "\(fenced.count)", "one": "\(named)"])
        counters.withLock { $0.fencedSlots += fenced.count }
        return fenced
    }

    private func noteAdded(_ batch: [CheckpointBlock]) {
        counters.withLock { counters in
            counters.uploadedBlocks += batch.count
            counters.uploadedBytes += batch.reduce(0) { $0 + $1.bytes.count }
            counters.uploadedSamples += batch.reduce(0) { $0 + $1.record.sampleCount }
        }
    }
}
