package import ByteCoding

/// The router's memory of series: from a raw run's hash to the reference that an aggregator gave it.
///
/// Soft state: losing an entry costs one definition, nothing else. Open addressing with linear probing, each entry 32 bytes so that a
/// probe touches one or two cache lines; no tombstones, a removal closes its gap. At the limit the clock algorithm makes room:
/// an entry survives one pass of the hand after each use, and repeated sweeps of a fleet therefore stay while one-off series go.
package struct SeriesCache: Sendable {
    /// What is known of one raw run.
    package struct Entry: Sendable, BitwiseCopyable {
        /// The run's hash.
        package var high: UInt64 = 0
        /// The run's hash.
        package var low: UInt64 = 0
        /// The aggregator's number for the series.
        package var reference: UInt32 = 0
        /// Which aggregator in which generation gave it; 0 marks a free place.
        package var epoch: UInt32 = 0
        /// The tenant's number in this router: a colliding hash of another tenant never matches.
        package var tenant: UInt32 = 0
        /// The slot that the series is placed in.
        package var slot: UInt16 = 0
        /// 1 while the entry was used since the clock's hand passed.
        package var used: UInt16 = 0
    }

    /// The table; its length is a power of two.
    package private(set) var entries: [Entry]
    /// Series remembered.
    package private(set) var count = 0
    /// Entries given up to make room.
    package private(set) var evictions = 0
    private let entriesMax: Int
    private var hand = 0

    private static let capacityMin = 1_024

    /// An empty cache for at most `entriesMax` series, which take 46 to 92 bytes each.
    package init(entriesMax: Int) {
        precondition(entriesMax > 0, "entriesMax \(entriesMax)")
        self.entriesMax = entriesMax
        entries = [Entry](repeating: Entry(), count: SeriesCache.capacityMin)
    }

    /// Where the hash would be found first.
    @inline(__always)
    package func home(_ hash: XXH3.Hash128) -> Int {
        Int(truncatingIfNeeded: hash.low) & (entries.count &- 1)
    }

    /// The place of a run's entry, nil when it is not known.
    @inline(__always)
    package func find(_ hash: XXH3.Hash128, tenant: UInt32) -> Int? {
        var place = home(hash)
        while true {
            let entry = entries[place]
            if entry.low == hash.low, entry.high == hash.high, entry.tenant == tenant, entry.epoch != 0 { return place }
            if entry.epoch == 0 { return nil }
            place = (place &+ 1) & (entries.count &- 1)
        }
    }

    /// Notes a use, for the clock.
    @inline(__always)
    package mutating func touch(_ place: Int) {
        // Read first: most are marked already, and a write would make the cache line dirty.
        if entries[place].used == 0 { entries[place].used = 1 }
    }

    /// Remembers a run, or changes what is remembered.
    package mutating func set(_ hash: XXH3.Hash128, tenant: UInt32, reference: UInt32, epoch: UInt32, slot: UInt16) {
        precondition(epoch != 0, "epoch 0 marks a free place")
        if let place = find(hash, tenant: tenant) {
            entries[place].reference = reference
            entries[place].epoch = epoch
            entries[place].slot = slot
            entries[place].used = 1
            return
        }
        if count == entriesMax { evictOne() }
        if (count + 1) * 10 > entries.count * 7 { grow() }
        insert(
            Entry(
                high: hash.high, low: hash.low, reference: reference, epoch: epoch, tenant: tenant, slot: slot, used: 1)
        )
        count += 1
    }

    /// Forgets a run.
    package mutating func remove(_ hash: XXH3.Hash128, tenant: UInt32) {
        guard let place = find(hash, tenant: tenant) else { return }
        close(place)
    }

    /// Forgets everything.
    package mutating func removeAll() {
        entries = [Entry](repeating: Entry(), count: SeriesCache.capacityMin)
        count = 0
        hand = 0
    }

    private mutating func insert(_ entry: Entry) {
        var place = home(XXH3.Hash128(high: entry.high, low: entry.low))
        while entries[place].epoch != 0 { place = (place + 1) & (entries.count - 1) }
        entries[place] = entry
    }

    private mutating func grow() {
        let old = entries
        entries = [Entry](repeating: Entry(), count: old.count * 2)
        for entry in old where entry.epoch != 0 { insert(entry) }
        hand = 0
    }

    /// The hand takes each entry's mark away once; the first without one goes. Ends within two rounds.
    private mutating func evictOne() {
        while true {
            hand = (hand + 1) & (entries.count - 1)
            if entries[hand].epoch == 0 { continue }
            if entries[hand].used != 0 {
                entries[hand].used = 0
                continue
            }
            close(hand)
            evictions += 1
            return
        }
    }

    /// Removes the entry at `place` and moves those behind it forward that would no longer be found.
    ///
    /// Source: Knuth, "The Art of Computer Programming", volume 3, algorithm 6.4R.
    private mutating func close(_ place: Int) {
        let mask = entries.count - 1
        var gap = place
        var next = (place + 1) & mask
        while entries[next].epoch != 0 {
            let home = home(XXH3.Hash128(high: entries[next].high, low: entries[next].low))
            // The entry may move into the gap unless its home lies cyclically behind the gap.
            if (next - home) & mask >= (next - gap) & mask {
                entries[gap] = entries[next]
                gap = next
            }
            next = (next + 1) & mask
        }
        entries[gap] = Entry()
        count -= 1
    }
}
