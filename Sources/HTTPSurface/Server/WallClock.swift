import Glibc

/// The system's clock.
package enum WallClock {
    /// Unix milliseconds now.
    package static func milliseconds() -> Int64 {
        var time = timespec()
        // SAFETY: `clock_gettime` fills the local it is given.
        _ = unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}
