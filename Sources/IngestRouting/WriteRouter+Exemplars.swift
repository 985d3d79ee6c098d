import ByteCoding
import IngestFormats
import MetricModel
import Placement
package import WireProtocol

/// Exemplars of one push for one aggregator.
package struct RoutedExemplars: Sendable {
    /// The aggregator that owns the series, by the ring's index.
    package let aggregator: Int
    /// What it is to keep.
    package let batch: ExemplarBatch
}

extension WriteRouter {
    /// Reads a push's exemplars and puts each to the aggregator of its series. What cannot be read is left out and counted: an exemplar is
    /// a hint, and no reason to refuse a push.
    mutating func exemplars(of write: borrowing WriteInProgress, owners: SlotOwners) -> [RoutedExemplars] {
        let source = write.source
        let tenant = write.tenant
        var shares: [Int: ExemplarBatch] = [:]
        var last: (run: RawExemplar, owner: Int)?
        for raw in source.exemplars {
            guard let exemplar = source.exemplar(raw) else {
                counters.exemplarsDropped += 1
                continue
            }
            // Those of one series follow each other.
            if let last, last.run.runOffset == raw.runOffset, let place = shares[last.owner]?.series.indices.last {
                shares[last.owner]?.series[place].exemplars.append(exemplar)
                continue
            }
            do throws(LabelError) {
                let labels = try source.series(of: raw, limits: limits)
                let slot = placement.placement(of: labels, tenant: tenant).slot(bits: slotBits)
                let owner = owners.owner(of: slot)
                shares[owner, default: ExemplarBatch(tenant: tenant)].series.append(
                    SeriesExemplars(labels: labels, exemplars: [exemplar]))
                last = (raw, owner)
            } catch {
                counters.exemplarsDropped += 1
                last = nil
            }
        }
        return shares.sorted { $0.key < $1.key }.map { RoutedExemplars(aggregator: $0.key, batch: $0.value) }
    }
}
