internal import SeriesEngine

/// Batches by number that a member misses or may come to miss, within bounds of bytes.
struct BatchLedger {
    private struct Entry {
        var batch: NumberedBatch
        /// Of the monotonic clock, microseconds.
        var at: Int64
    }

    private var entries: [UInt64: Entry] = [:]
    private(set) var byteCount = 0

    /// Keeps a batch; one of the same number is replaced.
    mutating func keep(_ batch: NumberedBatch, at now: Int64) {
        remove(batch.mark.number)
        entries[batch.mark.number] = Entry(batch: batch, at: now)
        byteCount += batch.memorySize
    }

    func batch(_ number: UInt64) -> NumberedBatch? { entries[number]?.batch }

    /// The references of all series in it: those stay in the engine's table.
    var references: Set<UInt32> {
        var references: Set<UInt32> = []
        for entry in entries.values { references.formUnion(entry.batch.series) }
        return references
    }

    /// Leaves off what nobody needs any more, and of the rest the oldest until it is within the bounds.
    ///
    /// - Parameters:
    ///   - owed: numbers of batches that members miss.
    ///   - start: batches that nobody misses and that came before are not needed.
    ///   - recentBytesMax: of batches that nobody misses.
    ///   - owedBytesMax: of the others.
    /// - Returns: numbers of batches that are needed and gone; ascending.
    mutating func trim(owed: Set<UInt64>, from start: Int64, recentBytesMax: Int, owedBytesMax: Int) -> [UInt64] {
        var recentBytes = 0
        var owedBytes = 0
        var forgotten: [UInt64] = []
        for number in entries.keys.sorted(by: >) {
            guard let entry = entries[number] else { continue }
            if owed.contains(number) {
                owedBytes += entry.batch.memorySize
                if owedBytes <= owedBytesMax { continue }
                forgotten.append(number)
            } else if entry.at >= start {
                recentBytes += entry.batch.memorySize
                if recentBytes <= recentBytesMax { continue }
                forgotten.append(number)
            }
            remove(number)
        }
        return forgotten.reversed()
    }

    private mutating func remove(_ number: UInt64) {
        guard let entry = entries.removeValue(forKey: number) else { return }
        byteCount -= entry.batch.memorySize
    }
}
