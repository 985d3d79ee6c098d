internal import Dispatch
internal import SeriesEngine
internal import SlotMovement
internal import Synchronization

/// One batch on its way to the engine.
struct QueuedAppend: Sendable {
    var input: AppendInput
    var size: Int
    var completion: @Sendable (Result<AppendOutcome, EngineError>) -> Void
}

/// One batch of a router on its way to the engine of a cluster's node.
struct QueuedStore: Sendable {
    var input: AppendInput
    var request: StoreRequest
    var size: Int
    var completion: @Sendable (Result<StoreOutcome, EngineError>) -> Void
}

/// A message about a slot with what was read of its attachment.
struct OpenedParcel: Sendable {
    var message: MovementMessage
    var bundle: SampleBundle?
    var windows: [Int64: WindowDigest] = [:]
    /// The attachment.
    var bytes: [UInt8] = []
}

/// Messages of a member about slots, with the samples that came beside them.
struct QueuedMovement: Sendable {
    var parcels: [OpenedParcel]
    var sender: NodeID
    var size: Int
}

/// What the engine's thread is asked to do.
enum EngineCommand: Sendable {
    case append(QueuedAppend)
    case store(QueuedStore)
    case movement(QueuedMovement)
    case run(@Sendable (EngineThread) -> Void)
}

/// The bounded queue in front of an engine's thread: many writers, one reader who takes all at once.
final class EngineQueue: Sendable {
    private struct State {
        var commands: [EngineCommand] = []
        var batches = 0
        var bytes = 0
        var movementBytes = 0
        var isReaderWaiting = false
        var isClosed = false
    }

    private let state = Mutex(State())
    private let wake = DispatchSemaphore(value: 0)
    private let bytesMax: Int
    private let batchesMax: Int

    init(bytesMax: Int, batchesMax: Int) {
        self.bytesMax = bytesMax
        self.batchesMax = batchesMax
    }

    /// Adds a batch.
    ///
    /// - Returns: why not: overload with the limit's name, or closed.
    func push(_ append: QueuedAppend) -> EngineError? {
        push(.append(append)) { admit(append.size, to: &$0) }
    }

    /// Adds a router's batch; as for an append.
    func push(_ store: QueuedStore) -> EngineError? {
        push(.store(store)) { admit(store.size, to: &$0) }
    }

    /// Adds messages about slots.
    ///
    /// - Returns: why not; what is refused is asked for again.
    func push(_ movement: QueuedMovement, bytesMax: Int) -> EngineError? {
        push(.movement(movement)) { state in
            if state.movementBytes > 0 && state.movementBytes + movement.size > bytesMax {
                return overload("movement_queue_bytes_max")
            }
            state.movementBytes += movement.size
            return nil
        }
    }

    private func admit(_ size: Int, to state: inout State) -> EngineError? {
        // One batch always fits, so that a limit below a batch's size does not shut the door for good.
        if state.batches > 0 && state.bytes + size > bytesMax { return overload("ingest_queue_bytes_max") }
        if state.batches >= batchesMax { return overload("ingest_queue_batches_max") }
        state.batches += 1
        state.bytes += size
        return nil
    }

    /// Adds a task, which no limit refuses: their number is bounded by those who wait for them.
    func push(_ run: @escaping @Sendable (EngineThread) -> Void) -> EngineError? {
        push(.run(run)) { _ in nil }
    }

    /// Takes everything, after waiting at most `milliseconds` for something.
    func takeAll(waitingMilliseconds milliseconds: Int) -> [EngineCommand] {
        let ready = take()
        if !ready.isEmpty { return ready }
        _ = wake.wait(timeout: .now() + .milliseconds(milliseconds))
        return take()
    }

    /// Refuses everything from now on.
    ///
    /// - Returns: what was still waiting.
    func close() -> [EngineCommand] {
        state.withLock { $0.isClosed = true }
        return take()
    }

    private func take() -> [EngineCommand] {
        state.withLock { state in
            let taken = state.commands
            state.commands = []
            state.batches = 0
            state.bytes = 0
            state.movementBytes = 0
            state.isReaderWaiting = taken.isEmpty
            return taken
        }
    }

    private func push(_ command: EngineCommand, admit: (inout State) -> EngineError?) -> EngineError? {
        let (refusal, mustWake) = state.withLock { state -> (EngineError?, Bool) in
            if state.isClosed { return (EngineError(.closed, "the engine is closed"), false) }
            if let refusal = admit(&state) { return (refusal, false) }
            state.commands.append(command)
            let mustWake = state.isReaderWaiting
            state.isReaderWaiting = false
            return (nil, mustWake)
        }
        if mustWake { wake.signal() }
        return refusal
    }

    private func overload(_ limit: String) -> EngineError {
        EngineError(.overloaded, "the engine's queue is full (\(limit))", retryAfterMilliseconds: 1000)
    }
}
