import Synchronization

/// What the HTTP server counts about itself.
struct SurfaceMetrics: Sendable {
    private let registry: MetricsRegistry
    private let handles = Handles()

    /// Handles by route and status, made when first needed: both sets are small and fixed.
    private final class Handles: Sendable {
        let byRoute = Mutex<[String: (counters: [Int: Counter], seconds: Histogram)]>([:])
    }

    init(_ registry: MetricsRegistry, admission: SharedAdmission, board: QueryBoard, version: String) {
        self.registry = registry
        ProcessMetrics.register(in: registry)
        registry.gauge(
            "murmur_build_info", help: "1; the label tells the version that runs.", labels: [("version", version)]
        ).set(1)
        registry.gauge("murmur_http_requests_in_flight", help: "HTTP requests at work.") {
            Double(admission.load.requests)
        }
        for (state, count) in [
            ("running", { @Sendable in board.counts.running }), ("waiting", { @Sendable in board.counts.waiting }),
        ] {
            registry.gauge(
                "murmur_queries", help: "Instant and range queries at work, and waiting for their turn.",
                labels: [("state", state)]
            ) { Double(count()) }
        }
        registry.gauge("murmur_http_ingest_in_flight_bytes", help: "Bytes of pushes held, as received and unpacked.") {
            Double(admission.load.bytes)
        }
    }

    /// A request was answered; a body in pieces may still be on its way.
    func answered(_ route: Route, status: Int, _ elapsed: Duration) {
        let (counter, seconds) = handles.byRoute.withLock { byRoute in
            var entry =
                byRoute[route.name]
                ?? (
                    [:],
                    registry.histogram(
                        "murmur_http_request_duration_seconds", help: "Time from a request's head to its response's.",
                        labels: [("route", route.name)])
                )
            let counter =
                entry.counters[status]
                ?? registry.counter(
                    "murmur_http_requests_total", help: "HTTP requests answered.",
                    labels: [("route", route.name), ("code", String(status))])
            entry.counters[status] = counter
            byRoute[route.name] = entry
            return (counter, entry.seconds)
        }
        counter.add()
        seconds.observe(elapsed)
    }
}
