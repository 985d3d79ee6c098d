import Foundation
import GossipTransport
package import HTTPSurface
import Logging
import Membership
import ServiceLifecycle
import SlotMovement
import Synchronization

/// How the slots of a process stand, as its machine says.
package struct SlotStanding: Equatable, Sendable {
    /// The version of the cluster's settings that the machine worked by before the rest was looked at.
    package var appliedSettings: UInt64
    /// Whether everything wanted here is whole, and nothing is left to move, to pay or to drop.
    package var isSettled: Bool

    package init(appliedSettings: UInt64, isSettled: Bool) {
        self.appliedSettings = appliedSettings
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
    private let progress: @Sendable () async -> SlotStanding?
    private let counts: Counts

    private final class Counts: Sendable {
        let removed = Mutex<UInt64>(0)
    }

    /// - Parameters:
    ///   - membership: this process, an aggregator that keeps slots among others.
    ///   - metrics: told of members that it removed.
    ///   - progress: how its slots stand; nil before there is a machine.
    package init(
        _ membership: ClusterMembership, metrics: MetricsRegistry,
        progress: @escaping @Sendable () async -> SlotStanding?
    ) {
        self.membership = membership
        self.progress = progress
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
        guard let now = await progress(), let me = membership.own?.record else { return }
        var next = me.progress
        next.appliedSettings = max(next.appliedSettings, now.appliedSettings)
        if now.isSettled { next.settledSettings = max(next.settledSettings, now.appliedSettings) }
        if withFill, let fill = membership.configuration.directory.flatMap(DiskFill.percent) {
            // A change of one may be rounding; every record goes to everybody.
            if abs(Int(fill) - Int(next.diskFill)) > 1 { next.diskFill = fill }
        }
        guard next != me.progress else { return }
        let told = next
        try await membership.node.command {
            try $0.update(now: $1, into: &$2) {
                $0.progress.appliedSettings = told.appliedSettings
                $0.progress.settledSettings = told.settledSettings
                $0.progress.diskFill = told.diskFill
            }
        }
    }

    private func act() async throws {
        let due = Stewardship(membership.directory.snapshot)
        let own = membership.configuration.name
        if due.staying.contains(own) {
            membership.logger.warning("too few aggregators would be left: this one stays (murmur ctl drain --force)")
            try await membership.stay()
        }
        guard due.actor == own else { return }
        if let next = due.settings {
            // Another member may have been faster.
            try? await membership.node.command { try $0.propose(next, now: $1, into: &$2) }
        }
        for name in due.removals where (try? await membership.forget(name)) != nil {
            counts.removed.withLock { $0 += 1 }
            membership.logger.warning(
                "dead for replacement-delay: others take its place", metadata: ["member": "\(name)"])
        }
    }
}

/// How full the file system of a directory is.
enum DiskFill {
    /// - Returns: per cent, rounded up; nil when the system does not say.
    static func percent(_ directory: String) -> UInt8? {
        guard let facts = try? FileManager.default.attributesOfFileSystem(forPath: directory),
            let size = facts[.systemSize] as? NSNumber, let free = facts[.systemFreeSize] as? NSNumber
        else { return nil }
        let (all, left) = (size.doubleValue, free.doubleValue)
        return all > 0 ? UInt8(min(100, max(0, ((all - left) * 100 / all).rounded(.up)))) : nil
    }
}
