package import HTTPSurface
import Membership
import Placement

/// What this process knows of the cluster among its own metrics; docs/operating.md lists them.
package enum ClusterMetrics {
    /// Has `metrics` tell of the members and of the cluster port.
    package static func register(_ membership: ClusterMembership, in metrics: MetricsRegistry) {
        TransportMetrics.register(membership.server, in: metrics)
        let directory = membership.directory
        for (liveness, word) in [(Liveness.alive, "alive"), (.suspect, "suspect"), (.dead, "dead")] {
            metrics.gauge(
                "murmur_cluster_members", help: "Members that are not gone, this process included.",
                labels: [("liveness", word)]
            ) {
                Double(directory.snapshot.members.count { !$0.record.state.isGone && $0.liveness == liveness })
            }
        }
        metrics.gauge("murmur_cluster_ring_members", help: "Aggregators among which slots are spread.") {
            Double(directory.snapshot.ring?.members.count ?? 0)
        }
        metrics.gauge(
            "murmur_cluster_settings_version", help: "Version of the cluster's settings; 0 before they are known."
        ) { Double(directory.snapshot.settings?.version ?? 0) }
    }
}
