import ByteCoding
package import MetricModel

/// Remembers when a push with an `Idempotency-Key` first arrived, so that its retry stamps the same samples with the same time.
///
/// Bounded: the oldest keys are forgotten first, and a retry that comes after that counts as a new push.
package struct IdempotencyTable: Sendable {
    private var arrivals: [XXH3.Hash128: Int64] = [:]
    /// The keys in order of arrival, a ring once it is full.
    private var order: [XXH3.Hash128] = []
    private var oldest = 0
    private let entriesMax: Int

    /// An empty table for at most `entriesMax` keys.
    package init(entriesMax: Int) {
        precondition(entriesMax > 0, "entriesMax \(entriesMax)")
        self.entriesMax = entriesMax
    }

    /// The time, in Unix milliseconds, to stamp a push with: that of the first push of this tenant with this key.
    package mutating func arrival(tenant: TenantID, key: String, now: Int64) -> Int64 {
        var identity: [UInt8] = []
        identity.append(prefixed: tenant.name)
        identity.append(prefixed: key)
        let hash = XXH3.hash128(identity.rawSpan)
        if let first = arrivals[hash] { return first }
        if order.count < entriesMax {
            order.append(hash)
        } else {
            arrivals[order[oldest]] = nil
            order[oldest] = hash
            oldest = (oldest + 1) % entriesMax
        }
        arrivals[hash] = now
        return now
    }
}
