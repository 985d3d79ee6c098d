import HTTPSurface

/// Bounds work in time.
enum Deadline {
    /// Runs `work`, cancelling it when the time is over.
    ///
    /// - Throws: `APIFailure.timeout` then; otherwise what `work` throws.
    static func run<Result: Sendable>(
        milliseconds: Int64, _ work: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { try await work() }
            group.addTask {
                try await Task.sleep(for: .milliseconds(milliseconds))
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next(), let result = first else {
                throw APIFailure(.timeout, "query timed out in expression evaluation after \(milliseconds) ms")
            }
            return result
        }
    }
}
