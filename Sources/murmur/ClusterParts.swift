import ClusterTransport
import ClusterView
import CoordinatorRole
import HTTPSurface
import IngestRouting
import Logging
import Membership
import Placement
import QueryRouting
import RouterRole
import Settings
import Synchronization
import WireProtocol

/// Whom a query asks, once the cluster's settings are known.
final class FanoutSlot: Sendable {
    private let directory: ClusterDirectory
    private let pace: ReadPace
    private let deletions: KnownDeletions
    private let made = Mutex<Fanout?>(nil)

    /// - Parameters:
    ///   - directory: knows the aggregators.
    ///   - pace: how this process' reads go.
    ///   - deletions: what is shown to nobody.
    init(_ directory: ClusterDirectory, pace: ReadPace, deletions: KnownDeletions) {
        self.directory = directory
        self.pace = pace
        self.deletions = deletions
    }

    /// Whom to ask now.
    func fanout() throws(TypedError) -> Fanout {
        try made.withLock { made throws(TypedError) in
            if let made { return made }
            guard let settings = directory.snapshot.settings else {
                throw TypedError(
                    .unavailable, "this process is not part of its cluster yet", retryAfterMilliseconds: 1_000)
            }
            guard let placement = try? PlacementLabels(settings.placementLabels) else {
                throw TypedError(.internal, "the cluster's placement labels are not valid")
            }
            let fanout = Fanout(
                directory: directory, targets: TargetChoice(placement: placement, slotBits: Int(settings.slotBits)),
                pace: pace, deletions: deletions)
            made = fanout
            return fanout
        }
    }
}

/// The router of this process, which is there once the cluster's settings are known.
final class RouterSlot: IngestService {
    private let router = Mutex<IngestRouter?>(nil)

    /// Begins to take pushes.
    func fill(
        _ settings: NodeSettings, _ cluster: ClusterSettings, _ directory: ClusterDirectory, metrics: MetricsRegistry,
        logger: Logger
    ) throws {
        let filled = IngestRouter(
            configuration: try settings.router(cluster), directory: directory, logger: logger)
        RouterMetrics.register(filled, in: metrics)
        router.withLock { $0 = filled }
    }

    /// Samples of pushes that were acknowledged.
    var samplesStored: Int { router.withLock { $0 }?.figures.samplesStored ?? 0 }

    /// Stores what can be stored; see `IngestService`.
    func ingest(_ request: IngestRequest) async -> IngestReply {
        guard let router = router.withLock({ $0 }) else {
            return .text(503, "this router is not part of its cluster yet", retryAfterSeconds: 1)
        }
        return await router.ingest(request)
    }
}
