internal import MetricModel
internal import SeriesEngine
internal import SlotMovement

/// What a log says to the slots' machine of the next start.
struct MovementNotes {
    /// In order, batches aside: those say only that a slot has samples.
    private(set) var records: [LoggedMovement] = []
    /// Numbers of batches that members may miss.
    var owed: Set<UInt64> = []
    private(set) var batches: [UInt64: NumberedBatch] = [:]
    private(set) var slotsWithSamples: Set<Int> = []
    /// The greatest version of a segment.
    private(set) var logVersion: UInt8 = 0

    mutating func add(_ replay: WALReplay) {
        logVersion = max(logVersion, replay.version)
        for movement in replay.movements {
            switch movement {
            case .batch(let mark): slotsWithSamples.formUnion(mark.slots)
            case .dropped(let dropped):
                slotsWithSamples.subtract(dropped.slots)
                records.append(movement)
            case .record: records.append(movement)
            }
        }
        batches.merge(replay.batches) { _, new in new }
    }
}

/// The slots' machine with what its effects work on. Owned by the engine's thread.
struct MovementState {
    /// A router's batch whose answer waits.
    struct PendingStore {
        var outcome: AppendOutcome
        var since: Int64
        var completion: @Sendable (Result<StoreOutcome, EngineError>) -> Void
    }

    /// Who asked for a page of which slot.
    struct PageKey: Hashable {
        var slot: Int
        var node: NodeID
    }

    let setup: MovementSetup
    var keeper: SlotKeeper
    var ledger = BatchLedger()
    let worker: MovementWorker
    let digests: DigestCache
    var pace: MovementPace
    var gains = MovementProgress()
    var gives = MovementProgress()
    /// What came in pages since this start.
    private var receivedBytes = 0
    private var receivedSamples = 0
    var stores: [UInt64: PendingStore] = [:]
    var nextRequester: UInt64 = 1
    /// Effects that leave once the group is in the log; in order.
    var waiting: [MovementEffect] = []
    /// What those have who ask for pages, until their pages leave.
    var theirWindows: [PageKey: [Int64: WindowDigest]] = [:]
    /// When the ledger was last looked through.
    var trimmedAt: Int64 = 0
    var tickedAt: Int64 = 0
    /// When its figures were last taken.
    var notedAt: Int64 = 0

    /// Begins with nothing waiting.
    init(
        setup: MovementSetup, keeper: SlotKeeper, worker: MovementWorker, digests: DigestCache, pace: MovementPace
    ) {
        self.setup = setup
        self.keeper = keeper
        self.worker = worker
        self.digests = digests
        self.pace = pace
    }

    /// Counts what came beside a page.
    mutating func noteReceived(_ parcel: OpenedParcel) {
        guard case .page = parcel.message else { return }
        receivedBytes += parcel.bytes.count
        receivedSamples += parcel.bundle?.sampleCount ?? 0
        pace.received(bytes: parcel.bytes.count)
    }

    /// Looks how slots come along.
    mutating func noteProgress(_ now: Int64) {
        let balance = keeper.balance
        gains.note(left: balance.toGain, bytes: receivedBytes, samples: receivedSamples, now: now)
        gives.note(left: balance.toGive, bytes: worker.sentBytes, samples: 0, now: now)
    }
}

/// Samples that came beside what the slots' machine took.
enum MovementSamples {
    case none
    /// Read, and as it came.
    case bundle(SampleBundle, [UInt8])
    /// A router's batch, with the number of its answer.
    case rows(AppendInput, requester: UInt64)
}
