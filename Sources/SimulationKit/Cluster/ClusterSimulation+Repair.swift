import ByteCoding
import SlotMovement

/// Repair: the digests that an engine keeps up on append are added up here on demand.
extension ClusterSimulation {
    /// Milliseconds of timestamps that one window spans.
    private static var windowLength: Int64 { 10_000 }

    mutating func repair(_ effect: MovementEffect, at node: Int) {
        switch effect {
        case .sendWindowDigests(let slot, let receiver):
            let before = (kernel.time / 1_000 - 5_000) / Self.windowLength * Self.windowLength
            let digests = windowDigests(node, slot: slot, before: before)
            send(.windowDigests(slot: slot, before: before, digests), from: node, to: receiver)
        case .compareWindows(let slot, let before, let theirs, let other):
            let mine = windowDigests(node, slot: slot, before: before)
            for window in RepairNarrowing.differing(mine, theirs) {
                let digests = seriesDigests(node, slot: slot, window: window)
                send(.seriesDigests(slot: slot, window: window, digests), from: node, to: other)
            }
        case .compareSeries(let slot, let window, let theirs, let other):
            let series = RepairNarrowing.differing(seriesDigests(node, slot: slot, window: window), theirs)
            guard !series.isEmpty else { break }
            let samples = samples(node, slot: slot, window: window, series: series)
            report.samplesRepaired += samples.count
            let message = MovementMessage.repair(slot: slot, window: window, series: series, wantsBack: true)
            send(message, samples, from: node, to: other)
        case .sendRepair(let slot, let window, let series, let receiver):
            let samples = samples(node, slot: slot, window: window, series: series)
            let message = MovementMessage.repair(slot: slot, window: window, series: series, wantsBack: false)
            send(message, samples, from: node, to: receiver)
        default: break
        }
    }

    func windowDigests(_ node: Int, slot: Int, before: Int64) -> [Int64: WindowDigest] {
        var digests: [Int64: WindowDigest] = [:]
        for (key, value) in aggregators[node].store.slots[slot].values where key.timestamp < before {
            digests[key.timestamp / Self.windowLength, default: WindowDigest()].add(Self.hash(key, value))
        }
        return digests
    }

    private func seriesDigests(_ node: Int, slot: Int, window: Int64) -> [UInt64: WindowDigest] {
        var digests: [UInt64: WindowDigest] = [:]
        for (key, value) in aggregators[node].store.slots[slot].values
        where key.timestamp / Self.windowLength == window {
            digests[UInt64(key.series), default: WindowDigest()].add(Self.hash(key, value))
        }
        return digests
    }

    private func samples(_ node: Int, slot: Int, window: Int64, series: [UInt64]) -> [SimulatedSample] {
        aggregators[node].store.slots[slot].samples.filter {
            $0.key.timestamp / Self.windowLength == window && series.contains(UInt64($0.key.series))
        }
    }

    private static func hash(_ key: SampleKey, _ value: Double) -> XXH3.Hash128 {
        WindowDigest.hash(fingerprint: (0, UInt64(key.series)), timestamp: key.timestamp, value: value)
    }
}
