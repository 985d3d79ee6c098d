import ByteCoding

// What happens by the clock: deadlines, the handshake's timeout, pings, and giving up on a silent peer.

extension Connection {
    /// When `timer` wants to be called next; nil when never. It may lie earlier than anything happens, never later.
    package var nextTimer: MonotonicInstant? {
        switch phase {
        case .handshake: lastReceived.advanced(byMilliseconds: limits.handshakeMillisecondsMax)
        case .open:
            min(
                lastReceived.advanced(
                    byMilliseconds: pinged ? limits.silenceMillisecondsMax : limits.pingIntervalMilliseconds),
                earliestDeadline ?? MonotonicInstant(milliseconds: .max))
        case .closed: nil
        }
    }

    /// Says what time it is.
    package mutating func timer(now: MonotonicInstant, into effects: inout [ConnectionEffect]) {
        let silence = now.milliseconds - lastReceived.milliseconds
        switch phase {
        case .closed: return
        case .handshake:
            if silence >= limits.handshakeMillisecondsMax {
                abort(TypedError(.unavailable, "no handshake within handshake_timeout"), into: &effects)
            }
        case .open:
            if silence >= limits.silenceMillisecondsMax {
                return abort(TypedError(.unavailable, "no sign of life within keepalive_timeout"), into: &effects)
            }
            if silence >= limits.pingIntervalMilliseconds, !pinged {
                pinged = true
                put(.ping, stream: 0) { $0.append(littleEndian: UInt64(bitPattern: now.milliseconds)) }
            }
            if let earliestDeadline, earliestDeadline <= now { expireDeadlines(now: now, into: &effects) }
        }
    }

    /// The instant `milliseconds` from `now`, noted for `nextTimer`; nil for 0.
    mutating func deadline(_ milliseconds: UInt32, from now: MonotonicInstant) -> MonotonicInstant? {
        guard milliseconds > 0 else { return nil }
        let deadline = now.advanced(byMilliseconds: Int64(milliseconds))
        earliestDeadline = min(earliestDeadline ?? deadline, deadline)
        return deadline
    }

    private mutating func expireDeadlines(now: MonotonicInstant, into effects: inout [ConnectionEffect]) {
        let error = TypedError(.deadlineExceeded, "the deadline passed")
        for (stream, state) in opened.sorted(by: { $0.key < $1.key }) where !state.abandoned {
            guard let deadline = state.deadline, deadline <= now else { continue }
            statistics.deadlinesExceeded += 1
            cancel(stream)
            effects.append(.finished(stream: stream, completion: .failed(error)))
        }
        for (stream, state) in accepted.sorted(by: { $0.key < $1.key }) {
            guard let deadline = state.deadline, deadline <= now else { continue }
            statistics.deadlinesExceeded += 1
            stop(stream, error, into: &effects)
        }
        let pending = opened.values.lazy.filter { !$0.abandoned }.compactMap(\.deadline)
        earliestDeadline = [pending.min(), accepted.values.lazy.compactMap(\.deadline).min()].compactMap(\.self).min()
    }
}
