import ByteCoding
import IngestFormats
import MetricModel
import Placement
package import SlotMovement
package import WireProtocol

/// Exemplars of one push for one aggregator.
package struct RoutedExemplars: Sendable {
    /// An aggregator that owns the series.
    package let node: NodeID
    /// What it is to keep.
    package let batch: ExemplarBatch
}

extension WriteRouter {
    /// Reads a push's exemplars and puts each to the aggregators of its series. What cannot be read is left out and counted: an exemplar is
    /// a hint, and no reason to refuse a push.
    mutating func exemplars(of write: borrowing WriteInProgress, owners: SlotOwners) -> [RoutedExemplars] {
        let source = write.source
        let tenant = write.tenant
        var shares: [NodeID: ExemplarBatch] = [:]
        var last: (run: RawExemplar, slot: Int)?
        for raw in source.exemplars {
            guard let exemplar = source.exemplar(raw) else {
                counters.exemplarsDropped += 1
                continue
            }
            // Those of one series follow each other.
            if let last, last.run.runOffset == raw.runOffset {
                for owner in owners.view.wanted(last.slot) {
                    guard let place = shares[owner]?.series.indices.last else { continue }
                    shares[owner]?.series[place].exemplars.append(exemplar)
                }
                continue
            }
            do throws(LabelError) {
                let labels = try source.series(of: raw, limits: limits)
                let slot = Int(placement.placement(of: labels, tenant: tenant).slot(bits: slotBits))
                for owner in owners.view.wanted(slot) {
                    shares[owner, default: ExemplarBatch(tenant: tenant)].series.append(
                        SeriesExemplars(labels: labels, exemplars: [exemplar]))
                }
                last = (raw, slot)
            } catch {
                counters.exemplarsDropped += 1
                last = nil
            }
        }
        return shares.sorted { $0.key < $1.key }.map { RoutedExemplars(node: $0.key, batch: $0.value) }
    }
}
