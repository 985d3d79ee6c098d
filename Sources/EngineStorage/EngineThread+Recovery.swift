internal import ByteCoding
internal import Glibc
internal import Logging
internal import SeriesEngine
internal import SlotMovement

extension EngineThread {
    /// Takes over what is on disk: blocks, catalog, then the log that no block covers; then begins a new segment.
    ///
    /// - Parameter setup: of a node of a cluster, whose slots' machine begins with what the log says of it.
    /// - Throws: `EngineError`, naming the file that cannot be taken over.
    func recover(_ setup: MovementSetup?) throws(EngineError) {
        var notes = MovementNotes()
        do {
            try removeTemporaries()
            try openBlocks()
            try openDropped()
            try openDamaged()
            try restoreCatalog()
            try replayLog(into: &notes, setup)
            hide()
        } catch let error as EngineError {
            throw error
        } catch {
            let isFull = (error as? FileError)?.isDiskFull ?? false
            throw EngineError(isFull ? .diskFull : .directoryUnusable, "data directory \(directory.path): \(error)")
        }
        if let failure = rotateLog() { throw EngineError(.directoryUnusable, failure.message) }
        if let setup { try beginMovement(setup, notes) }
    }

    private func openDropped() throws {
        guard try SystemCalls.exists(directory.droppedPath) else { return }
        do {
            dropped = try DropMask(decoding: FileDescriptor.contents(of: directory.droppedPath))
        } catch let error as BlockError {
            // Without it samples of slots that others hold would be answered.
            throw EngineError(
                error.code == .unknownVersion ? .unknownVersion : .directoryUnusable,
                "\(directory.droppedPath): \(error)")
        }
    }

    /// What was dropped or is damaged is not in the blocks, and no later block takes a number up to which something was dropped.
    private func hide() {
        nextBlockNumber = max(nextBlockNumber, dropped.numberMax + 1)
        blocks = blocks.map { visible($0) }
    }

    private func removeTemporaries() throws(FileError) {
        for folder in [directory.path, directory.path + "/engine-0", directory.blocksPath, directory.walPath] {
            for name in try SystemCalls.list(folder) where name.hasSuffix(".tmp") {
                try SystemCalls.remove(folder + "/" + name)
            }
        }
    }

    private func openBlocks() throws {
        try noteLostBlocks()
        let names = try SystemCalls.list(directory.blocksPath)
        let marks = Set(names.filter { !$0.hasSuffix(".block") })
        for name in names where name.hasSuffix(".block") {
            guard let number = UInt32(name.dropLast(6)) else { continue }
            let path = directory.blocksPath + "/" + name
            nextBlockNumber = max(nextBlockNumber, number + 1)
            do {
                let file = try BlockFile(opening: path, number: number)
                blocks.append(file)
                if file.isUploaded {
                    uploaded.insert(number)
                } else if !marks.contains(LocalMark.name(of: name)) {
                    try LocalMark.set(path, minTime: file.minTime, maxTime: file.maxTime)
                }
            } catch let error as BlockError where error.code == .unknownVersion {
                throw EngineError(.unknownVersion, "\(path): \(error)")
            } catch let error as BlockError {
                // Never silently short: a block that is not there would be missing from every answer.
                throw EngineError(.blockUnreadable, "\(path): \(error); \(try remedy(path))")
            }
        }
        blocks.sort { $0.number < $1.number }
    }

    /// What a person can do about a block file that cannot be read.
    private func remedy(_ path: String) throws(FileError) -> String {
        if BlockFile.hasUploadedMark(path) {
            return "restore the file, or move it away to go on with what the checkpoint has of it"
        }
        // Its times are not known, so answers about any time will warn.
        let mark = LocalMark.name(of: path)
        if try !SystemCalls.exists(mark) { try LocalMark.set(path, minTime: .min, maxTime: .max) }
        return "restore the file; the checkpoint is not known to have it, so to move it away is to lose its samples, "
            + "of which answers warn as long as \(mark) is there"
    }

    /// Finds out which block files are gone: those that can be fetched again, and those that cannot.
    private func noteLostBlocks() throws(FileError) {
        try orderLostBlocks()
        lostBlocks = try LocalMark.orphans(in: directory.blocksPath)
        guard !lostBlocks.isEmpty else { return }
        // A block of the same number would hide the mark.
        nextBlockNumber = lostBlocks.reduce(nextBlockNumber) { max($0, $1.number + 1) }
        logger.error(
            "block files are gone that the checkpoint is not known to have; answers about their time warn",
            metadata: [
                "folder": "\(directory.blocksPath)",
                "blocks": "\(lostBlocks.map { BlockFile.name($0.number) }.joined(separator: " "))",
            ])
    }

    /// Block files that the checkpoint has and this directory no longer are fetched again.
    private func orderLostBlocks() throws(FileError) {
        let marks = try BlockFile.orphanMarks(in: directory.blocksPath)
        guard !marks.isEmpty else { return }
        logger.warning(
            "block files are gone", metadata: ["count": "\(marks.count)", "folder": "\(directory.blocksPath)"])
        // First the order to restore: without the marks nothing tells any more that these files were here.
        try directory.blocksAreLost()
        hasLostRecords = true
        for mark in marks {
            let path = directory.blocksPath + "/" + mark
            try SystemCalls.remove(LocalMark.name(of: BlockFile.path(ofUploadedMark: path)))
            try SystemCalls.remove(path)
        }
    }

    private func restoreCatalog() throws {
        do {
            engine.restore(try Catalog(decoding: FileDescriptor.contents(of: directory.catalogPath)))
        } catch let error as FileError where error.number == ENOENT {
            try rebuildCatalog()
        } catch let error as BlockError {
            if error.code == .unknownVersion {
                throw EngineError(.unknownVersion, "\(directory.catalogPath): \(error)")
            }
            logger.warning("catalog rebuilt from the blocks", metadata: ["error": "\(error)"])
            try rebuildCatalog()
        }
    }

    /// Servers and metadata as the blocks know them, oldest block first, so that the newest wins. What a damaged slot block knows is not among them.
    private func rebuildCatalog() throws {
        for file in blocks {
            for entry in file.directory.entries {
                do {
                    let bytes = try file.bytes(of: entry)
                    let index = try SlotIndex(decoding: bytes.rawSpan)
                    engine.restore(Catalog(servers: index.servers, metadata: index.metadata))
                } catch  where BlockFile.isDamage(error) {
                    logger.warning(
                        "a slot block cannot be read",
                        metadata: ["block": "\(file.path)", "slot": "\(entry.slot)", "error": "\(error)"])
                }
            }
        }
    }

    private func replayLog(into notes: inout MovementNotes, _ setup: MovementSetup?) throws {
        let start = configuration.monotonicClock()
        let covered = blocks.reduce(UInt32(0)) { max($0, $1.directory.coversSegmentsBefore) }
        removeSegments(before: covered)
        let segments = try WALWriter.segments(in: directory.walPath).filter { $0 >= covered }
        var unsynced: FileError?
        if let setup { try collectOwed(segments, setup, into: &notes) }
        for number in segments {
            try replaySegment(number, isLast: number == segments.last, into: &notes)
            do throws(FileError) { try syncReplayed(number) } catch { unsynced = error }
        }
        wal = WALWriter(
            folder: directory.walPath, generation: configuration.engine.generation,
            // What is still owed of an older segment is written again.
            version: max(Self.logVersion(setup), notes.logVersion),
            durability: configuration.durability, after: segments.last ?? covered)
        if let unsynced { syncFailed(unsynced) }
        statistics.replayMilliseconds = configuration.monotonicClock() - start
        logger.info(
            "log replayed",
            metadata: [
                "segments": "\(statistics.replayedSegments)", "samples": "\(statistics.replayedSamples)",
                "droppedBytes": "\(statistics.replayDroppedBytes)",
                "milliseconds": "\(statistics.replayMilliseconds)",
            ])
    }

    /// Makes a replayed segment durable. A process that was killed leaves acknowledged records that were not synced, and nobody writes
    /// to this segment, so nobody would sync it later.
    private func syncReplayed(_ number: UInt32) throws(FileError) {
        if configuration.durability == .memory { return }
        try FileDescriptor.read(WALWriter.path(directory.walPath, number)).syncData()
    }

    /// Finds out which batches members may still miss, so that replay keeps those.
    private func collectOwed(_ segments: [UInt32], _ setup: MovementSetup, into notes: inout MovementNotes) throws {
        for number in segments {
            let bytes = try FileDescriptor.contents(of: WALWriter.path(directory.walPath, number))
            for record in Engine.movementRecords(in: bytes.rawSpan) {
                let decoded = try? MovementRecord(decoding: record.rawSpan, number: setup.names.number(of:))
                if case .owed(_, let number, _) = decoded { notes.owed.insert(number) }
            }
        }
    }

    private func replaySegment(_ number: UInt32, isLast: Bool, into notes: inout MovementNotes) throws {
        let path = WALWriter.path(directory.walPath, number)
        let bytes = try FileDescriptor.contents(of: path)
        let replay: WALReplay
        do throws(WALError) {
            replay = try engine.replay(segment: bytes.rawSpan, wanting: notes.owed)
        } catch {
            throw EngineError(error.code == .unknownVersion ? .unknownVersion : .directoryUnusable, "\(path): \(error)")
        }
        statistics.replayedSegments += 1
        statistics.replayedSamples += replay.samples
        statistics.replayDroppedBytes += replay.droppedBytes
        notes.add(replay)
        for case .dropped(let slots) in replay.movements { dropped.add(slots) }
        guard let stop = replay.stoppedBy else { return }
        logger.warning(
            "log segment cut short",
            metadata: [
                "segment": "\(path)", "reason": "\(stop)", "droppedBytes": "\(replay.droppedBytes)",
                "records": "\(replay.records)",
            ])
        // A torn tail of the last segment is a write that was never acknowledged. An earlier one was synced when it ended, or when
        // it was replayed: what looks like a torn tail there may be a damaged length. That, and any other damage, is kept for a
        // person to look at.
        let isTornTail = isLast && (stop.code == .recordTooShort || stop.code == .headerTooShort)
        if !isTornTail {
            hasLostRecords = true
            try FileDescriptor.replace(path + ".damaged", with: bytes)
        }
    }
}
