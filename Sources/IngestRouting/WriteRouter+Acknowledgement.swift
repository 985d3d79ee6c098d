package import IngestFormats
import MetricModel
package import WireProtocol

extension WriteRouter {
    /// Takes an aggregator's answer to one batch.
    ///
    /// - Parameters:
    ///   - batch: a batch of `write`.
    ///   - answer: what its aggregator said.
    ///   - write: the push; what is stored and what is refused is counted there.
    /// - Returns: batches to send now, with definitions, for rows whose reference the aggregator no longer knew; usually none.
    /// - Throws: `RoutingError.referencesLost` when that happened `attemptsMax` times; end the push with `abandon`.
    package mutating func acknowledge(
        _ batch: RoutedBatch, _ answer: WriteAcknowledgement, of write: inout WriteInProgress
    ) throws(RoutingError) -> [RoutedBatch] {
        let epoch = epoch(of: batch.aggregator, generation: answer.generation)
        remember(batch, answer, epoch: epoch, of: write)
        for rejection in answer.rejections where rejection.row >= 0 && rejection.row < batch.batch.rows.count {
            let sample = batch.rowSamples.sample(ofRow: rejection.row)
            let time = write.source.samples.timestamps[sample]
            write.reject(
                series: Int(write.source.samples.series[sample]),
                reason: "sample at \(time) ms: \(rejection.reason.text)")
        }
        let unknown = answer.unknownReferences.map(Int.init).filter { $0 < batch.batch.rows.count }
        write.stored += max(0, batch.batch.rows.count - answer.rejections.count - unknown.count)
        if unknown.isEmpty { return [] }
        guard batch.attempt + 1 < RouterLimits.attemptsMax else {
            throw .referencesLost(attempts: RouterLimits.attemptsMax)
        }
        counters.retriedBatches += 1
        return retry(rows: unknown, of: batch, epoch: epoch, generation: answer.generation, write: &write)
    }

    /// Ends a push whose batches are all acknowledged.
    ///
    /// - Returns: what the sender is told.
    package mutating func finish(_ write: consuming WriteInProgress) -> WriteReport {
        let report = WriteReport(
            stored: write.stored, rejectedCount: write.rejectedCount,
            rejections: write.rejections.sorted { $0.element < $1.element },
            exemplarsDropped: write.source.exemplarsDropped)
        abandon(write)
        return report
    }

    /// Ends a push of which a batch got no acknowledgement. The sender is told to try again; what was stored counts once all the same.
    package mutating func abandon(_ write: consuming WriteInProgress) {
        counters.inFlightRequests -= 1
        counters.inFlightSamples -= write.source.samples.count
    }

    private mutating func remember(
        _ batch: RoutedBatch, _ answer: WriteAcknowledgement, epoch: UInt32, of write: borrowing WriteInProgress
    ) {
        for (index, reference) in answer.references.enumerated() where index < batch.definitionSeries.count {
            if reference == WriteAcknowledgement.noReference { continue }
            cache.set(
                write.source.series[Int(batch.definitionSeries[index])].hash, tenant: write.tenantNumber,
                reference: reference, epoch: epoch,
                slot: batch.batch.definitions[index].placement.slot(bits: slotBits))
        }
        // A batch sent before the aggregator's generation was known, or changed, is remembered at its next sending.
        if epoch == batch.epoch {
            for key in batch.metadataKeys { metadataMemory.insert(key) }
        }
    }

    /// Defines the series of rows whose reference was not known, and builds batches of those rows alone.
    private mutating func retry(
        rows: [Int], of batch: RoutedBatch, epoch: UInt32, generation: UInt64, write: inout WriteInProgress
    ) -> [RoutedBatch] {
        var share = RoutingPlan.Share(aggregator: batch.aggregator, epoch: epoch, generation: generation)
        var numbers: [UInt32: UInt32] = [:]
        let samples = write.source.samples
        for row in rows {
            let series = samples.series[batch.rowSamples.sample(ofRow: row)]
            if numbers[series] != nil { continue }
            cache.remove(write.source.series[Int(series)].hash, tenant: write.tenantNumber)
            do throws(LabelError) {
                share.definitions.append(try definition(ofSeries: Int(series), in: write))
            } catch {
                // Only a run that collides with a known one gets here unread.
                write.reject(series: Int(series), reason: error.description)
                continue
            }
            numbers[series] = UInt32(share.definitions.count - 1) | SeriesReference.definitionBit
            share.definitionSeries.append(series)
        }
        var builder = BatchBuilder(share: share, attempt: batch.attempt + 1, limits: routerLimits)
        for row in rows {
            let sample = batch.rowSamples.sample(ofRow: row)
            guard let number = numbers[samples.series[sample]] else { continue }
            builder.add(
                sample: sample, number: number, timestamp: samples.timestamps[sample], value: samples.values[sample])
        }
        builder.flush()
        return builder.batches
    }
}
