import SeededRandom
import SlotMovement

/// An aggregator's engine, as far as losing samples goes: a log on a simulated disk, and in memory what a start replays from it.
struct SimulatedStore {
    /// What lies on the disk.
    enum Record {
        case movement(MovementRecord, [SimulatedSample])
        /// All samples of a slot up to here, synced when it was written.
        case block(slot: Int, [SimulatedSample])
    }

    private(set) var disk = SimulatedDisk<Record>()
    /// Samples by slot.
    private(set) var slots: [SampleSet]
    /// Batches that members miss, by slot and number.
    private var batches: [[UInt64: [SimulatedSample]]]
    private let lastWins: Bool

    init(slotCount: Int, lastWins: Bool) {
        slots = Array(repeating: SampleSet(), count: slotCount)
        batches = Array(repeating: [:], count: slotCount)
        self.lastWins = lastWins
    }

    /// The records that a start hands to its `SlotKeeper`; blocks count as batches without a number that anybody is owed.
    var movementRecords: [MovementRecord] {
        disk.records.compactMap { record in
            switch record {
            case .movement(let movement, _): movement
            case .block(let slot, let samples): samples.isEmpty ? nil : .batch(slot: slot, number: 0)
            }
        }
    }

    mutating func log(_ record: MovementRecord, _ samples: [SimulatedSample]) {
        disk.append(.movement(record, samples))
        apply(record, samples)
    }

    private mutating func apply(_ record: MovementRecord, _ samples: [SimulatedSample]) {
        switch record {
        case .batch(let slot, let number):
            slots[slot].merge(samples, lastWins: lastWins)
            batches[slot][number] = samples
        case .dropped(let slot):
            slots[slot] = SampleSet()
            batches[slot] = [:]
        case .owed, .settled, .unsound, .sound, .known, .restoring, .restored: break
        }
    }

    /// Samples of batches that a member misses; those that were lost with an unsynced log are not among them.
    func samples(slot: Int, numbers: [UInt64]) -> [SimulatedSample] {
        numbers.flatMap { batches[slot][$0] ?? [] }
    }

    /// A page of a slot: the newest `count` samples before `cursor`, 0 for the first page, and all that share the oldest one's timestamp.
    func page(slot: Int, before cursor: Int, count: Int) -> (samples: [SimulatedSample], next: Int?) {
        let older = slots[slot].samples.filter { cursor == 0 || $0.key.timestamp < Int64(cursor) }
        guard older.count > count else { return (older, nil) }
        let oldest = older[older.count - count].key.timestamp
        let page = older.filter { $0.key.timestamp >= oldest }
        return (page, page.count == older.count ? nil : Int(oldest))
    }

    mutating func sync() { disk.sync() }

    /// Writes all samples into blocks and cuts the log behind them.
    ///
    /// - Parameters:
    ///   - open: records that the log needs further.
    ///   - needed: by slot, numbers of batches that members miss or may come to miss.
    mutating func seal(open: [MovementRecord], needed: [Set<UInt64>]) {
        let start = disk.end
        for slot in slots.indices {
            disk.append(.block(slot: slot, slots[slot].samples))
            batches[slot] = batches[slot].filter { needed[slot].contains($0.key) }
            for number in batches[slot].keys.sorted() {
                disk.append(.movement(.batch(slot: slot, number: number), batches[slot][number] ?? []))
            }
        }
        for record in open { disk.append(.movement(record, [])) }
        disk.sync()
        disk.cut(before: start)
    }

    /// The planted bug: cuts the log behind what a checkpoint has, whoever wrote it, although no block of this node has it.
    mutating func trimByCheckpoint(slot: Int) {
        var kept = SimulatedDisk<Record>()
        for record in disk.records {
            switch record {
            case .movement(.batch(slot, _), _): break
            case .block(slot, _): break
            default: kept.append(record)
            }
        }
        kept.sync()
        disk = kept
    }

    /// Loses the memory, and with a power cut what was not synced; then replays the log.
    ///
    /// - Parameter random: of the power cut; nil where only the process died.
    mutating func restart(powerCut random: inout SplitMix64?) {
        if var generator = random {
            disk.powerCut(random: &generator)
            random = generator
        }
        replay()
    }

    mutating func wipe() {
        disk.wipe()
        replay()
    }

    private mutating func replay() {
        for slot in slots.indices {
            slots[slot] = SampleSet()
            batches[slot] = [:]
        }
        for record in disk.records {
            switch record {
            case .movement(let movement, let samples): apply(movement, samples)
            case .block(let slot, let samples): slots[slot].merge(samples, lastWins: lastWins)
            }
        }
    }
}
