import Dispatch

/// Runs one connection's work piece by piece on a queue of its own: calls that block on the network stay off the cooperative pool.
final class ConnectionQueue: SerialExecutor {
    private let queue = DispatchQueue(label: "murmur.checkpoint.postgres")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        // SAFETY: the runtime hands each job over once, and it is run once; `self` lives as long as the closure.
        queue.async { unsafe job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }
}
