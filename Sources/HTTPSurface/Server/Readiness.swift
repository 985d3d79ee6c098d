import Synchronization

/// What a process still waits for before it can do its work; `/-/ready` tells it.
package final class Readiness: Sendable {
    private struct State {
        var waiting: [String: String]
        var isStopping = false
    }

    private let state: Mutex<State>

    /// Waits for each of `parts`: a reason by the part's name, such as `["storage": "replaying the log"]`.
    package init(waitingFor parts: [String: String] = [:]) {
        state = Mutex(State(waiting: parts))
    }

    /// Says why a part is not ready, or with nil that it is.
    package func set(_ part: String, notReadyBecause reason: String?) {
        state.withLock { $0.waiting[part] = reason }
    }

    /// The process stops; it will not be ready again.
    package func stop() {
        state.withLock { $0.isStopping = true }
    }

    /// Whether everything is ready and the process does not stop.
    package var isReady: Bool {
        state.withLock { $0.waiting.isEmpty && !$0.isStopping }
    }

    /// Whether requests can be served: also while stopping, for those who were connected.
    package var isServing: Bool {
        state.withLock { $0.waiting.isEmpty }
    }

    /// Why it is not ready: a line for each part, sorted; empty when it is.
    package var reasons: [String] {
        state.withLock { state in
            let waiting = state.waiting.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
            return state.isStopping ? waiting + ["the process stops"] : waiting
        }
    }
}
