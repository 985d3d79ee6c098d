/// A point in time on the shell's monotonic clock, in whole milliseconds from a beginning that only the shell knows.
package struct MonotonicInstant: Hashable, Comparable, Sendable, BitwiseCopyable {
    /// Milliseconds since that beginning.
    package var milliseconds: Int64

    /// The instant `milliseconds` after the beginning.
    package init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    /// Whether `left` is before `right`.
    package static func < (left: MonotonicInstant, right: MonotonicInstant) -> Bool {
        left.milliseconds < right.milliseconds
    }

    func advanced(byMilliseconds delta: Int64) -> MonotonicInstant {
        MonotonicInstant(milliseconds: milliseconds + delta)
    }
}

/// What one connection may use; each has the name under which settings, errors and metrics know it.
package struct ConnectionLimits: Hashable, Sendable {
    /// `connection_streams_max`: streams that the peer may have open at once.
    package var streamsMax = 1024
    /// `connection_request_bytes_max`: bytes of requests, either way, that may be unanswered at once.
    package var requestBytesMax = 64 << 20
    /// `stream_credit_bytes`: bytes of pages that may be under way on a stream we opened; at least two pages.
    package var creditBytes = 4 << 20
    /// `connection_output_bytes_max`: bytes handed to the socket at once; pages beyond it wait in their streams.
    package var outputBytesMax = 4 << 20
    /// `handshake_timeout`
    package var handshakeMillisecondsMax: Int64 = 5_000
    /// `keepalive_interval`: silence after which a ping is sent.
    package var pingIntervalMilliseconds: Int64 = 10_000
    /// `keepalive_timeout`: silence after which the connection is given up.
    package var silenceMillisecondsMax: Int64 = 30_000

    /// The defaults.
    package init() {}
}
