import Synchronization

/// Whether a node that gives its slots away still may stay: settled once, between who asks it to stay and the engine that takes nothing any more once it
/// is empty.
package final class Departure: Sendable {
    /// What came of the wish that the node stay.
    package enum Answer: Equatable, Sendable {
        case stays
        /// It is being decided; ask again.
        case undecided
        case hasLeft
    }

    private enum Phase { case open, busy, left }

    private let phase = Mutex(Phase.open)

    package init() {}

    /// Keeps the node by `change`, unless it is too late.
    package func stay(_ change: () async throws -> Void) async rethrows -> Answer {
        guard begin() else { return phase.withLock { $0 == .left } ? .hasLeft : .undecided }
        defer { phase.withLock { $0 = .open } }
        try await change()
        return .stays
    }

    /// Settles that the node leaves, if `isReady` says so; nobody can ask it to stay meanwhile, nor after.
    ///
    /// - Returns: whether it leaves.
    package func leave(if isReady: () async throws -> Bool) async rethrows -> Bool {
        guard begin() else { return false }
        var leaves = false
        defer { phase.withLock { $0 = leaves ? .left : .open } }
        leaves = try await isReady()
        return leaves
    }

    private func begin() -> Bool {
        phase.withLock { phase in
            guard phase == .open else { return false }
            phase = .busy
            return true
        }
    }
}
