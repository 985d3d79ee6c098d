internal import CheckpointPlan
package import EngineStorage
internal import SeriesEngine
package import SlotMovement
internal import Synchronization

/// What this process keeps and how its slots stand, once there is an engine.
package final class SlotBoard: Sendable {
    /// How far the checkpoint is behind the blocks here.
    package struct CheckpointLag: Sendable {
        /// Bytes that it lacks.
        package var pendingBytes: Int
        /// When the oldest block that it lacks was sealed, Unix milliseconds; nil when it lacks none.
        package var oldestSealedAt: Int64?
        /// Uploads that failed.
        package var failures: Int
    }

    private struct Parts {
        let engine: EngineHost
        let uploader: CheckpointUploader
    }

    private let parts = Mutex<Parts?>(nil)
    private let applied = Mutex<UInt64>(0)

    /// Nothing yet.
    package init() {}

    func fill(_ host: EngineHost, _ uploader: CheckpointUploader) {
        parts.withLock { $0 = Parts(engine: host, uploader: uploader) }
    }

    /// The machine works by these of the cluster's settings.
    func apply(_ version: UInt64) { applied.withLock { $0 = max($0, version) } }

    /// The version of the cluster's settings that the machine works by; 0 before it does.
    package var appliedSettings: UInt64 { applied.withLock { $0 } }

    /// The engine's figures; nil before there is one.
    package var statistics: EngineHostStatistics? { parts.withLock { $0 }?.engine.statistics }

    /// How the slots stand now; nil where no machine keeps them.
    package var status: MovementStatus? {
        get async { try? await parts.withLock { $0 }?.engine.movementStatus() }
    }

    /// How far this node is with each slot; nil before there is an engine. One that keeps all slots alone has them whole.
    package var states: [SlotProgress]? {
        get async {
            guard let engine = parts.withLock({ $0 })?.engine else { return nil }
            if let states = try? await engine.slotStates() { return states }
            return engine.isAmongOthers
                ? nil : Array(repeating: .whole, count: 1 << engine.configuration.engine.slotBits)
        }
    }

    /// How far the checkpoint is behind; nil before there is an engine.
    package var checkpoint: CheckpointLag? {
        get async {
            guard let parts = parts.withLock({ $0 }), let pending = try? await parts.engine.pendingBlockFiles() else {
                return nil
            }
            return CheckpointLag(
                pendingBytes: pending.reduce(0) { $0 + $1.size }, oldestSealedAt: pending.map(\.watermark).min(),
                failures: parts.uploader.statistics.failures)
        }
    }
}
