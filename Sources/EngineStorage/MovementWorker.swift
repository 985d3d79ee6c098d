internal import Dispatch
internal import SlotMovement
internal import Synchronization

/// A page that is asked for again while it is made is made once.
struct WorkKey: Hashable {
    var slot: Int
    var node: NodeID
    /// Of the page.
    var cursor: Int
}

/// A thread for what reads much: pages, digests, repairs. Jobs are done in order; their number is bounded.
final class MovementWorker: Sendable {
    private struct State {
        var jobs: [(key: WorkKey?, run: @Sendable () -> Void)] = []
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
            while let jobs = self.take() {
                for job in jobs {
                    job.run()
                    if let key = job.key { self.finish(key) }
                }
            }
        }
    }

    /// Adds a job.
    ///
    /// - Parameters:
    ///   - key: while a job of the same is not done, another is not added.
    ///   - job: what to do.
    /// - Returns: false when too many wait: whoever wants it asks again.
    func push(_ key: WorkKey?, _ job: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            guard !state.isClosed, state.jobs.count < jobsMax else { return false }
            if let key, !state.keys.insert(key).inserted { return true }
            state.jobs.append((key, job))
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
        }
        wake.signal()
    }

    private func take() -> [(key: WorkKey?, run: @Sendable () -> Void)]? {
        wake.wait()
        return state.withLock { state in
            if state.isClosed { return nil }
            defer { state.jobs = [] }
            return state.jobs
        }
    }
}
