import Glibc
package import NIOCore

/// The operating system's errors in words that a person can act on.
package enum SystemReason {
    /// Words for a failed system call.
    package static func text(_ error: IOError) -> String {
        text(code: error.errnoCode)
    }

    /// Words for an `errno` value.
    package static func text(code: Int32) -> String {
        switch code {
        case ECONNREFUSED: "connection refused"
        case EADDRINUSE: "the address is in use"
        case EADDRNOTAVAIL: "the address is not one of this machine"
        case EACCES: "permission denied"
        case EHOSTUNREACH: "the host is unreachable"
        case ENETUNREACH: "the network is unreachable"
        case ETIMEDOUT: "no answer in time"
        case EPIPE, ECONNRESET: "the connection was reset"
        default: "system error \(code)"
        }
    }
}
