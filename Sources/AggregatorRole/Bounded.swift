/// Work that is waited for only so long.
enum Bounded {
    /// The work took longer than it may.
    struct TimeoutError: Error, CustomStringConvertible {
        let limit: Duration

        var description: String { "not done within \(limit)" }
    }

    /// Runs `work` and waits for it at most `limit`; then, or when the task is cancelled, cancels it and returns without it.
    static func run<Result: Sendable>(
        _ limit: Duration, _ work: @escaping @Sendable () async throws -> Result
    ) async -> Swift.Result<Result, any Error> {
        let (results, continuation) = AsyncStream.makeStream(of: Swift.Result<Result, any Error>.self)
        let worker = Task {
            do { continuation.yield(.success(try await work())) } catch { continuation.yield(.failure(error)) }
        }
        let timer = Task {
            try await Task.sleep(for: limit)
            continuation.yield(.failure(TimeoutError(limit: limit)))
        }
        defer {
            worker.cancel()
            timer.cancel()
        }
        for await result in results { return result }
        return .failure(CancellationError())
    }
}
