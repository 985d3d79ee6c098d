import Foundation
import GossipTransport
package import HTTPSurface
import Logging
import Membership
import ServiceLifecycle
import SlotMovement
import Synchronization

/// How the slots of a process stand, as its machine says.
package struct HolderStanding: Equatable, Sendable {
    /// The version of the cluster's settings that the machine worked by before the rest was looked at.
    package var appliedSettings: UInt64
    /// `AggregatorView.ringDigest` of that moment.
    package var ring: UInt64
    /// Whether everything wanted here is whole, and nothing is left to move, to pay or to drop.
    package var isSettled: Bool

    package init(appliedSettings: UInt64, ring: UInt64, isSettled: Bool) {
        self.appliedSettings = appliedSettings
        self.ring = ring
        self.isSettled = isSettled
    }
}

/// An aggregator's care for the cluster: tells the others how far it is, and does what `Stewardship` says is due.
package struct ClusterSteward: Service {
    /// `steward_interval`: how often it looks.
    private static let interval = Duration.seconds(1)
    /// `disk_fill_interval`: every so many looks the disk is looked at too.
    private static let fillEvery = 10

    private let membership: ClusterMembership
    private let standing: @Sendable () async -> HolderStanding?
    private let counts: Counts

    private final class Counts: Sendable {
        let removed = Mutex<UInt64>(0)
    }

    /// - Parameters:
    ///   - membership: this process, an aggregator that keeps slots among others.
    ///   - metrics: told of members that it removed.
    ///   - standing: how its slots stand; nil before there is a machine.
    package init(
        _ membership: ClusterMembership, metrics: MetricsRegistry,
        standing: @escaping @Sendable () async -> HolderStanding?
    ) {
        self.membership = membership
        self.standing = standing
        counts = Counts()
        metrics.counter(
            "murmur_cluster_replacements_total",
            help: "Dead aggregators that this process removed so that others take their place."
        ) { [counts] in Double(counts.removed.withLock { $0 }) }
    }

    /// Runs until a graceful shutdown.
    package func run() async throws {
        do {
            try await cancelWhenGracefulShutdown { try await care() }
        } catch is CancellationError {
            // A stop before the process was part of its cluster, or after.
        }
        try? await gracefulShutdown()
    }

    private func care() async throws {
        _ = try await membership.settings()
        var looks = 0
        while !Task.isCancelled {
            try await report(withFill: looks.isMultiple(of: Self.fillEvery))
            looks += 1
            try await act()
            try await Task.sleep(for: Self.interval)
        }
    }

    /// Tells the others what is new here.
    private func report(withFill: Bool) async throws {
        guard let now = await standing() else { return }
        let fill = withFill ? membership.configuration.directory.flatMap(DiskFill.percent) : nil
        guard let told = membership.own?.record.progress, told.with(now, fill) != told else { return }
        try await membership.node.command {
            try $0.update(now: $1, into: &$2) { $0.progress = $0.progress.with(now, fill) }
        }
    }

    private func act() async throws {
        let due = Stewardship(membership.directory.snapshot)
        let own = membership.configuration.name
        if due.staying.contains(own) {
            if try await membership.stay() == .stays {
                membership.logger.warning(
                    "too few aggregators would be left: this one stays (murmur ctl drain --force)")
            }
        }
        guard due.actor == own else { return }
        if let next = due.settings {
            // Another member may have been faster.
            try? await membership.node.command { try $0.propose(next, now: $1, into: &$2) }
        }
        // Refused where this process was paused or the member came back: the next look is in a second.
        for name in due.removals where (try? await membership.forget(name, deadFor: due.replacementDelay)) != nil {
            counts.removed.withLock { $0 += 1 }
            membership.logger.warning(
                "dead for replacement-delay: others take its place", metadata: ["member": "\(name)"])
        }
    }
}

extension MemberProgress {
    /// What is told next.
    fileprivate func with(_ standing: HolderStanding, _ fill: UInt8?) -> MemberProgress {
        var next = self
        next.appliedSettings = max(appliedSettings, standing.appliedSettings)
        if standing.isSettled { next.settledRing = standing.ring }
        if next.settledRing != standing.ring { next.settledRing = 0 }
        // A change of one may be rounding; every record goes to everybody.
        if let fill, abs(Int(fill) - Int(diskFill)) > 1 { next.diskFill = fill }
        return next
    }
}
