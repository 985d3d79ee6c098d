package import EngineStorage
internal import SeriesEngine
package import SlotMovement
internal import Synchronization

/// What this process keeps and how its slots stand, once there is an engine.
package final class SlotBoard: Sendable {
    /// What the machine works by.
    package struct Applied: Sendable {
        /// The version of the cluster's settings; 0 before there are any.
        package fileprivate(set) var settings: UInt64 = 0
        /// `AggregatorView.ringDigest`.
        package fileprivate(set) var ring: UInt64 = 0
    }

    private struct Parts {
        let engine: EngineHost
        let uploader: CheckpointUploader
    }

    private let parts = Mutex<Parts?>(nil)
    private let applied = Mutex(Applied())

    /// Nothing yet.
    package init() {}

    func fill(_ host: EngineHost, _ uploader: CheckpointUploader) {
        parts.withLock { $0 = Parts(engine: host, uploader: uploader) }
    }

    /// The machine works by this version of the cluster's settings and this ring.
    func apply(_ version: UInt64, ring: UInt64) { applied.withLock { $0 = Applied(settings: version, ring: ring) } }

    /// What the machine works by now.
    package var view: Applied { applied.withLock { $0 } }

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

    /// What brings blocks to the checkpoint; nil before there is an engine.
    package var uploader: CheckpointUploader? { parts.withLock { $0 }?.uploader }
}
