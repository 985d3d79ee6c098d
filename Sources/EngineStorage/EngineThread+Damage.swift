internal import ByteCoding
internal import Glibc
internal import Logging
internal import SeriesEngine
internal import SlotMovement

/// Slot blocks that cannot be read any more: hidden, so that they fail no answer and no copy, and made good from other members or from the
/// checkpoint. What neither has is told in answers.
extension EngineThread {
    /// Takes note of slot blocks that whoever read them found to be damaged, and has the rest of their file looked through.
    func noteDamage(file number: UInt32, slots: [UInt16]) {
        guard let file = blocks.first(where: { $0.number == number }) else { return }
        let found = Set(slots).filter { file.entry(ofSlot: $0) != nil }.sorted()
        guard !found.isEmpty else { return }
        // Until the log has that they are lost they stay as they are: whoever reads them fails, and comes by here again.
        guard logLoss(of: found) else {
            verified.remove(number)
            return
        }
        for slot in found { damaged[number, default: [:]][slot] = movement == nil ? .awaited : .sought }
        mark(file, isRestored: movement == nil)
        blocks = blocks.map { visible($0) }
        engine.changes.noteEverything()
        statistics.damagedSlotBlocks += found.count
        logger.error(
            "slot blocks cannot be read and are made good from elsewhere; look after the disk",
            metadata: ["block": "\(file.path)", "slots": "\(found.count)", "first": "\(found[0])"])
        verify(file)
    }

    /// Whether the slots' machine counts on the slots no more, durably.
    private func logLoss(of slots: [UInt16]) -> Bool {
        guard movement != nil else { return true }
        guard !isStalled, openLogIfNeeded() == nil else { return false }
        var effects: [MovementEffect] = []
        movement?.keeper.lose(slots.map { Int($0) }, now: movementNow, into: &effects)
        carryOut(effects, beside: .none)
        commitGroup()
        return !isStalled
    }

    /// Writes down what is hidden. Were it not, it would be found again after the next start.
    private func mark(_ file: BlockFile, isRestored: Bool) {
        do throws(FileError) {
            // First the order to restore: once the block is hidden nothing else asks for it.
            if isRestored { try directory.blocksAreLost() }
            try DamageMark.set(file.path, damaged[file.number] ?? [:])
        } catch {
            logger.error("the mark of a damaged block cannot be written", metadata: ["error": "\(error)"])
        }
    }

    /// A slot was taken over without all who may have had its samples: what was damaged here and not made good since may be in the checkpoint alone.
    func noteAwaited(in slot: UInt16) {
        settle(.sought, in: [slot]) { _, _ in .awaited }
    }

    /// Slots are here as the others have them.
    func noteReplaced(in slots: [Int]) {
        settle(.sought, in: slots.map { UInt16($0) }) { _, _ in .replaced }
    }

    /// All that the checkpoint has of slots is here: what was damaged came back as it was, or nobody is known to have it.
    ///
    /// - Parameter slots: nil for all.
    func noteRestored(in slots: [Int]? = nil) {
        settle(.awaited, in: slots?.map { UInt16($0) }) { file, lost in
            let isBack = blocks.contains { other in
                other.number != file.number && other.entry(ofSlot: lost.slot)?.hasSameContent(as: lost) == true
            }
            return isBack ? .replaced : .lost
        }
    }

    private func settle(
        _ fate: DamageMark.Fate, in slots: [UInt16]?, _ next: (BlockFile, BlockDirectoryEntry) -> DamageMark.Fate
    ) {
        for file in blocks where damaged[file.number] != nil {
            let settled = (slots ?? damaged[file.number].map { Array($0.keys) } ?? [])
                .filter { damaged[file.number]?[$0] == fate }
            for slot in settled {
                guard let entry = file.whole.entry(ofSlot: slot) else { continue }
                damaged[file.number]?[slot] = next(file, entry)
                if damaged[file.number]?[slot] == .lost { noteLost(file, slot) }
            }
            if !settled.isEmpty { mark(file, isRestored: false) }
        }
    }

    /// Takes over what earlier starts noted.
    func openDamaged() throws(FileError) {
        damaged = try DamageMark.all(in: directory.blocksPath)
        for file in blocks {
            let fates = damaged[file.number] ?? [:]
            for slot in fates.keys.sorted() where fates[slot] == .lost { noteLost(file, slot) }
        }
    }

    private func noteLost(_ file: BlockFile, _ slot: UInt16) {
        guard let entry = file.whole.entry(ofSlot: slot) else { return }
        lostBlocks.append(
            LostBlock(number: file.number, slot: slot, minTime: entry.minTime, maxTime: entry.maxTime))
    }

    // MARK: - The rest of the file

    /// Where one slot block is damaged others may be: they are found before somebody asks for them, one file at a time.
    private func verify(_ file: BlockFile) {
        guard verified.insert(file.number).inserted else { return }
        unverified.append(file.whole)
        verifyNext()
    }

    private func verifyNext() {
        guard !isVerifying, !unverified.isEmpty, !isClosing else { return }
        isVerifying = true
        let file = unverified.removeFirst()
        let queue = queue
        WorkerThread.start(name: "murmur-verify") {
            let slots = file.directory.entries.filter { entry in
                do {
                    _ = try LoadedSlotBlock(file.bytes(of: entry))
                    return false
                } catch {
                    return BlockFile.isDamage(error)
                }
            }.map(\.slot)
            _ = queue.push { thread in
                thread.isVerifying = false
                thread.noteDamage(file: file.number, slots: slots)
                thread.verifyNext()
            }
        }
    }
}
