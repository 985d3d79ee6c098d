import Dispatch

/// Runs an actor's work one piece after the other on a queue of its own: calls that block on a disk stay off the cooperative pool.
final class DatabaseQueue: SerialExecutor {
    private let queue: DispatchQueue

    init(label: String) {
        queue = DispatchQueue(label: label)
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        // SAFETY: the runtime hands each job over once, and it is run once; `self` lives as long as the closure.
        queue.async { unsafe job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }
}
