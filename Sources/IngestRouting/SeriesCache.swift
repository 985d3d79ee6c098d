package import ByteCoding

/// The router's memory of series: from a raw run's hash to the references that aggregators gave it.
///
/// Soft state: losing an entry costs one definition, nothing else. Open addressing with linear probing, each entry 32 bytes so that a
/// probe touches one or two cache lines; no tombstones, a removal closes its gap. The reference at a series' first owner lies in the entry, those
/// at further ones in columns beside it. At the limit the clock algorithm makes room:
/// an entry survives one pass of the hand after each use, and repeated sweeps of a fleet therefore stay while one-off series go.
package struct SeriesCache: Sendable {
    /// What is known of one raw run.
    package struct Entry: Sendable, BitwiseCopyable {
        /// The run's hash.
        package var high: UInt64 = 0
        /// The run's hash.
        package var low: UInt64 = 0
        /// The first owner's number for the series.
        package var reference: UInt32 = 0
        /// Which aggregator in which generation gave it; 0 marks a free place, `unknown` a series without one.
        package var epoch: UInt32 = 0
        /// The tenant's number in this router: a colliding hash of another tenant never matches.
        package var tenant: UInt32 = 0
        /// The slot that the series is placed in.
        package var slot: UInt16 = 0
        /// 1 while the entry was used since the clock's hand passed.
        package var used: UInt16 = 0
    }

    /// A reference at another aggregator than the first owner.
    private struct Copy: BitwiseCopyable {
        var reference: UInt32 = 0
        var epoch = SeriesCache.unknown
    }

    /// The epoch of no reference.
    package static let unknown = UInt32.max

    /// The table; its length is a power of two.
    package private(set) var entries: [Entry]
    /// Series remembered.
    package private(set) var count = 0
    /// Entries given up to make room.
    package private(set) var evictions = 0
    /// References that are remembered of a series.
    package private(set) var columns: Int
    /// The columns behind the first, each as long as `entries`.
    private var copies: [[Copy]] = []
    private let entriesMax: Int
    private var hand = 0

    private static let capacityMin = 1_024

    /// An empty cache for at most `entriesMax` series, which take 46 to 92 bytes each, and 11 to 23 more for each column behind the first.
    package init(entriesMax: Int, columns: Int = 1) {
        precondition(entriesMax > 0 && columns > 0, "entriesMax \(entriesMax), columns \(columns)")
        self.entriesMax = entriesMax
        self.columns = columns
        entries = []
        makeTable(SeriesCache.capacityMin)
    }

    private mutating func makeTable(_ capacity: Int) {
        entries = [Entry](repeating: Entry(), count: capacity)
        copies = Array(repeating: [Copy](repeating: Copy(), count: capacity), count: columns - 1)
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

    /// The reference in a column behind the first, with its epoch.
    @inline(__always)
    package func copy(_ place: Int, column: Int) -> (reference: UInt32, epoch: UInt32) {
        let copy = copies[column &- 1][place]
        return (copy.reference, copy.epoch)
    }

    /// Notes a use, for the clock.
    @inline(__always)
    package mutating func touch(_ place: Int) {
        // Read first: most are marked already, and a write would make the cache line dirty.
        if entries[place].used == 0 { entries[place].used = 1 }
    }

    /// Remembers a run, or changes what is remembered of it in one column.
    package mutating func set(
        _ hash: XXH3.Hash128, tenant: UInt32, column: Int = 0, reference: UInt32, epoch: UInt32, slot: UInt16
    ) {
        precondition(epoch != 0, "epoch 0 marks a free place")
        if let place = find(hash, tenant: tenant) {
            write(reference, epoch, column: column, at: place)
            entries[place].slot = slot
            entries[place].used = 1
            return
        }
        if count == entriesMax { evictOne() }
        if (count + 1) * 10 > entries.count * 7 { grow() }
        let place = freePlace(hash)
        entries[place] = Entry(
            high: hash.high, low: hash.low, epoch: SeriesCache.unknown, tenant: tenant, slot: slot, used: 1)
        write(reference, epoch, column: column, at: place)
        count += 1
    }

    private mutating func write(_ reference: UInt32, _ epoch: UInt32, column: Int, at place: Int) {
        if column == 0 {
            entries[place].reference = reference
            entries[place].epoch = epoch
        } else {
            copies[column - 1][place] = Copy(reference: reference, epoch: epoch)
        }
    }

    /// Forgets a run's reference in one column; the run, if there is no other column.
    package mutating func forget(_ hash: XXH3.Hash128, tenant: UInt32, column: Int = 0) {
        guard let place = find(hash, tenant: tenant) else { return }
        if columns == 1 { close(place) } else { write(0, SeriesCache.unknown, column: column, at: place) }
    }

    /// Forgets everything, and remembers so many references of each series from now on.
    package mutating func removeAll(columns: Int? = nil) {
        self.columns = columns ?? self.columns
        makeTable(SeriesCache.capacityMin)
        count = 0
        hand = 0
    }

    private func freePlace(_ hash: XXH3.Hash128) -> Int {
        var place = home(hash)
        while entries[place].epoch != 0 { place = (place + 1) & (entries.count - 1) }
        return place
    }

    private mutating func grow() {
        let (old, oldCopies) = (entries, copies)
        makeTable(old.count * 2)
        for (from, entry) in old.enumerated() where entry.epoch != 0 {
            let place = freePlace(XXH3.Hash128(high: entry.high, low: entry.low))
            entries[place] = entry
            for column in copies.indices { copies[column][place] = oldCopies[column][from] }
        }
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
                for column in copies.indices { copies[column][gap] = copies[column][next] }
                gap = next
            }
            next = (next + 1) & mask
        }
        entries[gap] = Entry()
        for column in copies.indices { copies[column][gap] = Copy() }
        count -= 1
    }
}
