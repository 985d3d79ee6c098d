package import HTTPSurface
import Membership
import Placement
import SlotMovement

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
        for word in ReplacementGuard.Reason.words {
            metrics.gauge(
                "murmur_cluster_replacement_waiting",
                help: "Dead aggregators that others do not take the place of yet, by the reason why.",
                labels: [("reason", word)]
            ) {
                let due = Stewardship(directory.snapshot)
                return due.reason?.word == word ? Double(due.dead.count) : 0
            }
        }
        metrics.gauge(
            "murmur_cluster_copies_changing", help: "1 while there are other than the wanted number of copies."
        ) { Stewardship(directory.snapshot).copiesWait == nil ? 0 : 1 }
        metrics.gauge(
            "murmur_cluster_settings_version", help: "Version of the cluster's settings; 0 before they are known."
        ) { Double(directory.snapshot.settings?.version ?? 0) }
    }
}
