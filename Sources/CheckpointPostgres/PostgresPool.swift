import CheckpointPlan

/// A fixed number of connections to one database; who finds none free waits in order.
actor PostgresPool {
    private var idle: [PostgresConnection]
    private var waiters: [CheckedContinuation<PostgresConnection?, Never>] = []
    private var isClosed = false

    /// `checkpoint_waiters_max`: calls that wait for a connection; more are turned away.
    static let waitersMax = 1_024

    init(uri: PostgresURI, count: Int) {
        idle = (0..<count).map { _ in PostgresConnection(uri: uri) }
    }

    /// Runs `body` on a free connection; it may run twice, see `PostgresConnection.run`.
    nonisolated func run<T: Sendable>(
        _ body: @Sendable (PQConnection) throws(CheckpointError) -> T
    ) async throws(CheckpointError) -> T {
        let connection = try await acquire()
        do throws(CheckpointError) {
            let result = try await connection.run(body)
            await release(connection)
            return result
        } catch {
            await release(connection)
            throw error
        }
    }

    /// Ends idle sessions now and busy ones when their work is done; everybody who waits is turned away.
    func close() async {
        isClosed = true
        for waiter in waiters { waiter.resume(returning: nil) }
        waiters = []
        let ending = idle
        idle = []
        for connection in ending { await connection.disconnect() }
    }

    private func acquire() async throws(CheckpointError) -> PostgresConnection {
        if isClosed { throw .closed }
        if let connection = idle.popLast() { return connection }
        guard waiters.count < Self.waitersMax else {
            throw .unavailable(reason: "checkpoint_waiters_max is \(Self.waitersMax): all connections are busy")
        }
        guard let connection = await withCheckedContinuation({ waiters.append($0) }) else { throw .closed }
        return connection
    }

    private func release(_ connection: PostgresConnection) async {
        if isClosed {
            await connection.disconnect()
        } else if waiters.isEmpty {
            idle.append(connection)
        } else {
            waiters.removeFirst().resume(returning: connection)
        }
    }
}
