/// What outlives a start: replaying records, and the records and batches that a log has to keep.
extension SlotKeeper {
    mutating func replay(_ record: MovementRecord) {
        let now = around.time
        switch record {
        case .batch(let slots, _): for slot in slots { replicas[slot].hasSamples = true }
        case .owed(let slots, let number, let nodes):
            for node in nodes {
                _ = debts[node, default: Debts(slotCount: replicas.count)].add(
                    slots, number: number, countMax: .max, now: now)
            }
        case .owedAll(let slots, let node):
            debts[node, default: Debts(slotCount: replicas.count)].oweAll(slots, now: now)
        case .settled(let parts, let node):
            _ = debts[node]?.settle(parts)
            if debts[node]?.isEmpty == true { debts[node] = nil }
        case .settledAll(let slots, let node):
            for slot in slots { debts[node]?.settleAll(slot) }
            if debts[node]?.isEmpty == true { debts[node] = nil }
        case .unsound: for slot in replicas.indices { replicas[slot].isSound = false }
        case .sound(let slots): for slot in slots { replicas[slot].isSound = true }
        case .known(let node, 0): departed[node] = knownBy.removeValue(forKey: node)
        case .known(let node, let boot): knownBy[node] = max(knownBy[node] ?? 0, boot)
        case .restoring(let slots): for slot in slots { replicas[slot].awaitsCheckpoint = true }
        case .restored(let slot): replicas[slot].awaitsCheckpoint = false
        case .dropped(let slot):
            replicas[slot].hasSamples = false
            replicas[slot].awaitsCheckpoint = false
        }
    }

    /// Batches that this node owes to others, by their numbers; ascending, each number once.
    package var owedBatches: [BatchPart] { Self.united(debts.values.lazy.flatMap(\.owedParts)) }

    /// The numbers of these batches, for who asks often.
    package var owedNumbers: Set<UInt64> {
        debts.values.reduce(into: []) { numbers, owed in numbers.formUnion(owed.owedNumbers) }
    }

    /// Batches whose samples the shell must keep readable one by one, also when it cuts its log: those owed, and those that a router may still ask
    /// this node to owe. Ascending by number, each once.
    package var neededBatches: [BatchPart] {
        Self.united(debts.values.flatMap(\.owedParts) + recent.parts)
    }

    private static func united(_ parts: some Sequence<BatchPart>) -> [BatchPart] {
        let slots = Dictionary(parts.map { ($0.number, Set($0.slots)) }) { $0.union($1) }
        return slots.keys.sorted().map { BatchPart(number: $0, slots: slots[$0]?.sorted() ?? []) }
    }

    /// The records that a log needs in the place of all before, beside the samples: what a new segment begins with once blocks hold the
    /// samples of those before it. Owed batches keep a `batch` record of their own.
    package var openRecords: [MovementRecord] {
        var records = knownBy.keys.sorted().map { MovementRecord.known(by: $0, boot: knownBy[$0] ?? 0) }
        for node in departed.keys.sorted() where knownBy[node] == nil {
            records += [.known(by: node, boot: departed[node] ?? 0), .known(by: node, boot: 0)]
        }
        let sound = replicas.indices.filter { replicas[$0].isSound }
        if sound.count < replicas.count {
            records.append(.unsound)
            if !sound.isEmpty { records.append(.sound(slots: sound)) }
        }
        let restoring = replicas.indices.filter { replicas[$0].awaitsCheckpoint }
        if !restoring.isEmpty { records.append(.restoring(slots: restoring)) }
        for node in debts.keys.sorted() {
            guard let owed = debts[node] else { continue }
            for part in owed.owedParts {
                records.append(.owed(slots: part.slots, number: part.number, to: [node]))
            }
            let all = owed.slotsOwedAll
            if !all.isEmpty { records.append(.owedAll(slots: all, to: node)) }
        }
        return records
    }
}
