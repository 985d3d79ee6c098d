import ByteCoding
package import IngestFormats
package import MetricModel
package import Placement
package import SlotMovement
import WireProtocol

/// Pass 2: turns parsed pushes into batches for aggregators, and their answers into replies.
///
/// A value without locks or clocks, owned by one shell (an actor or an event loop):
///
///     var write = try router.route(parsed, tenant: …, arrival: …, owners: …, clock: …)
///     for batch in write.takeBatches() { send, await, then router.acknowledge(batch, …, of: &write) or router.fail(batch, …) }
///     while write.state == .underWay { the same again; router.advance(&write, …) every tenth of a second }
///     reply with router.finish(write)          // or router.abandon(write) when it failed
///
/// Who must have the samples, and when they are acknowledged, is decided by `SlotMovement.WriteAttempt`, one for each piece of the push.
/// What is known of series lies in `SeriesCache`; looking up is in `RoutingPlan.swift`, cutting pieces in `WriteRouter+Pieces.swift`,
/// making batches in `BatchBuilder.swift`, answers and retries in `WriteRouter+Acknowledgement.swift`.
package struct WriteRouter: Sendable {
    /// What the router has done so far, for our own metrics.
    package struct Statistics: Sendable, Equatable {
        /// Series of requests that were known.
        package var cacheHits = 0
        /// Series of requests that were defined anew.
        package var cacheMisses = 0
        /// Entries given up because the cache was full.
        package var cacheEvictions = 0
        /// Series remembered.
        package var cacheEntries = 0
        /// Pushes routed and not yet ended.
        package var inFlightRequests = 0
        /// Samples in them.
        package var inFlightSamples = 0
        /// Exemplars left out.
        package var exemplarsDropped = 0
        /// Samples acknowledged to whoever pushed them.
        package var samplesStored = 0
        /// Batches sent again because an aggregator did not know a reference.
        package var retriedBatches = 0

        /// All zero.
        package init() {}
    }

    struct Aggregator {
        var generation: UInt64
        var epoch: UInt32
    }

    let placement: PlacementLabels
    let slotBits: Int
    let limits: Limits
    let routerLimits: RouterLimits
    var cache: SeriesCache
    var metadataMemory: MetadataMemory
    let movementLimits: MovementLimits
    var aggregators: [NodeID: Aggregator] = [:]
    /// The number of the next batch.
    var nextBatch: UInt64
    var counters = Statistics()
    private var idempotency: IdempotencyTable
    private var tenants: [TenantID: UInt32] = [:]
    private var tenantsMade: UInt32 = 0
    private var epochsMade: UInt32 = 0

    /// How many entries ahead of the probe the cache is asked for; measured, see docs/ingest.md.
    static let lookAhead = 16

    /// A router that knows nothing yet.
    ///
    /// - Parameters:
    ///   - placement: the cluster's placement labels.
    ///   - slotBits: the cluster's number of slot bits.
    ///   - limits: what a label set may be.
    ///   - routerLimits: what the router may hold.
    ///   - movementLimits: the times of a write; the same on all nodes.
    ///   - firstBatch: batches are numbered from it; random, so that no two routers' numbers meet.
    package init(
        placement: PlacementLabels, slotBits: Int = 14, limits: Limits = Limits(),
        routerLimits: RouterLimits = RouterLimits(), movementLimits: MovementLimits = MovementLimits(),
        firstBatch: UInt64
    ) {
        self.movementLimits = movementLimits
        nextBatch = firstBatch
        self.placement = placement
        self.slotBits = slotBits
        self.limits = limits
        self.routerLimits = routerLimits
        cache = SeriesCache(entriesMax: routerLimits.seriesCacheEntriesMax)
        metadataMemory = MetadataMemory(entriesMax: routerLimits.metadataMemoryMax)
        idempotency = IdempotencyTable(entriesMax: routerLimits.idempotencyKeysMax)
    }

    /// What the router has done so far.
    package var statistics: Statistics {
        var result = counters
        result.cacheEvictions = cache.evictions
        result.cacheEntries = cache.count
        return result
    }

    /// What the shell's clock and failure detector say.
    package struct Clock {
        /// Microseconds of the monotonic clock.
        package var time: Int64
        /// Members that most likely do not answer.
        package var suspects: Set<NodeID>

        package init(now: Int64, suspects: Set<NodeID> = []) {
            time = now
            self.suspects = suspects
        }
    }

    /// Looks up the series of a push and begins to write it.
    ///
    /// - Parameters:
    ///   - parsed: what pass 1 found, hashed under this tenant's seed.
    ///   - tenant: whose push it is.
    ///   - arrival: stamped on samples that came without a timestamp.
    ///   - idempotencyKey: when set, such samples get the time at which this key first arrived.
    ///   - owners: which aggregators each slot belongs to; of as many slots as this router's `slotBits` gives.
    ///   - clock: as it is now.
    /// - Returns: the push under way, counted against the limits until `finish` or `abandon`.
    /// - Throws: `RoutingError.overloaded` or `.idempotencyKeyTooLong`; nothing has changed then.
    package mutating func route(
        _ parsed: consuming ParsedWrite, tenant: TenantID, arrival: Timestamp, idempotencyKey: String? = nil,
        owners: SlotOwners, clock: Clock
    ) throws(RoutingError) -> WriteInProgress {
        precondition(owners.view.slotCount == 1 << slotBits, "\(owners.view.slotCount) slots of \(slotBits) bits")
        try admit(parsed)
        if parsed.hasUnstamped {
            let time = try stamp(tenant: tenant, arrival: arrival, key: idempotencyKey)
            for row in parsed.samples.timestamps.indices
            where parsed.samples.timestamps[row] == ParsedWrite.unstamped {
                parsed.samples.timestamps[row] = time
            }
        }
        counters.inFlightRequests += 1
        counters.inFlightSamples += parsed.sampleWeight
        counters.exemplarsDropped += parsed.exemplarsDropped
        // Beside the owners' references one more of somebody who stands in.
        let columns = owners.copies == 1 ? 1 : owners.copies + 1
        if columns > cache.columns { cache.removeAll(columns: columns) }
        let number = tenantNumber(tenant)
        let plan = resolve(parsed, tenant: tenant, tenantNumber: number, owners: owners)
        var write = WriteInProgress(source: parsed, tenant: tenant, tenantNumber: number, plan: plan)
        rejectRefusedSeries(of: &write)
        beginPieces(of: &write, clock: clock)
        if !write.source.exemplars.isEmpty { write.exemplars = exemplars(of: write, owners: owners) }
        return write
    }

    /// The column of the cache for references at aggregators that do not own a series' slot; nil where only the owner's is kept.
    var spareColumn: Int? { cache.columns > 1 ? cache.columns - 1 : nil }

    private func admit(_ parsed: borrowing ParsedWrite) throws(RoutingError) {
        guard counters.inFlightRequests < routerLimits.inFlightRequestsMax else {
            throw .overloaded(name: "in_flight_requests_max", maximum: routerLimits.inFlightRequestsMax)
        }
        // One push alone is always let in: it is bounded by `samples_per_request_max`.
        guard
            counters.inFlightRequests == 0
                || counters.inFlightSamples + parsed.sampleWeight <= routerLimits.inFlightSamplesMax
        else {
            throw .overloaded(name: "in_flight_samples_max", maximum: routerLimits.inFlightSamplesMax)
        }
    }

    private mutating func stamp(tenant: TenantID, arrival: Timestamp, key: String?) throws(RoutingError) -> Int64 {
        guard let key else { return arrival.milliseconds }
        guard key.utf8.count <= RouterLimits.idempotencyKeyBytesMax else {
            throw .idempotencyKeyTooLong(bytesMax: RouterLimits.idempotencyKeyBytesMax)
        }
        return idempotency.arrival(tenant: tenant, key: key, now: arrival.milliseconds)
    }

    /// A number for the tenant in this router's cache. When there are too many the cache begins anew; numbers are never used twice.
    private mutating func tenantNumber(_ tenant: TenantID) -> UInt32 {
        if let number = tenants[tenant] { return number }
        if tenants.count >= routerLimits.tenantsMax {
            tenants.removeAll()
            cache.removeAll()
        }
        tenantsMade += 1
        tenants[tenant] = tenantsMade
        return tenantsMade
    }

    /// The number of an aggregator in a generation: learnt from an acknowledgement.
    mutating func epoch(of aggregator: NodeID, generation: UInt64) -> UInt32 {
        if let known = aggregators[aggregator], known.generation == generation { return known.epoch }
        epochsMade += 1
        aggregators[aggregator] = Aggregator(generation: generation, epoch: epochsMade)
        return epochsMade
    }
}
