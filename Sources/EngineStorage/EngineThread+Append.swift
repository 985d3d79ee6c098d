internal import Logging
internal import MetricModel
internal import SeriesEngine

/// What waits for one write of the log.
enum GroupEntry {
    case append(PreparedAppend, QueuedAppend)
    /// A part of a router's batch.
    case store(PreparedAppend, BatchMark, AppendInput)
    case bundle(PreparedBundle, BatchMark, SampleBundle)
    /// What `SlotMovement` notes.
    case record([UInt8])
    case drop(DroppedSlots)
}

extension EngineThread {
    /// Judges a batch and adds its records to the group; refuses it when the head is too full or the log is down.
    func prepare(_ append: QueuedAppend) {
        if !append.input.rows.histograms.isEmpty { admitHistograms() }
        if let refusal = refusal() { return append.completion(.failure(refusal)) }
        let prepared = engine.prepare(append.input, now: configuration.clock(), into: &records)
        group.append(.append(prepared, append))
    }

    /// Why no batch is taken now: a limit is reached, or the log is down.
    func refusal() -> EngineError? {
        if let overload {
            statistics.overloads += 1
            return overload
        }
        if isStalled {
            return EngineError(.logFailed, "the log cannot be written", retryAfterMilliseconds: 1000)
        }
        return openLogIfNeeded()
    }

    /// The limit that is reached.
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

    /// Writes the group's records in one write, syncs as configured, applies the batches, and answers; then leaves what stands behind them.
    ///
    /// When the log fails, nothing of the group is in the head. Each batch is abandoned and answered with the error; but where a slots'
    /// machine already counts on the group it stays, and is prepared anew until the log has it: nothing leaves before.
    func commitGroup() {
        if isStalled, !prepareAnew() { return }
        guard !group.isEmpty else { return leave() }
        do throws(FileError) {
            if !records.isEmpty {
                try wal.append(records)
                statistics.walBytes += records.count
                statistics.walWrites += 1
            }
        } catch {
            return commitFailed(error)
        }
        isStalled = false
        for entry in group { apply(entry) }
        for entry in group {
            guard case .append(let prepared, let append) = entry else { continue }
            append.completion(.success(prepared.outcome))
        }
        group.removeAll(keepingCapacity: true)
        records.removeAll(keepingCapacity: true)
        leave()
        if wal.size >= configuration.walSegmentBytesMax { _ = rotateLog() }
    }

    private func apply(_ entry: GroupEntry) {
        switch entry {
        case .append(let prepared, _), .store(let prepared, _, _): engine.apply(prepared)
        case .bundle(let prepared, _, _): engine.apply(prepared)
        case .record: break
        case .drop(let slots): drop(slots)
        }
    }

    private func commitFailed(_ error: FileError) {
        statistics.walFailures += 1
        tellOfLog("log write failed", error)
        let failure = EngineError(.logFailed, "nothing is stored: \(error)", retryAfterMilliseconds: 1000)
        for entry in group {
            switch entry {
            case .append(let prepared, let append):
                engine.abandon(prepared)
                append.completion(.failure(failure))
            case .store(let prepared, _, _): engine.abandon(prepared)
            case .bundle, .record, .drop: break
            }
        }
        group.removeAll { if case .append = $0 { true } else { false } }
        records.removeAll(keepingCapacity: true)
        isStalled = !group.isEmpty
    }

    /// Prepares what the log could not take for the next segment, which knows no series yet.
    ///
    /// - Returns: false when there is no next segment either.
    private func prepareAnew() -> Bool {
        guard openLogIfNeeded() == nil else { return false }
        records.removeAll(keepingCapacity: true)
        group = group.map { entry in
            switch entry {
            case .append: return entry
            case .store(_, let mark, let input):
                return .store(
                    engine.prepare(input, now: configuration.clock(), as: mark, into: &records), mark, input)
            case .bundle(_, let mark, let bundle):
                return .bundle(engine.prepare(bundle, bundle.encoded, as: mark, into: &records), mark, bundle)
            case .record(let bytes): Engine.note(bytes, into: &records)
            case .drop(let slots): Engine.note(slots, into: &records)
            }
            return entry
        }
        return true
    }

    /// Sees to it that histograms are written to a segment whose version has them: the first one begins it.
    func admitHistograms() {
        guard wal.version < WALSegmentHeader.histogramVersion else { return }
        commitGroup()
        wal.version = WALSegmentHeader.histogramVersion
        // Where the log does not take the group there is no segment, and the next one has this version.
        if group.isEmpty { _ = rotateLog() }
    }

    /// Begins a segment when the last was given up.
    func openLogIfNeeded() -> EngineError? {
        wal.isOpen ? nil : rotateLog()
    }

    /// Every batch tries again: what is told each time fills the disk that may be full already.
    private func tellOfLog(_ what: Logger.Message, _ error: FileError) {
        let now = configuration.monotonicClock()
        if let last = logFailureToldAt, now - last < Self.logFailureInterval { return }
        logFailureToldAt = now
        logger.error(what, metadata: ["error": "\(error)", "failures": "\(statistics.walFailures)"])
    }

    /// Milliseconds between two lines about a log that cannot be written.
    private static let logFailureInterval: Int64 = 10_000

    /// Begins the next segment of the log; the group must be committed.
    func rotateLog() -> EngineError? {
        precondition(group.isEmpty || !wal.isOpen, "the log is rotated under a group")
        do throws(FileError) {
            try wal.beginSegment(now: configuration.clock())
            engine.beginSegment(wal.number)
            return nil
        } catch {
            statistics.walFailures += 1
            tellOfLog("log segment not begun", error)
            return EngineError(.logFailed, "the log cannot be written: \(error)", retryAfterMilliseconds: 1000)
        }
    }
}
