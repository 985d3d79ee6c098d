import CheckpointPlan

/// Sorts what libpq and PostgreSQL report into what a caller can do about it.
enum PQFailure {
    /// A partition that a row belongs to does not exist (SQLSTATE 23514 from tuple routing): dropped behind this process' back.
    static let missingPartition = CheckpointError.unavailable(reason: "a partition of the block table is missing")

    /// A connection that was not made. libpq gives no code for it, so its words must do: "FATAL" comes from a server that answered.
    static func connecting(to name: String, message: String) -> CheckpointError {
        let reason = "cannot connect to \(name): \(oneLine(message))"
        let passing = ["starting up", "shutting down", "recovery", "too many", "remaining connection slots"]
        let isRefusal = message.contains("FATAL") && !passing.contains { message.contains($0) }
        return isRefusal ? .refused(reason: reason) : .unavailable(reason: reason)
    }

    /// A statement that failed.
    ///
    /// - Parameters:
    ///   - state: SQLSTATE (PostgreSQL documentation, appendix A); empty where the connection broke before an answer.
    ///   - message: the server's or libpq's words.
    /// - Returns: `unavailable` for what may pass, `refused` for the rest.
    static func running(state: String, message: String) -> CheckpointError {
        let reason = "\(oneLine(message))\(state.isEmpty ? "" : " (SQLSTATE \(state))")"
        if state == "23514" { return missingPartition }
        // No answer, connection exceptions, rollbacks and deadlocks, too many connections, shutdown and cancellation, locks, a standby.
        let passing = ["08", "40", "57", "55P03", "53300", "53400", "25006"]
        let mayPass = state.isEmpty || passing.contains { state.hasPrefix($0) }
        return mayPass ? .unavailable(reason: reason) : .refused(reason: reason)
    }

    private static func oneLine(_ message: String) -> String {
        message.split(whereSeparator: \.isNewline).map { $0.drop { $0 == "\t" || $0 == " " } }.joined(separator: "; ")
    }
}
