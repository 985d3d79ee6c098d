import ByteCoding
import IngestFormats
import MetricModel
import Placement
import SlotMovement
import WireProtocol

/// What is known of the series of one push, before batches are cut: their slots, and their numbers at each of their owners.
struct RoutingPlan: Sendable {
    /// What the router knew of one owner when the push was resolved.
    struct Share {
        /// What the aggregator's references belong to: see `WriteRouter.Aggregator`; 0 while none is known.
        var epoch: UInt32 = 0
        var generation: UInt64 = 0
        /// Whether the aggregator has begun a new generation since: no number of it is good any more.
        var isStale = false
    }

    let owners: SlotOwners
    /// By the index of `owners.nodes`.
    var shares: [Share]
    /// For each raw series its slot.
    var slots: [UInt16] = []
    /// By rank, for each raw series the number that its rows carry at the owner of that rank: a reference, or an index into `definitions` with
    /// `definitionBit`.
    var numbers: [[UInt32]]
    /// Series that some owner does not know, each once.
    var definitions: [SeriesDefinition] = []
    /// For each definition the raw series that it came from.
    var definitionSeries: [UInt32] = []
    /// For a run's hash the index of its definition, or `refused`: runs that occur twice in one request, as in a JSON push of one series over
    /// time, are defined once.
    var defined: [XXH3.Hash128: UInt32] = [:]
    /// Why a run is refused.
    var refusals: [XXH3.Hash128: String] = [:]
    /// A bit for each slot of a series that is not refused.
    var slotBits: [UInt64]

    /// In `numbers`: what was sent is not a series, and its samples go nowhere.
    static let refused = UInt32.max

    init(owners: SlotOwners, shares: [Share], seriesCount: Int) {
        self.owners = owners
        self.shares = shares
        numbers = (0..<owners.copies).map { _ in
            var column: [UInt32] = []
            column.reserveCapacity(seriesCount)
            return column
        }
        slots.reserveCapacity(seriesCount)
        slotBits = Array(repeating: 0, count: (owners.view.slotCount + 63) / 64)
    }

    @inline(__always)
    mutating func note(_ slot: UInt16) {
        slots.append(slot)
        slotBits[Int(slot) >> 6] |= 1 << UInt64(slot & 63)
    }

    /// The slots of all series, ascending.
    var allSlots: [Int] {
        var all: [Int] = []
        for (index, word) in slotBits.enumerated() {
            var rest = word
            while rest != 0 {
                all.append(index << 6 + rest.trailingZeroBitCount)
                rest &= rest &- 1
            }
        }
        return all
    }

    /// Whether a raw series is refused.
    @inline(__always)
    func isRefused(_ series: Int) -> Bool { numbers[0][series] == RoutingPlan.refused }
}

extension WriteRouter {
    /// Finds each raw series in the cache, and defines those that are not there at one of their owners.
    mutating func resolve(
        _ source: borrowing ParsedWrite, tenant: TenantID, tenantNumber: UInt32, owners: SlotOwners
    ) -> RoutingPlan {
        let shares = owners.nodes.map { node in
            aggregators[node].map { RoutingPlan.Share(epoch: $0.epoch, generation: $0.generation) }
                ?? RoutingPlan.Share()
        }
        var plan = RoutingPlan(owners: owners, shares: shares, seriesCount: source.series.count)
        let hits =
            owners.isOne
            ? resolveForOne(source, tenant, tenantNumber, &plan) : resolveForMany(source, tenant, tenantNumber, &plan)
        counters.cacheHits += hits
        counters.cacheMisses += source.series.count - hits
        return plan
    }

    private mutating func resolveForOne(
        _ source: borrowing ParsedWrite, _ tenant: TenantID, _ tenantNumber: UInt32, _ plan: inout RoutingPlan
    ) -> Int {
        let series = source.series
        let epoch = plan.shares[0].epoch
        var hits = 0
        // Arrays of the loop's own: what is inside another value costs a check at each access.
        var (numbers, slots, bits) = (plan.numbers[0], plan.slots, plan.slotBits)
        plan.numbers[0] = []
        plan.slots = []
        plan.slotBits = []
        for index in series.indices {
            let ahead = index &+ WriteRouter.lookAhead
            if ahead < series.count { Prefetch.line(of: cache.entries, at: cache.home(series[ahead].hash)) }
            if let place = cache.find(series[index].hash, tenant: tenantNumber), cache.entries[place].epoch == epoch {
                cache.touch(place)
                let slot = cache.entries[place].slot
                slots.append(slot)
                bits[Int(slot) >> 6] |= 1 << UInt64(slot & 63)
                numbers.append(cache.entries[place].reference)
                hits &+= 1
            } else {
                let number = number(ofDefined: index, in: source, tenant: tenant, &plan)
                let slot = slot(ofDefined: number, plan)
                slots.append(slot ?? 0)
                if let slot { bits[Int(slot) >> 6] |= 1 << UInt64(slot & 63) }
                numbers.append(number)
            }
        }
        plan.numbers[0] = numbers
        plan.slots = slots
        plan.slotBits = bits
        return hits
    }

    private mutating func resolveForMany(
        _ source: borrowing ParsedWrite, _ tenant: TenantID, _ tenantNumber: UInt32, _ plan: inout RoutingPlan
    ) -> Int {
        let series = source.series
        let copies = plan.owners.copies
        var hits = 0
        for index in series.indices {
            let ahead = index &+ WriteRouter.lookAhead
            if ahead < series.count { Prefetch.line(of: cache.entries, at: cache.home(series[ahead].hash)) }
            guard let place = cache.find(series[index].hash, tenant: tenantNumber) else {
                let number = number(ofDefined: index, in: source, tenant: tenant, &plan)
                let slot = slot(ofDefined: number, plan)
                if let slot { plan.note(slot) } else { plan.slots.append(0) }
                for rank in 0..<copies { plan.numbers[rank].append(number) }
                continue
            }
            cache.touch(place)
            let entry = cache.entries[place]
            plan.note(entry.slot)
            var isHit = true
            for rank in 0..<copies {
                let epoch = plan.shares[plan.owners.owner(of: entry.slot, rank: rank)].epoch
                let known =
                    rank == 0 ? (reference: entry.reference, epoch: entry.epoch) : cache.copy(place, column: rank)
                if known.epoch == epoch {
                    plan.numbers[rank].append(known.reference)
                } else {
                    isHit = false
                    plan.numbers[rank].append(number(ofDefined: index, in: source, tenant: tenant, &plan))
                }
            }
            if isHit { hits &+= 1 }
        }
        return hits
    }

    /// The slot of a series that was just defined; nil when it was refused.
    private func slot(ofDefined number: UInt32, _ plan: borrowing RoutingPlan) -> UInt16? {
        if number == RoutingPlan.refused { return nil }
        return plan.definitions[Int(number & ~SeriesReference.definitionBit)].placement.slot(bits: slotBits)
    }

    /// Reads a raw run's labels and defines the series, or refuses a run that is no label set.
    ///
    /// - Returns: the index of the definition with `definitionBit`, or `RoutingPlan.refused`.
    func number(
        ofDefined index: Int, in source: borrowing ParsedWrite, tenant: TenantID, _ plan: inout RoutingPlan
    ) -> UInt32 {
        let hash = source.series[index].hash
        if let earlier = plan.defined[hash] { return earlier }
        do throws(LabelError) {
            plan.definitions.append(try definition(ofSeries: index, in: source, tenant: tenant))
        } catch {
            plan.defined[hash] = RoutingPlan.refused
            plan.refusals[hash] = error.description
            return RoutingPlan.refused
        }
        plan.definitionSeries.append(UInt32(index))
        let number = UInt32(plan.definitions.count - 1) | SeriesReference.definitionBit
        plan.defined[hash] = number
        return number
    }

    /// The definition of a raw series: canonical labels and where they are placed.
    private func definition(
        ofSeries index: Int, in source: borrowing ParsedWrite, tenant: TenantID
    ) throws(LabelError) -> SeriesDefinition {
        let raw = source.series[index]
        let run = source.bytes.rawSpan.extracting(Int(raw.offset)..<Int(raw.offset) + Int(raw.length))
        let labels = try LabelRun.labels(in: run, limits: limits)
        return SeriesDefinition(
            tenant: tenant, labels: labels, placement: placement.placement(of: labels, tenant: tenant))
    }
}
