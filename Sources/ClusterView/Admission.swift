import Membership
import Synchronization

/// Whether the process takes part in its cluster: decided once, awaited by many.
final class Admission: Sendable {
    private struct State {
        var result: Result<ClusterSettings, any Error>?
        var waiters: [Int: CheckedContinuation<ClusterSettings, any Error>] = [:]
        var waitersMade = 0
    }

    private let state = Mutex(State())

    /// Whether the process takes part.
    var isGranted: Bool {
        state.withLock { state in
            if case .success = state.result { true } else { false }
        }
    }

    /// Decides; a second decision means nothing.
    func decide(_ result: Result<ClusterSettings, any Error>) {
        let waiters = state.withLock { state in
            if state.result == nil { state.result = result }
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.resume(with: result) }
    }

    /// Waits for the decision, or until the task is cancelled.
    func wait() async throws -> ClusterSettings {
        let number = state.withLock { state in
            state.waitersMade += 1
            return state.waitersMade
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result = state.withLock { state -> Result<ClusterSettings, any Error>? in
                    if state.result == nil, !Task.isCancelled { state.waiters[number] = continuation }
                    return state.result ?? (Task.isCancelled ? .failure(CancellationError()) : nil)
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            let waiter = state.withLock { $0.waiters.removeValue(forKey: number) }
            waiter?.resume(throwing: CancellationError())
        }
    }
}
