internal import Foundation

/// Threads of our own: what blocks on disk must not sit on the cooperative pool.
enum WorkerThread {
    /// Runs `body` on a new thread called `name`.
    static func start(name: String, _ body: @escaping @Sendable () -> Void) {
        let thread = Thread(block: body)
        thread.name = name
        thread.stackSize = 4 << 20
        thread.start()
    }
}
