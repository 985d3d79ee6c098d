import MetricModel
import SeededRandom

/// The checker: what was pushed, what was acknowledged and when, and whether an answer has it.
struct SampleLedger {
    private struct Entry {
        /// Values that a client ever sent; any of them may be stored, acknowledged or not.
        var sent: [Double] = []
        /// Values acknowledged, with the number of the acknowledgement.
        var acknowledged: [(number: Int, value: Double)] = []
    }

    private var slots: [[SampleKey: Entry]]
    /// Acknowledgements so far; a read that starts now must see all of them.
    private(set) var acknowledgementCount = 0
    /// Samples acknowledged.
    private(set) var sampleCount = 0

    init(slotCount: Int) {
        slots = Array(repeating: [:], count: slotCount)
    }

    mutating func sent(_ samples: [SimulatedSample], slot: Int) {
        for sample in samples { slots[slot][sample.key, default: Entry()].sent.append(sample.value) }
    }

    mutating func acknowledged(_ samples: [SimulatedSample], slot: Int) {
        acknowledgementCount += 1
        sampleCount += samples.count
        for sample in samples {
            slots[slot][sample.key, default: Entry()].acknowledged.append((acknowledgementCount, sample.value))
        }
    }

    /// Every disk is lost: acknowledged is from now on only what the checkpoint has.
    mutating func forget(allBut kept: [SampleSet]) {
        for slot in slots.indices {
            for (key, entry) in slots[slot] {
                slots[slot][key]?.acknowledged = entry.acknowledged.filter { _, value in
                    guard let found = kept[slot].values[key] else { return false }
                    return SampleResolution.winner(found, value).bitPattern == found.bitPattern
                }
            }
        }
    }

    /// Some sample sent so far, to send another value for it.
    func someKey(slot: Int, random: inout SplitMix64) -> SampleKey? {
        guard !slots[slot].isEmpty else { return nil }
        return random.element(of: slots[slot].keys.sorted().suffix(20).map { $0 })
    }

    /// What is wrong with all samples of a slot, given as complete; nil when nothing is. `count` are the acknowledgements when the read began: a
    /// value acknowledged by then that is not there must have lost against the one that is.
    func problem(of answer: SampleSet, slot: Int, acknowledgedBefore count: Int) -> String? {
        for key in slots[slot].keys.sorted() {
            guard let entry = slots[slot][key] else { continue }
            let found = answer.values[key]
            for (number, value) in entry.acknowledged where number <= count {
                guard let found else {
                    return
                        "lacks series \(key.series) at \(key.timestamp), acknowledged as number \(number) of \(count)"
                }
                if SampleResolution.winner(found, value).bitPattern != found.bitPattern {
                    return "has \(found) for series \(key.series) at \(key.timestamp), but \(value) was acknowledged"
                }
            }
        }
        for key in answer.values.keys.sorted() {
            let value = answer.values[key]?.bitPattern
            if slots[slot][key]?.sent.contains(where: { $0.bitPattern == value }) != true {
                return "has a sample of series \(key.series) at \(key.timestamp) that nobody sent"
            }
        }
        return nil
    }
}
