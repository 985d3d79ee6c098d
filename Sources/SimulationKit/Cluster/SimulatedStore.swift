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
    /// Batches that members may miss, by slot and number.
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
            case .block(let slot, let samples): samples.isEmpty ? nil : .batch(slots: [slot], number: 0)
            }
        }
    }

    mutating func log(_ record: MovementRecord, _ samples: [SimulatedSample]) {
        disk.append(.movement(record, samples))
        apply(record, samples)
    }

    private mutating func apply(_ record: MovementRecord, _ samples: [SimulatedSample]) {
        switch record {
        case .batch(let touched, let number):
            for slot in touched {
                let samples = samples.filter { $0.key.series % slots.count == slot }
                slots[slot].merge(samples, lastWins: lastWins)
                batches[slot][number] = samples
            }
        case .dropped(let slot):
            slots[slot] = SampleSet()
            batches[slot] = [:]
        case .owed, .owedAll, .settled, .settledAll, .unsound, .sound, .known, .restoring, .restored: break
        }
    }

    /// Samples of batches that a member misses; those that were lost with an unsynced log are not among them.
    func samples(_ parts: [BatchPart]) -> [SimulatedSample] {
        parts.flatMap { part in part.slots.flatMap { batches[$0][part.number] ?? [] } }
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
    ///   - needed: batches that members miss or may come to miss.
    mutating func seal(open: [MovementRecord], needed: [BatchPart]) {
        let start = disk.end
        for slot in slots.indices {
            disk.append(.block(slot: slot, slots[slot].samples))
        }
        var kept: [[UInt64: [SimulatedSample]]] = Array(repeating: [:], count: slots.count)
        for part in needed {
            for slot in part.slots { kept[slot][part.number] = batches[slot][part.number] }
            let record = MovementRecord.batch(slots: part.slots, number: part.number)
            disk.append(.movement(record, samples([part])))
        }
        batches = kept
        for record in open { disk.append(.movement(record, [])) }
        disk.sync()
        disk.cut(before: start)
    }

    /// The planted bug: cuts the log behind what a checkpoint has, whoever wrote it, although no block of this node has it.
    mutating func trimByCheckpoint(slot: Int) {
        var kept = SimulatedDisk<Record>()
        for record in disk.records {
            switch record {
            case .movement(.batch(let slots, let number), let samples):
                let rest = slots.filter { $0 != slot }
                guard !rest.isEmpty else { break }
                let others = samples.filter { $0.key.series % self.slots.count != slot }
                kept.append(.movement(.batch(slots: rest, number: number), others))
            case .block(slot, _): break
            case .movement, .block: kept.append(record)
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

    /// The blocks of a slot cannot be read any more; what the log has of it is still there.
    mutating func rot(slot: Int) {
        disk.change { record in if case .block(slot, _) = record { record = .block(slot: slot, []) } }
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
