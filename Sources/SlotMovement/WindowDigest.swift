package import ByteCoding

/// The sum of the hashes of a set of samples: equal on two replicas exactly when they have the same samples, whatever the order and the codec.
///
/// Hashes are of (fingerprint, timestamp, value) and are added modulo 2^128, so a sample is added on append without looking at the others.
package struct WindowDigest: Hashable, Sendable {
    /// The sum's halves.
    package private(set) var high: UInt64 = 0
    package private(set) var low: UInt64 = 0
    /// Samples in the sum.
    package private(set) var count = 0

    /// The digest of no samples.
    package init() {}

    /// A digest that another node sent.
    package init(high: UInt64, low: UInt64, count: Int) {
        self.high = high
        self.low = low
        self.count = count
    }

    /// Adds a sample that was not in the sum.
    package mutating func add(_ hash: XXH3.Hash128) {
        let (sum, carry) = low.addingReportingOverflow(hash.low)
        low = sum
        high = high &+ hash.high &+ (carry ? 1 : 0)
        count += 1
    }

    /// A sample's hash.
    ///
    /// - Parameters:
    ///   - fingerprint: of the series, 16 bytes.
    ///   - timestamp: Unix milliseconds.
    ///   - value: every bit counts.
    /// - Returns: what to add to a digest.
    package static func hash(
        fingerprint: (high: UInt64, low: UInt64), timestamp: Int64, value: Double
    ) -> XXH3.Hash128 {
        XXH3.hash128(
            words: fingerprint.high, fingerprint.low, UInt64(bitPattern: timestamp), value.bitPattern)
    }
}

/// Which parts of a slot two replicas must exchange: first windows of time, then series within them.
package enum RepairNarrowing {
    /// `repair_parts_max`: windows or series that one exchange names; the rest comes with the next.
    package static let partsMax = 64

    /// The keys under which two replicas' digests differ, or only one has any.
    ///
    /// - Parameters:
    ///   - mine: this replica's digests.
    ///   - theirs: the other's.
    /// - Returns: at most `partsMax`, the greatest (newest) first.
    package static func differing<Key: Hashable & Comparable>(
        _ mine: [Key: WindowDigest], _ theirs: [Key: WindowDigest]
    ) -> [Key] {
        let all = Set(mine.keys).union(theirs.keys)
        return Array(all.filter { mine[$0] != theirs[$0] }.sorted(by: >).prefix(partsMax))
    }
}
