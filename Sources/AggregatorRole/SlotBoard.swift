package import EngineStorage
internal import Synchronization

/// How the slots of this process stand, once there is an engine that keeps them.
package final class SlotBoard: Sendable {
    private let engine = Mutex<EngineHost?>(nil)

    /// Nothing yet.
    package init() {}

    func fill(_ host: EngineHost) { engine.withLock { $0 = host } }

    /// How they stand now; nil where no machine keeps them.
    package var status: MovementStatus? {
        get async { try? await engine.withLock { $0 }?.movementStatus() }
    }
}
