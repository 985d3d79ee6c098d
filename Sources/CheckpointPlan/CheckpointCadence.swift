/// Decides when blocks that wait for the checkpoint are uploaded: lingers for company, backs off from a store that fails.
///
/// A value without a clock: times are milliseconds of a monotonic clock that the caller reads. What it counts are blocks that lie sealed on
/// local disk and are in no checkpoint yet.
package struct CheckpointCadence: Sendable, Equatable {
    /// The settings of a cadence.
    package struct Limits: Sendable, Equatable {
        /// `checkpoint_linger`: how long the oldest block waits for others, in ms.
        package var lingerMilliseconds: Int64 = 1_000
        /// Waiting bytes from which on nothing lingers.
        package var uploadBytes = 16 << 20
        /// The first pause after a failure, in ms; doubled by each further one.
        package var backOffMillisecondsMin: Int64 = 500
        /// `checkpoint_back_off_max`: the longest pause, in ms.
        package var backOffMillisecondsMax: Int64 = 30_000

        package init() {}
    }

    /// What to do now.
    package enum Decision: Sendable, Equatable {
        /// Nothing waits: ask again after the next seal.
        case idle
        /// Ask again at this time, or after the next seal.
        case wait(until: Int64)
        /// Upload now, then say `uploaded` or `failed`.
        case upload
    }

    private let limits: Limits
    /// Blocks that are sealed and not yet in the checkpoint.
    package private(set) var pendingCount = 0
    /// Their bytes.
    package private(set) var pendingBytes = 0
    /// When the oldest of them began to wait.
    private var waitingSince: Int64?
    /// Failures since the last success.
    package private(set) var failureCount = 0
    private var blockedUntil: Int64?

    package init(limits: Limits = Limits()) {
        self.limits = limits
    }

    /// Blocks have been sealed, or were found on disk at the start.
    package mutating func sealed(count: Int, bytes: Int, now: Int64) {
        guard count > 0 else { return }
        pendingCount += count
        pendingBytes += bytes
        if waitingSince == nil { waitingSince = now }
    }

    /// Blocks are in the checkpoint, or no longer this node's to upload (fenced, dropped by retention).
    ///
    /// What remains does not linger again: it is a backlog.
    package mutating func settled(count: Int, bytes: Int) {
        precondition(
            count <= pendingCount && bytes <= pendingBytes, "\(count) of \(pendingCount) pending blocks settled")
        pendingCount -= count
        pendingBytes -= bytes
        failureCount = 0
        blockedUntil = nil
        waitingSince = pendingCount == 0 ? nil : .min
    }

    /// An upload, or a claim before it, failed in a way that is worth retrying.
    ///
    /// - Parameters:
    ///   - now: milliseconds.
    ///   - jitter: 0 ..< 1, from the caller's randomness: many nodes lose one database at the same moment.
    package mutating func failed(now: Int64, jitter: Double) {
        failureCount += 1
        let doublings = Int64(min(failureCount - 1, 30))
        let full = min(limits.backOffMillisecondsMin << doublings, limits.backOffMillisecondsMax)
        blockedUntil = now + full / 2 + Int64(Double(full / 2) * jitter)
    }

    /// What to do at `now`.
    package func decision(now: Int64) -> Decision {
        guard let waitingSince else { return .idle }
        if let blockedUntil, now < blockedUntil { return .wait(until: blockedUntil) }
        if pendingBytes >= limits.uploadBytes || waitingSince == .min { return .upload }
        let due = waitingSince + limits.lingerMilliseconds
        return now >= due ? .upload : .wait(until: due)
    }

    /// How many of the waiting blocks go into the next addition, oldest first.
    ///
    /// - Parameter sizes: bytes of each waiting block, in the order of sealing.
    /// - Returns: 1 or more unless `sizes` is empty; within `CheckpointLimits` unless the first is larger alone.
    package static func batchCount(_ sizes: some Sequence<Int>) -> Int {
        var count = 0
        var total = 0
        for size in sizes {
            total += size
            if count > 0 && (total > CheckpointLimits.batchBytesMax || count == CheckpointLimits.batchBlocksMax) {
                break
            }
            count += 1
        }
        return count
    }
}
