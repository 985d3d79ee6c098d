package import ClusterTransport
package import HTTPSurface
import WireProtocol

/// The cluster port's figures among the process' own metrics; docs/operating.md lists them.
package enum TransportMetrics {
    /// Has `metrics` tell what `server` does.
    package static func register(_ server: ClusterServer, in metrics: MetricsRegistry) {
        metrics.gauge("murmur_cluster_connections", help: "Connections of other nodes that are open.") {
            Double(server.statistics.connectionsOpen)
        }
        let counters: [(name: String, help: String, read: @Sendable (ConnectionStatistics) -> UInt64)] = [
            ("frames_received", "Frames accepted from other nodes.", { $0.framesReceived }),
            ("frames_sent", "Frames sent to other nodes.", { $0.framesSent }),
            ("bytes_received", "Bytes of frames accepted from other nodes.", { $0.bytesReceived }),
            ("bytes_sent", "Bytes of frames sent to other nodes.", { $0.bytesSent }),
            ("streams_refused", "Requests of other nodes refused because a limit was reached.", { $0.streamsRefused }),
            ("deadlines_exceeded", "Requests of other nodes whose deadline passed.", { $0.deadlinesExceeded }),
            ("bad_frames", "Frames that were not valid and closed their connection.", { $0.badFrames }),
        ]
        for counter in counters {
            metrics.counter("murmur_cluster_\(counter.name)_total", help: counter.help) {
                Double(counter.read(server.statistics.connections))
            }
        }
    }
}
