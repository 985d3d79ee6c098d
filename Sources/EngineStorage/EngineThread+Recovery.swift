internal import ByteCoding
internal import Glibc
internal import Logging
internal import SeriesEngine

extension EngineThread {
    /// Takes over what is on disk: blocks, catalog, then the log that no block covers; then begins a new segment.
    func recover() throws(EngineError) {
        do {
            try removeTemporaries()
            try openBlocks()
            try restoreCatalog()
            try replayLog()
        } catch let error as EngineError {
            throw error
        } catch {
            throw EngineError(.directoryUnusable, "data directory \(directory.path): \(error)")
        }
        if let failure = rotateLog() { throw EngineError(.directoryUnusable, failure.message) }
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
        for name in try SystemCalls.list(directory.blocksPath) where name.hasSuffix(".block") {
            guard let number = UInt32(name.dropLast(6)) else { continue }
            let path = directory.blocksPath + "/" + name
            nextBlockNumber = max(nextBlockNumber, number + 1)
            do {
                let file = try BlockFile(opening: path, number: number)
                blocks.append(file)
                if file.isUploaded { uploaded.insert(number) }
            } catch let error as BlockError where error.code == .unknownVersion {
                throw EngineError(.unknownVersion, "\(path): \(error)")
            } catch let error as BlockError {
                // Never silently short: a block that is not there would be missing from every answer.
                throw EngineError(
                    .blockUnreadable,
                    "\(path): \(error); restore the file, or move it away to go on with what the checkpoint has of it"
                )
            }
        }
        blocks.sort { $0.number < $1.number }
    }

    /// Block files that the checkpoint has and this directory no longer are fetched again.
    private func noteLostBlocks() throws(FileError) {
        let marks = try BlockFile.orphanMarks(in: directory.blocksPath)
        guard !marks.isEmpty else { return }
        logger.warning(
            "block files are gone", metadata: ["count": "\(marks.count)", "folder": "\(directory.blocksPath)"])
        // First the order to restore: without the marks nothing tells any more that these files were here.
        try directory.blocksAreLost()
        for mark in marks { try SystemCalls.remove(directory.blocksPath + "/" + mark) }
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

    /// Servers and metadata as the blocks know them, oldest block first, so that the newest wins.
    private func rebuildCatalog() throws {
        for file in blocks {
            for entry in file.directory.entries {
                let bytes = try file.bytes(of: entry)
                let index = try SlotIndex(decoding: bytes.rawSpan)
                engine.restore(Catalog(servers: index.servers, metadata: index.metadata))
            }
        }
    }

    private func replayLog() throws {
        let start = configuration.monotonicClock()
        let covered = blocks.reduce(UInt32(0)) { max($0, $1.directory.coversSegmentsBefore) }
        removeSegments(before: covered)
        let segments = try WALWriter.segments(in: directory.walPath).filter { $0 >= covered }
        for number in segments { try replaySegment(number, isLast: number == segments.last) }
        wal = WALWriter(
            folder: directory.walPath, generation: configuration.engine.generation,
            durability: configuration.durability, after: segments.last ?? covered)
        statistics.replayMilliseconds = configuration.monotonicClock() - start
        logger.info(
            "log replayed",
            metadata: [
                "segments": "\(statistics.replayedSegments)", "samples": "\(statistics.replayedSamples)",
                "droppedBytes": "\(statistics.replayDroppedBytes)",
                "milliseconds": "\(statistics.replayMilliseconds)",
            ])
    }

    private func replaySegment(_ number: UInt32, isLast: Bool) throws {
        let path = WALWriter.path(directory.walPath, number)
        let bytes = try FileDescriptor.contents(of: path)
        let replay: WALReplay
        do throws(WALError) {
            replay = try engine.replay(segment: bytes.rawSpan)
        } catch {
            throw EngineError(error.code == .unknownVersion ? .unknownVersion : .directoryUnusable, "\(path): \(error)")
        }
        statistics.replayedSegments += 1
        statistics.replayedSamples += replay.samples
        statistics.replayDroppedBytes += replay.droppedBytes
        guard let stop = replay.stoppedBy else { return }
        logger.warning(
            "log segment cut short",
            metadata: [
                "segment": "\(path)", "reason": "\(stop)", "droppedBytes": "\(replay.droppedBytes)",
                "records": "\(replay.records)",
            ])
        // A torn tail of the last segment is a write that was never acknowledged. An earlier one was synced when it ended: what
        // looks like a torn tail there may be a damaged length. That, and any other damage, is kept for a person to look at.
        let isTornTail = isLast && (stop.code == .recordTooShort || stop.code == .headerTooShort)
        if !isTornTail {
            try FileDescriptor.replace(path + ".damaged", with: bytes)
        }
    }
}
