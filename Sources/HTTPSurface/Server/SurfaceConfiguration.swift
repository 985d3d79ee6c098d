/// How the HTTP server behaves; each limit has the name under which docs/operating.md lists it.
package struct SurfaceConfiguration: Sendable {
    /// Address to listen on.
    package var host: String
    /// Port to listen on; 0 takes a free one.
    package var port: Int
    /// Bounds on queries and pushes.
    package var bounds = QueryParameters.Bounds()
    /// How many queries run and wait at a time.
    package var queries = QueryQueue.Limits()
    /// Bounds on live queries.
    package var live = LiveLimits()
    /// `http_requests_max`: requests at work at a time; more are answered 503.
    package var requestsMax = 1_024
    /// `ingest_in_flight_bytes_max`: bodies of pushes held at a time, as received and unpacked together; more are answered 503.
    package var ingestInFlightBytesMax = 256 << 20
    /// `http_form_bytes_max`: the body of a query sent as a form.
    package var formBytesMax = 1 << 20
    /// `http_header_bytes_max`: the fields of one request, together.
    package var headerBytesMax = 32 << 10
    /// `http_connections_max`: open connections; more wait in the system's queue.
    package var connectionsMax = 20_000
    /// A connection without a request for so long is closed.
    package var idleTimeout: Duration = .seconds(75)
    /// How long a stop waits for requests at work.
    package var shutdownGrace: Duration = .seconds(5)
    /// `admin-api`: whether samples can be deleted.
    package var adminAPI = false
    /// What `status/buildinfo` tells as our own version.
    package var version = "0.1.0"

    /// The defaults at an address.
    package init(host: String = "127.0.0.1", port: Int = 7480) {
        self.host = host
        self.port = port
    }
}

/// What the server serves: a role that this process does not have is nil, and its paths answer 404.
package struct SurfaceServices: Sendable {
    /// Takes pushes.
    package var ingest: (any IngestService)?
    /// Answers questions, live ones too.
    package var query: (any QueryService)?
    /// Deletes samples.
    package var deletions: (any DeletionService)?
    /// Tells of the cluster.
    package var cluster: (any ClusterService)?
    /// The web application.
    package var files: StaticFiles
    /// Whether the process is ready.
    package var readiness: Readiness
    /// The process' metrics; the server adds its own.
    package var metrics: MetricsRegistry
    /// What the process says about itself beside its metrics.
    package var process: ProcessFacts
    /// Unix milliseconds; tests set it.
    package var clock: @Sendable () -> Int64

    /// Services of one process.
    package init(
        ingest: (any IngestService)? = nil, query: (any QueryService)? = nil,
        deletions: (any DeletionService)? = nil,
        cluster: (any ClusterService)? = nil, files: StaticFiles = .none,
        readiness: Readiness, metrics: MetricsRegistry, process: ProcessFacts = ProcessFacts(),
        clock: @escaping @Sendable () -> Int64 = SurfaceClock.milliseconds
    ) {
        self.ingest = ingest
        self.query = query
        self.deletions = deletions
        self.cluster = cluster
        self.files = files
        self.readiness = readiness
        self.metrics = metrics
        self.process = process
        self.clock = clock
    }
}
