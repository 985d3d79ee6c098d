internal import MetricModel
internal import SeriesEngine
internal import Synchronization

/// Block files lately used, whole and indexed by series across files, within a number of bytes.
///
/// A question whose files are not open, or do not fit together, is answered slot by slot (`BlockCache`): slower, but it needs
/// one slot's blocks at a time. No question waits for files to be opened: that takes seconds where there are a million series,
/// and is done on a thread of its own, one request after the other (`SealedCache+Opening.swift`). While it opens files, these
/// and a second copy of the identities are in memory besides: at most as much again as is open then.
final class SealedCache: Sendable {
    struct State {
        var open = OpenFiles()
        /// When each file was used or asked for last, counted in selections; those that nobody has asked for are not among them.
        var used: [UInt32: Int] = [:]
        var clock = 0
        /// All chunks that were put together and are in memory still: the newest, and those before that questions at work hold.
        var generations: [Generation] = []
        /// What chunks that are being put together will take.
        var reserved = 0
        var backoff = OpeningBackoff()
        var requests: [Request] = []
        var isOpening = false
        var isClosed = false
        var reads = Reads()
    }

    struct Generation {
        weak var lifetime: SealedChunks.Lifetime?
    }

    /// Files that shall be open together.
    struct Request {
        var files: [BlockFile]
        /// What is called in the end; nil where a question asked for it.
        var prepared: (@Sendable () -> Void)?
    }

    /// What was read so far.
    struct Reads {
        /// Selections from files that are open.
        var acrossFiles = 0
        /// Selections slot by slot, as some of the files were not open.
        var slotBySlot = 0
        /// Files that were read whole, to open them.
        var files = 0
    }

    let state = Mutex(State())
    /// Bytes of chunks and identities of open files.
    let bytesMax: Int
    /// Bytes of chunks that were put together, for whomever.
    let joinedBytesMax: Int
    /// Monotonic milliseconds.
    let now: @Sendable () -> Int64

    /// - Parameters:
    ///   - bytesMax: bytes of chunks and identities of open files.
    ///   - joinedBytesMax: bytes of chunks that were put together, for whomever.
    ///   - now: monotonic milliseconds.
    init(bytesMax: Int, joinedBytesMax: Int, now: @escaping @Sendable () -> Int64) {
        self.bytesMax = bytesMax
        self.joinedBytesMax = joinedBytesMax
        self.now = now
    }

    /// Bytes of chunks that are put together, those included that only questions at work hold.
    var joinedBytes: Int { state.withLock { $0.joinedBytes } }

    /// Whether files are being opened.
    var isOpening: Bool { state.withLock { $0.isOpening } }

    var reads: Reads { state.withLock { $0.reads } }

    /// What is found in files that are open.
    ///
    /// - Parameters:
    ///   - files: what the question reads.
    ///   - slots: the slots that it reads of them; nil for all.
    ///   - opening: whether files that are not open are opened for those who ask later.
    /// - Returns: nil when not all files are open.
    func view(_ files: [BlockFile], slots: SlotSet?, opening: Bool) -> SealedView? {
        let open = state.withLock { state in
            if !files.isEmpty { state.clock += 1 }
            return state.open
        }
        let view = open.view(of: files, slots: slots)
        if files.isEmpty { return view }
        let asked = view == nil && opening ? Set(files.map(\.number)) : []
        let begins = state.withLock { state in
            if view != nil {
                state.reads.acrossFiles += 1
                for file in files { state.used[file.number] = state.clock }
                return false
            }
            state.reads.slotBySlot += 1
            guard opening, !state.requests.contains(where: { $0.prepared == nil }),
                !state.backoff.holdsBack(asked, now: now())
            else { return false }
            return state.add(Request(files: files))
        }
        if begins { startOpening() }
        return view
    }

    /// Begins to open nothing any more; who waits for a file in vain is told at once, who waits for the one at work when it is done.
    func close() {
        let requests = state.withLock { state in
            state.isClosed = true
            defer { state.requests = [] }
            return state.requests
        }
        for request in requests { request.prepared?() }
    }
}

extension SealedCache.State {
    var joinedBytes: Int { generations.reduce(reserved) { $0 + ($1.lifetime?.memorySize ?? 0) } }

    /// Whether somebody has to begin with it.
    mutating func add(_ request: SealedCache.Request) -> Bool {
        guard !isClosed else { return false }
        requests.append(request)
        defer { isOpening = true }
        return !isOpening
    }
}
