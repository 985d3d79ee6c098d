import ClusterTransport
import ClusterView
import HTTPSurface
import WireProtocol

/// The figures of the connections to other nodes among the process' own metrics; docs/operating.md lists them.
enum ClientMetrics {
    /// Has `metrics` tell what all connections of `directory` do together.
    static func register(_ directory: ClusterDirectory, in metrics: MetricsRegistry) {
        let sum: @Sendable (@Sendable (TransportStatistics) -> Double) -> Double = { read in
            read(directory.transportStatistics)
        }
        metrics.gauge("murmur_cluster_client_connections", help: "Connections to other nodes that are open.") {
            sum { Double($0.connectionsOpen) }
        }
        metrics.counter(
            "murmur_cluster_client_connections_made_total",
            help: "Connections made to other nodes; all but the first to each are reconnects."
        ) { sum { Double($0.connectionsMade) } }
        metrics.counter(
            "murmur_cluster_client_connection_failures_total",
            help: "Attempts to connect to other nodes that failed; tried again."
        ) { sum { Double($0.connectionsFailed) } }
        metrics.counter("murmur_cluster_client_requests_total", help: "Requests sent to other nodes.") {
            sum { Double($0.connections.streamsOpened) }
        }
        metrics.gauge(
            "murmur_cluster_client_requests_in_flight", help: "Requests to other nodes that are not answered yet."
        ) { sum { Double($0.requestsInFlight) } }
        metrics.counter(
            "murmur_cluster_client_deadlines_exceeded_total",
            help: "Requests to other nodes that were not answered before their deadline."
        ) { sum { Double($0.connections.deadlinesExceeded) } }
        metrics.gauge(
            "murmur_cluster_client_unsent_bytes", help: "Bytes for other nodes that the sockets have not taken."
        ) { sum { Double($0.bytesUnsent) } }
    }
}
