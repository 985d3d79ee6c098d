/// A bound on the time of asynchronous work.
enum Deadline {
    /// Runs `work`, and cancels it when it takes longer, when the client that it is for goes away, or when `kills` says so.
    ///
    /// Throws what `work` throws, `timeout` or `canceled`; the work must heed cancellation for the bound to hold.
    static func run<Value: Sendable>(
        _ milliseconds: Int64, kills: AsyncStream<Void>? = nil, _ work: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let presence = ClientPresence.current
        let (departure, leave) = AsyncStream.makeStream(of: Void.self)
        presence?.whenGone { leave.yield() }
        defer { presence?.whenGone(nil) }
        return try await withThrowingTaskGroup(of: Value.self) { group in
            group.addTask { try await work() }
            group.addTask {
                try await sleep(milliseconds)
                throw APIFailure(.timeout, "query timed out in expression evaluation after \(milliseconds) ms")
            }
            group.addTask {
                for await _ in departure { break }
                throw APIFailure(.canceled, "the client went away")
            }
            if let kills {
                group.addTask {
                    for await _ in kills { break }
                    throw APIFailure(.canceled, "the query was killed")
                }
            }
            defer { group.cancelAll() }
            guard let value = try await group.next() else { throw CancellationError() }
            return value
        }
    }

    /// In parts: a sleep that is canceled keeps its memory until it would have ended, and most work ends long before its time is over.
    private static func sleep(_ milliseconds: Int64) async throws {
        let end = ContinuousClock.now + .milliseconds(milliseconds)
        while .now < end { try await Task.sleep(until: min(end, .now + .seconds(2)), clock: .continuous) }
    }
}
