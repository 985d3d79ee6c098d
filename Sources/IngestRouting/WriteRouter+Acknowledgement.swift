package import IngestFormats
import MetricModel
package import SlotMovement
package import WireProtocol

extension WriteRouter {
    /// Takes an aggregator's answer to one batch. What follows is in `WriteInProgress.takeBatches`.
    ///
    /// - Parameters:
    ///   - batch: a batch of `write`.
    ///   - answer: what became of its rows; what is refused is counted in the push.
    ///   - reply: what became of its slots.
    ///   - write: the push.
    ///   - clock: as it is now.
    /// - Throws: `RoutingError.referencesLost` when an aggregator did not know its references `attemptsMax` times; end the push with `abandon`.
    package mutating func acknowledge(
        _ batch: RoutedBatch, _ answer: WriteAcknowledgement, _ reply: StoreReply, of write: inout WriteInProgress,
        clock: Clock
    ) throws(RoutingError) {
        let epoch = epoch(of: batch.node, generation: answer.generation)
        remember(batch, answer, epoch: epoch, of: write)
        if let place = write.plan.owners.place(of: batch.node) {
            let isNew = write.plan.shares[place].epoch != epoch
            // References of another generation than the batches say must not be mixed with those that they carry.
            if isNew {
                write.plan.shares[place] = RoutingPlan.Share(epoch: epoch, generation: answer.generation, isStale: true)
            }
        }
        for rejection in answer.rejections where batch.batch.rows.series.indices.contains(rejection.row) {
            let sample = batch.rowSamples.sample(ofRow: rejection.row)
            if write.refusedSamples[UInt32(sample)] != nil { continue }
            let time = write.source.samples.timestamps[sample]
            write.refusedSamples[UInt32(sample)] = "sample at \(time) ms: \(rejection.reason.text)"
        }
        for row in answer.unknownReferences where row < batch.batch.rows.count {
            let sample = batch.rowSamples.sample(ofRow: Int(row))
            forget(sample, at: batch.node, in: &write)
            write.pieces[batch.piece].unknown.insert(UInt32(sample))
        }
        receive(reply, batch, of: &write, clock: clock)
        try settle(batch.piece, of: &write, clock: clock)
    }

    /// Takes the news that a batch got no answer: its aggregator could not be reached, or did not answer in time.
    ///
    /// - Throws: as `acknowledge`.
    package mutating func fail(
        _ batch: RoutedBatch, of write: inout WriteInProgress, clock: Clock
    ) throws(RoutingError) {
        let refused = StoreReply.Group(
            slots: batch.request.slots, attempt: 0, role: .none, outcome: .refused, peers: [], copiesWanted: 0)
        receive(
            StoreReply(batch: batch.request.batch, node: batch.node, boot: 0, groups: [refused]), batch, of: &write,
            clock: clock)
        try settle(batch.piece, of: &write, clock: clock)
    }

    /// Goes on where time has passed or members have become suspect; to be called every tenth of a second or so.
    ///
    /// - Throws: as `acknowledge`.
    package mutating func advance(_ write: inout WriteInProgress, clock: Clock) throws(RoutingError) {
        for piece in write.pieces.indices where write.pieces[piece].attempt.state == .underWay {
            var requests: [AddressedStore] = []
            write.pieces[piece].attempt.advance(
                now: clock.time, isSuspect: clock.suspects.contains, into: &requests)
            send(requests, piece: piece, of: &write)
            try settle(piece, of: &write, clock: clock)
        }
    }

    /// Ends a push that is acknowledged.
    ///
    /// - Returns: what the sender is told.
    package mutating func finish(_ write: consuming WriteInProgress) -> WriteReport {
        for (sample, reason) in write.refusedSamples.sorted(by: { $0.key < $1.key }) {
            write.reject(series: Int(write.source.samples.series[Int(sample)]), reason: reason)
        }
        let count = write.source.samples.count
        let report = WriteReport(
            stored: count - write.samplesWithoutSeries - write.refusedSamples.count,
            rejectedCount: write.rejectedCount, rejections: write.rejections.sorted { $0.element < $1.element },
            exemplarsDropped: write.source.exemplarsDropped)
        counters.samplesStored += report.stored
        abandon(write)
        return report
    }

    /// Ends a push that is not acknowledged. The sender is told to try again; what was stored counts once all the same.
    package mutating func abandon(_ write: consuming WriteInProgress) {
        counters.inFlightRequests -= 1
        counters.inFlightSamples -= write.source.sampleWeight
    }

    private mutating func receive(
        _ reply: StoreReply, _ batch: RoutedBatch, of write: inout WriteInProgress, clock: Clock
    ) {
        write.pieces[batch.piece].unanswered -= 1
        var requests: [AddressedStore] = []
        write.pieces[batch.piece].attempt.receive(
            reply, now: clock.time, isSuspect: clock.suspects.contains, into: &requests)
        send(requests, piece: batch.piece, of: &write)
    }

    /// Begins a piece of the samples whose references were not known, once everything else of a piece is where it must be.
    private mutating func settle(
        _ piece: Int, of write: inout WriteInProgress, clock: Clock
    ) throws(RoutingError) {
        guard write.pieces[piece].attempt.state == .acknowledged, !write.pieces[piece].isSettled else { return }
        write.pieces[piece].isSettled = true
        let tries = write.pieces[piece].tries + 1
        if write.pieces[piece].unknown.isEmpty { return }
        guard tries < RouterLimits.attemptsMax else { throw .referencesLost(attempts: RouterLimits.attemptsMax) }
        counters.retriedBatches += 1
        let (plan, series) = (write.plan, write.source.samples.series)
        let again = write.pieces[piece].unknown.filter { write.refusedSamples[$0] == nil }.sorted()
        let slots = Set(again.map { Int(plan.slots[Int(series[Int($0)])]) }).sorted()
        if !again.isEmpty { begin(.again(again), slots: slots, tries: tries, of: &write, clock: clock) }
    }

    private mutating func remember(
        _ batch: RoutedBatch, _ answer: WriteAcknowledgement, epoch: UInt32, of write: borrowing WriteInProgress
    ) {
        for (index, reference) in answer.references.enumerated() where index < batch.definitionSeries.count {
            if reference == WriteAcknowledgement.noReference { continue }
            let slot = batch.batch.definitions[index].placement.slot(bits: slotBits)
            guard let column = column(of: batch.node, slot: slot, write.plan) else { continue }
            cache.set(
                write.source.series[Int(batch.definitionSeries[index])].hash, tenant: write.tenantNumber,
                column: column, reference: reference, epoch: epoch, slot: slot)
        }
        // A batch sent before the aggregator's generation was known, or changed, is remembered at its next sending.
        if epoch == batch.epoch {
            for key in batch.metadataKeys { metadataMemory.insert(key) }
        }
    }

    /// The column of the cache for references at a node.
    private func column(of node: NodeID, slot: UInt16, _ plan: RoutingPlan) -> Int? {
        let rank = plan.owners.place(of: node).flatMap { plan.owners.rank(of: $0, in: slot) }
        return rank ?? spareColumn
    }

    /// An aggregator did not know its reference of a sample's series: it is defined at the next sending.
    private mutating func forget(_ sample: Int, at node: NodeID, in write: inout WriteInProgress) {
        let series = Int(write.source.samples.series[sample])
        let slot = write.plan.slots[series]
        guard let column = column(of: node, slot: slot, write.plan) else { return }
        cache.forget(write.source.series[series].hash, tenant: write.tenantNumber, column: column)
        guard column < write.plan.owners.copies else { return }
        let number = number(ofDefined: series, in: write.source, tenant: write.tenant, &write.plan)
        write.plan.numbers[column][series] = number
        if number == RoutingPlan.refused {
            // Only a run that collides with a known one gets here unread.
            write.refusedSamples[UInt32(sample)] = write.plan.refusals[write.source.series[series].hash] ?? ""
        }
    }
}
