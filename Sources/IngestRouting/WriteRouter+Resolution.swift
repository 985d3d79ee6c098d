import ByteCoding
import IngestFormats
import MetricModel
import Placement
import WireProtocol

/// Where the rows of one push go, before they are cut into batches.
struct RoutingPlan {
    /// For one aggregator: the series to define and the metadata to send.
    struct Share {
        let aggregator: Int
        /// What the aggregator's references belong to: see `WriteRouter.Aggregator`; 0 while none is known.
        var epoch: UInt32 = 0
        var generation: UInt64 = 0
        var definitions: [SeriesDefinition] = []
        /// For each definition the raw series that it came from.
        var definitionSeries: [UInt32] = []
        var definitionBytes = 0
        var metadata: [WriteBatch.TenantMetadata] = []
        var metadataKeys: [UInt64] = []
    }

    /// For each raw series the number that its rows carry: a reference, or an index into its share's definitions with `definitionBit`.
    var resolved: [UInt32] = []
    /// For each raw series the index of its share, or `refused`. Empty while all belong to the only share.
    var owners: [UInt16] = []
    /// By aggregator, in the order of first use.
    var shares: [Share] = []
    /// Why a raw series is refused.
    var refusals: [UInt32: String] = [:]

    /// In `owners`: what was sent is not a series, and its samples go nowhere.
    static let refused = UInt16.max

    /// Whether every row goes to the only share: a ring of one and a request without a bad series.
    var isWhole: Bool { owners.isEmpty && shares.count == 1 }
}

extension WriteRouter {
    /// Finds each raw series in the cache, and defines those that are not there.
    mutating func resolve(_ write: borrowing WriteInProgress, owners: SlotOwners) -> RoutingPlan {
        let series = write.source.series
        let tenant = write.tenantNumber
        var plan = RoutingPlan()
        plan.resolved.reserveCapacity(series.count)
        if let only = owners.onlyOne, !series.isEmpty { _ = share(of: only, in: &plan) }
        let isSpread = owners.onlyOne == nil
        let onlyEpoch = isSpread ? 0 : plan.shares.first?.epoch ?? 0
        // Raw runs that occur twice in one request, as in a JSON push of one series over time, are defined once.
        var definedHere: [XXH3.Hash128: UInt32] = [:]
        var hits = 0
        for index in series.indices {
            let ahead = index &+ WriteRouter.lookAhead
            if ahead < series.count { Prefetch.line(of: cache.entries, at: cache.home(series[ahead].hash)) }
            if let place = cache.find(series[index].hash, tenant: tenant) {
                let entry = cache.entries[place]
                let owner = isSpread ? share(of: owners.owner(of: entry.slot), in: &plan) : 0
                if entry.epoch == (isSpread ? plan.shares[owner].epoch : onlyEpoch) {
                    cache.touch(place)
                    plan.resolved.append(entry.reference)
                    if isSpread || !plan.owners.isEmpty { plan.owners.append(UInt16(owner)) }
                    hits &+= 1
                    continue
                }
            }
            define(index, of: write, owners: owners, plan: &plan, definedHere: &definedHere)
        }
        counters.cacheHits += hits
        counters.cacheMisses += series.count - hits
        return plan
    }

    /// Reads a raw run's labels and puts a definition into its aggregator's share; a run that is no label set is refused.
    private mutating func define(
        _ index: Int, of write: borrowing WriteInProgress, owners: SlotOwners, plan: inout RoutingPlan,
        definedHere: inout [XXH3.Hash128: UInt32]
    ) {
        let hash = write.source.series[index].hash
        if let earlier = definedHere[hash] {
            plan.resolved.append(plan.resolved[Int(earlier)])
            if !plan.owners.isEmpty { plan.owners.append(plan.owners[Int(earlier)]) }
            if let reason = plan.refusals[earlier] { plan.refusals[UInt32(index)] = reason }
            return
        }
        definedHere[hash] = UInt32(index)
        let definition: SeriesDefinition
        do throws(LabelError) {
            definition = try self.definition(ofSeries: index, in: write)
        } catch {
            if plan.owners.isEmpty { plan.owners = [UInt16](repeating: 0, count: plan.resolved.count) }
            plan.owners.append(RoutingPlan.refused)
            plan.resolved.append(0)
            plan.refusals[UInt32(index)] = error.description
            return
        }
        let aggregator = owners.owner(of: definition.placement.slot(bits: slotBits))
        let place = share(of: aggregator, in: &plan)
        let number = UInt32(plan.shares[place].definitions.count)
        plan.shares[place].definitions.append(definition)
        plan.shares[place].definitionSeries.append(UInt32(index))
        plan.shares[place].definitionBytes += definition.labels.bytes.count
        plan.resolved.append(number | SeriesReference.definitionBit)
        if owners.onlyOne == nil || !plan.owners.isEmpty { plan.owners.append(UInt16(place)) }
    }

    /// The definition of a raw series: canonical labels and where they are placed.
    func definition(
        ofSeries index: Int, in write: borrowing WriteInProgress
    ) throws(LabelError) -> SeriesDefinition {
        let raw = write.source.series[index]
        let run = write.source.bytes.rawSpan.extracting(Int(raw.offset)..<Int(raw.offset) + Int(raw.length))
        let labels = try LabelRun.labels(in: run, limits: limits)
        return SeriesDefinition(
            tenant: write.tenant, labels: labels, placement: placement.placement(of: labels, tenant: write.tenant))
    }

    /// Gives each metric's metadata to the aggregator that a series of the bare name would go to, unless it has it.
    func addMetadata(of write: borrowing WriteInProgress, owners: SlotOwners, to plan: inout RoutingPlan) {
        for metadata in write.source.metadata {
            let name = Labels(sortedUnique: [Label(Labels.metricName, metadata.metric)])
            let slot = placement.placement(of: name, tenant: write.tenant).slot(bits: slotBits)
            let place = share(of: owners.owner(of: slot), in: &plan)
            let key = metadataMemory.key(tenant: write.tenant, metadata: metadata, epoch: plan.shares[place].epoch)
            if metadataMemory.contains(key) { continue }
            plan.shares[place].metadata.append(.init(tenant: write.tenant, metadata: metadata))
            plan.shares[place].metadataKeys.append(key)
        }
    }

    /// The place of an aggregator's share, made at its first use. A request has few owners: a scan will do.
    private func share(of aggregator: Int, in plan: inout RoutingPlan) -> Int {
        for place in plan.shares.indices where plan.shares[place].aggregator == aggregator { return place }
        var share = RoutingPlan.Share(aggregator: aggregator)
        if let known = aggregators[aggregator] {
            share.epoch = known.epoch
            share.generation = known.generation
        }
        plan.shares.append(share)
        return plan.shares.count - 1
    }
}
