internal import Dispatch
internal import SlotMovement
internal import Synchronization

/// What is asked for again while it is made is made once.
enum WorkKey: Hashable {
    case page(ofSlot: Int, to: NodeID, cursor: Int)
    /// Of a page of theirs.
    case request(ofSlot: Int, to: NodeID)
    case payment(to: NodeID)

    /// Whether leases wait for it.
    fileprivate var isPrompt: Bool {
        switch self {
        case .page, .request: false
        case .payment: true
        }
    }
}

/// A thread for what reads much: pages, digests, repairs, and what is owed. Jobs are done in order, payments before all others; their number is bounded.
final class MovementWorker: Sendable {
    private struct Job {
        var key: WorkKey?
        var run: @Sendable () -> Void
    }

    private struct State {
        var jobs: [Job] = []
        /// At most one a member.
        var promptJobs: [Job] = []
        var keys: Set<WorkKey> = []
        var isClosed = false
    }

    private let state = Mutex(State())
    private let wake = DispatchSemaphore(value: 0)
    private let jobsMax: Int
    private let sent = Atomic(0)

    /// Bytes of pages that were made for others.
    var sentBytes: Int { sent.load(ordering: .relaxed) }

    init(jobsMax: Int) {
        self.jobsMax = jobsMax
    }

    /// Begins to work.
    func start() {
        WorkerThread.start(name: "murmur-slots") {
            while let job = self.take() {
                job.run()
                if let key = job.key { self.finish(key) }
            }
        }
    }

    /// Whether a job of the same is not done.
    func has(_ key: WorkKey) -> Bool { state.withLock { $0.keys.contains(key) } }

    /// Adds a job.
    ///
    /// - Parameters:
    ///   - key: while a job of the same is not done, another is not added.
    ///   - job: what to do.
    /// - Returns: false when too many wait: whoever wants it asks again.
    func push(_ key: WorkKey?, _ job: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            let isPrompt = key?.isPrompt ?? false
            guard !state.isClosed, isPrompt || state.jobs.count < jobsMax else { return false }
            if let key, !state.keys.insert(key).inserted { return true }
            if isPrompt {
                state.promptJobs.append(Job(key: key, run: job))
            } else {
                state.jobs.append(Job(key: key, run: job))
            }
            wake.signal()
            return true
        }
    }

    /// Counts pages.
    func noteSent(_ pages: [MovementParcel]) {
        let bytes = pages.reduce(0) { $0 + ($1.attachment?.count ?? 0) }
        sent.add(bytes, ordering: .relaxed)
    }

    private func finish(_ key: WorkKey) { state.withLock { _ = $0.keys.remove(key) } }

    /// Ends after the job at hand.
    func close() {
        state.withLock { state in
            state.isClosed = true
            state.jobs = []
            state.promptJobs = []
        }
        wake.signal()
    }

    /// The next job; nil at the end. There are as many signals as jobs, and one more at the end.
    private func take() -> Job? {
        wake.wait()
        return state.withLock { state in
            if state.isClosed { return nil }
            return state.promptJobs.isEmpty ? state.jobs.removeFirst() : state.promptJobs.removeFirst()
        }
    }
}
