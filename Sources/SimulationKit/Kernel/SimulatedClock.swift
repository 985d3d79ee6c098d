/// A node's clocks: the monotonic one runs too fast or too slow, the wall clock is also wrong by an offset. Times are microseconds.
struct SimulatedClock {
    /// How much faster than virtual time: 50 is a bad crystal, tens of thousands a bad virtual machine.
    private var driftPerMillion: Int64 = 0
    private var wallOffset: Int64 = 0
    /// At `anchor` of virtual time the monotonic clock showed `shown`.
    private var anchor: Int64 = 0
    private var shown: Int64 = 0

    func monotonic(_ now: Int64) -> Int64 {
        shown + (now - anchor) + (now - anchor) * driftPerMillion / 1_000_000
    }

    func wall(_ now: Int64) -> Int64 { monotonic(now) + wallOffset }

    /// Virtual time in which the monotonic clock goes on by `delay`, rounded up: a timer is never early by its own clock.
    func duration(ofLocal delay: Int64) -> Int64 {
        if driftPerMillion == 0 { return delay }
        let rate = 1_000_000 + driftPerMillion
        return (delay * 1_000_000 + rate - 1) / rate + 1
    }

    mutating func change(driftPerMillion: Int, wallOffset: Int64, now: Int64) {
        shown = monotonic(now)
        anchor = now
        self.driftPerMillion = Int64(driftPerMillion)
        self.wallOffset = wallOffset
    }
}
