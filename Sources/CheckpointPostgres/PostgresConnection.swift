import CheckpointPlan

/// One place in the pool: a session that is opened when needed, upgraded to the schema, and opened anew when it broke.
actor PostgresConnection {
    private let uri: PostgresURI
    private let queue = ConnectionQueue()
    private var session: PQConnection?

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        // SAFETY: the queue lives as long as the actor, which holds it.
        unsafe queue.asUnownedSerialExecutor()
    }

    /// What libpq is told before the URI, which may say otherwise: a server that vanished is noticed within 15 seconds.
    private static let defaults = [
        ("application_name", "murmur"), ("connect_timeout", "5"), ("keepalives_idle", "10"),
        ("keepalives_interval", "5"),
        ("keepalives_count", "3"), ("tcp_user_timeout", "15000"),
    ]

    /// Bounds every wait on the server's side; the client's encoding is fixed because labels of claims are text.
    private static let sessionSettings = """
        SET statement_timeout = '60s'; SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = '60s';
        SET client_min_messages = warning; SET client_encoding = 'UTF8'
        """

    init(uri: PostgresURI) {
        self.uri = uri
    }

    /// Runs `body` with the session.
    ///
    /// A session that turns out to have died while it was idle - the server was restarted - is replaced, and `body` runs once more: it
    /// must be fit to run twice.
    func run<T: Sendable>(_ body: @Sendable (PQConnection) throws(CheckpointError) -> T) throws(CheckpointError) -> T {
        if let session {
            do throws(CheckpointError) {
                return try body(session)
            } catch {
                if session.isAlive { throw error }
                self.session = nil
            }
        }
        let session = try open()
        self.session = session
        do throws(CheckpointError) {
            return try body(session)
        } catch {
            if !session.isAlive { self.session = nil }
            throw error
        }
    }

    /// Ends the session.
    func disconnect() {
        session = nil
    }

    private func open() throws(CheckpointError) -> PQConnection {
        let session = try PQConnection(
            settings: Self.defaults + [("dbname", uri.secret)], name: uri.description)
        try session.execute(Self.sessionSettings)
        try PostgresSchema.migrate(session)
        return session
    }
}
