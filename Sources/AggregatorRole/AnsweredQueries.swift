import HTTPSurface
import Synchronization

/// Counts the queries of other nodes that this one answers.
final class AnsweredQueries: Sendable {
    private let counts = Mutex((running: 0, cancelled: 0))

    func began() { counts.withLock { $0.running += 1 } }

    /// - Parameter isCancelled: whether the asker did not wait for the end.
    func ended(isCancelled: Bool) {
        counts.withLock { counts in
            counts.running -= 1
            if isCancelled { counts.cancelled += 1 }
        }
    }

    /// Has `metrics` tell the figures; docs/operating.md lists them.
    func register(in metrics: MetricsRegistry) {
        metrics.gauge("murmur_cluster_queries_running", help: "Questions of other nodes at work.") {
            Double(self.counts.withLock { $0.running })
        }
        metrics.counter(
            "murmur_cluster_queries_cancelled_total", help: "Questions whose asker did not wait for the end."
        ) {
            Double(self.counts.withLock { $0.cancelled })
        }
    }
}
