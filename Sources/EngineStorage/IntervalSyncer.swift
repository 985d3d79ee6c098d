internal import Dispatch
internal import Synchronization

/// Syncs the log every so often on a thread of its own, for `durability: interval`.
final class IntervalSyncer: Sendable {
    private let stopped = DispatchSemaphore(value: 0)

    init(target: SyncTarget, queue: EngineQueue, intervalMilliseconds: Int) {
        let stopped = stopped
        WorkerThread.start(name: "murmur-sync") {
            while stopped.wait(timeout: .now() + .milliseconds(intervalMilliseconds)) == .timedOut {
                do throws(FileError) {
                    try target.syncIfDirty()
                } catch {
                    // The kernel may have thrown the pages away: only a block of what is in memory makes it durable now.
                    let failure = error
                    _ = queue.push { $0.syncFailed(failure) }
                }
            }
        }
    }

    func stop() { stopped.signal() }
}
