internal import Logging
internal import SeriesEngine

extension EngineThread {
    /// Judges a batch and adds its records to the group; refuses it when the head is too full or the log is down.
    func prepare(_ append: QueuedAppend) {
        if let overload {
            statistics.overloads += 1
            append.completion(.failure(overload))
            return
        }
        if let failure = openLogIfNeeded() {
            append.completion(.failure(failure))
            return
        }
        let prepared = engine.prepare(append.input, now: configuration.clock(), into: &records)
        group.append((prepared, append))
    }

    /// Why no batch is taken now: the limit that is reached.
    private var overload: EngineError? {
        if engine.headSamples >= 2 * configuration.headSamplesMax {
            return EngineError(
                .overloaded, "the head is full and waits for a seal (head_samples_max)", retryAfterMilliseconds: 5000)
        }
        if statistics.pendingCheckpointBytes >= configuration.pendingCheckpointBytesMax {
            return EngineError(
                .overloaded, "too many blocks wait for the checkpoint store (pending_checkpoint_bytes)",
                retryAfterMilliseconds: 30_000)
        }
        return nil
    }

    /// Writes the group's records in one write, syncs as configured, applies the batches, and answers.
    ///
    /// When the log fails, nothing of the group is in the head: each batch is abandoned and answered with the error.
    func commitGroup() {
        guard !group.isEmpty else { return }
        do throws(FileError) {
            if !records.isEmpty {
                try wal.append(records)
                statistics.walBytes += records.count
                statistics.walWrites += 1
            }
            for entry in group { engine.apply(entry.prepared) }
            for entry in group { entry.append.completion(.success(entry.prepared.outcome)) }
        } catch {
            statistics.walFailures += 1
            logger.error("log write failed", metadata: ["error": "\(error)", "batches": "\(group.count)"])
            for entry in group { engine.abandon(entry.prepared) }
            let failure = EngineError(
                .logFailed, "nothing is stored: \(error)", retryAfterMilliseconds: 1000)
            for entry in group { entry.append.completion(.failure(failure)) }
        }
        group.removeAll(keepingCapacity: true)
        records.removeAll(keepingCapacity: true)
        if wal.size >= configuration.walSegmentBytesMax { _ = rotateLog() }
    }

    /// Begins a segment when the last was given up.
    private func openLogIfNeeded() -> EngineError? {
        wal.isOpen ? nil : rotateLog()
    }

    /// Begins the next segment of the log; the group must be committed.
    func rotateLog() -> EngineError? {
        precondition(group.isEmpty || !wal.isOpen, "the log is rotated under a group")
        do throws(FileError) {
            try wal.beginSegment(now: configuration.clock())
            engine.beginSegment(wal.number)
            return nil
        } catch {
            statistics.walFailures += 1
            logger.error("log segment not begun", metadata: ["error": "\(error)"])
            return EngineError(.logFailed, "the log cannot be written: \(error)", retryAfterMilliseconds: 1000)
        }
    }
}
