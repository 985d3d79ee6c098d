import ByteCoding
import IngestFormats
import IngestRouting
import MetricModel
import SeededRandom
import Testing

@Suite("Series cache")
struct SeriesCacheTests {
    private func hash(_ number: Int, tight: Bool) -> XXH3.Hash128 {
        // Tight hashes all begin their probes at one of a few places: long runs, wrap-around, many moves on removal.
        let low = tight ? UInt64(bitPattern: Int64(number % 3 - 1)) : UInt64(number) &* 0x9E37_79B9_7F4A_7C15
        return XXH3.Hash128(high: UInt64(number), low: low)
    }

    @Test("agrees with a dictionary through random sets, removals and evictions", arguments: [false, true])
    func twin(_ tight: Bool) {
        var random = SplitMix64(seed: tight ? 1 : 2)
        var cache = SeriesCache(entriesMax: tight ? 200 : 3_000)
        var twin: [Int: UInt32] = [:]
        for step in 0..<30_000 {
            let number = Int.random(in: 0..<(tight ? 400 : 6_000), using: &random)
            switch random.next() % 8 {
            case 0:
                cache.forget(hash(number, tight: tight), tenant: 1)
                twin[number] = nil
            case 1...3:
                cache.set(hash(number, tight: tight), tenant: 1, reference: UInt32(step), epoch: 1, slot: 0)
                twin[number] = UInt32(step)
            default:
                let place = cache.find(hash(number, tight: tight), tenant: 1)
                if let place {
                    // An entry is never another series' one, and never an old one.
                    #expect(cache.entries[place].reference == twin[number])
                    cache.touch(place)
                }
            }
        }
        #expect(cache.count <= (tight ? 200 : 3_000))
        #expect(cache.evictions > 0)
        #expect(cache.count == cache.entries.count { $0.epoch != 0 })
    }

    @Test("without evictions nothing is ever lost")
    func nothingLost() {
        var cache = SeriesCache(entriesMax: 100_000)
        for number in 0..<50_000 {
            cache.set(hash(number, tight: false), tenant: 1, reference: UInt32(number), epoch: 1, slot: 7)
        }
        for number in 0..<50_000 {
            let place = cache.find(hash(number, tight: false), tenant: 1)
            #expect(place.map { cache.entries[$0].reference } == UInt32(number))
        }
    }

    @Test("each column keeps its own references through growth, removals and evictions")
    func columns() {
        var random = SplitMix64(seed: 3)
        var cache = SeriesCache(entriesMax: 3_000, columns: 3)
        var twin: [Int: [UInt32?]] = [:]
        for step in 0..<30_000 {
            let number = Int.random(in: 0..<5_000, using: &random)
            let column = Int.random(in: 0..<3, using: &random)
            if random.next() % 6 == 0 {
                cache.forget(hash(number, tight: false), tenant: 1, column: column)
                twin[number]?[column] = nil
            } else {
                let isKnown = cache.find(hash(number, tight: false), tenant: 1) != nil
                cache.set(
                    hash(number, tight: false), tenant: 1, column: column, reference: UInt32(step), epoch: 1, slot: 0)
                // What was evicted has forgotten its other columns as well.
                if !isKnown { twin[number] = nil }
                twin[number, default: [nil, nil, nil]][column] = UInt32(step)
            }
        }
        #expect(cache.evictions > 0)
        for (number, references) in twin {
            guard let place = cache.find(hash(number, tight: false), tenant: 1) else { continue }
            let first = cache.entries[place]
            let found = [(first.reference, first.epoch), cache.copy(place, column: 1), cache.copy(place, column: 2)]
            for (column, (reference, epoch)) in found.enumerated() {
                #expect((epoch == SeriesCache.unknown ? nil : reference) == references[column])
            }
        }
    }

    @Test("another tenant's equal hash is not found")
    func tenants() {
        var cache = SeriesCache(entriesMax: 10)
        let hash = XXH3.Hash128(high: 1, low: 2)
        cache.set(hash, tenant: 1, reference: 5, epoch: 1, slot: 0)
        #expect(cache.find(hash, tenant: 2) == nil)
        cache.set(hash, tenant: 2, reference: 6, epoch: 1, slot: 0)
        #expect(cache.find(hash, tenant: 1).map { cache.entries[$0].reference } == 5)
        #expect(cache.find(hash, tenant: 2).map { cache.entries[$0].reference } == 6)
    }

    @Test("what is used stays, what is not used goes")
    func clock() {
        var cache = SeriesCache(entriesMax: 100)
        for number in 0..<50 {
            cache.set(hash(number, tight: false), tenant: 1, reference: 0, epoch: 1, slot: 0)
        }
        for number in 1_000..<3_000 {
            cache.set(hash(number, tight: false), tenant: 1, reference: 0, epoch: 1, slot: 0)
            for kept in 0..<50 {
                if let place = cache.find(hash(kept, tight: false), tenant: 1) { cache.touch(place) }
            }
        }
        let kept = (0..<50).count { cache.find(hash($0, tight: false), tenant: 1) != nil }
        #expect(kept >= 45, "\(kept) of 50")
        #expect(cache.count == 100)
    }
}
