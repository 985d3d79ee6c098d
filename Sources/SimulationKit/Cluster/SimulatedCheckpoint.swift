import MetricModel

/// What aggregators and the checkpoint database say to each other; samples travel beside `loaded`, `write` and `restored`.
enum CheckpointMessage {
    case claim(slot: Int)
    case claimed(slot: Int, epoch: Int64)
    case load(slot: Int, epoch: Int64)
    case loaded(slot: Int, epoch: Int64)
    case write(slot: Int, epoch: Int64, number: Int64)
    case written(slot: Int, epoch: Int64, number: Int64)
    case fenced(slot: Int, epoch: Int64)
    case restore(slot: Int)
    case restored(slot: Int)
}

/// The checkpoint database: one merged block for each slot, which its writer replaces, under a fencing epoch. Its disk is safe.
struct SimulatedCheckpoint {
    private(set) var contents: [SampleSet]
    private var epochs: [Int64]
    private var numbers: [Int64]
    private let isFencing: Bool

    init(slotCount: Int, isFencing: Bool) {
        contents = Array(repeating: SampleSet(), count: slotCount)
        epochs = Array(repeating: 0, count: slotCount)
        numbers = Array(repeating: 0, count: slotCount)
        self.isFencing = isFencing
    }

    /// Does what a message asks.
    ///
    /// - Parameters:
    ///   - message: from an aggregator.
    ///   - samples: beside it.
    /// - Returns: the answer, with the samples beside it; and what went wrong with what the database had, nil when nothing.
    mutating func receive(
        _ message: CheckpointMessage, _ samples: [SimulatedSample]
    ) -> (answer: CheckpointMessage, samples: [SimulatedSample], problem: String?)? {
        switch message {
        case .claim(let slot):
            epochs[slot] += 1
            numbers[slot] = 0
            return (.claimed(slot: slot, epoch: epochs[slot]), [], nil)
        case .load(let slot, let epoch):
            return (.loaded(slot: slot, epoch: epoch), contents[slot].samples, nil)
        case .write(let slot, let epoch, let number):
            if isFencing, epoch != epochs[slot] { return (.fenced(slot: slot, epoch: epoch), [], nil) }
            // A repetition of a write that was done before says so again.
            guard number > numbers[slot] || !isFencing else {
                return (.written(slot: slot, epoch: epoch, number: number), [], nil)
            }
            numbers[slot] = number
            var content = SampleSet()
            content.merge(samples)
            let problem = Self.loss(of: contents[slot], by: content)
            contents[slot] = content
            return (.written(slot: slot, epoch: epoch, number: number), [], problem)
        case .restore(let slot): return (.restored(slot: slot), contents[slot].samples, nil)
        case .claimed, .loaded, .written, .fenced, .restored: return nil
        }
    }

    /// What the database had and has no more.
    private static func loss(of old: SampleSet, by new: SampleSet) -> String? {
        for (key, value) in old.values {
            guard let kept = new.values[key] else { return "loses series \(key.series) at \(key.timestamp)" }
            if SampleResolution.winner(kept, value).bitPattern != kept.bitPattern {
                return "has \(kept) in the place of \(value) for series \(key.series) at \(key.timestamp)"
            }
        }
        return nil
    }
}
