/// The batches that routers may still ask about, in the order in which they were logged.
///
/// One batch has several entries where requests for different slots of it were logged apart.
struct RecentBatches {
    private struct Entry {
        var batch: UInt64
        var number: UInt64
        var at: Int64
        var slots: [UInt16]
        /// Position of the batch's entry before; -1 when there is none.
        var previous: Int
    }

    private var entries: ContiguousArray<Entry> = []
    /// Of the first entry, counted from the first ever.
    private var start = 0
    private var last: [UInt64: Int] = [:]
    private(set) var slotCount = 0

    /// Whether anything is known of a batch; if not, nothing of it need be looked for.
    func knows(_ batch: UInt64) -> Bool { last[batch] != nil }

    /// The number of a batch's slot, if it was logged after a time.
    func number(of batch: UInt64, slot: Int, after time: Int64) -> UInt64? {
        var position = last[batch] ?? -1
        while position >= start {
            let entry = entries[position - start]
            guard entry.at > time else { return nil }
            if SortedSlots.contains(entry.slots, slot) { return entry.number }
            position = entry.previous
        }
        return nil
    }

    /// - Parameters:
    ///   - slots: ascending; none of them is known of this batch.
    ///   - batch: the router's number.
    ///   - number: the node's.
    ///   - now: of the monotonic clock.
    mutating func add(_ slots: [Int], of batch: UInt64, number: UInt64, now: Int64) {
        let previous = last.updateValue(start + entries.count, forKey: batch)
        let entry = Entry(
            batch: batch, number: number, at: now, slots: slots.map { UInt16($0) }, previous: previous ?? -1)
        entries.append(entry)
        slotCount += slots.count
    }

    /// Forgets what is older than `grace`, and the oldest beyond a bound.
    mutating func trim(_ limits: MovementLimits, now: Int64) {
        var (count, slots) = (0, slotCount)
        for entry in entries {
            guard entry.at + limits.grace <= now || slots > limits.recentSlotsMax else { break }
            slots -= entry.slots.count
            count += 1
            if last[entry.batch] == start + count - 1 { last[entry.batch] = nil }
        }
        entries.removeFirst(count)
        start += count
        slotCount = slots
    }

    /// Forgets batches that can no longer be read by their numbers.
    mutating func forget(_ numbers: Set<UInt64>) {
        for index in entries.indices where numbers.contains(entries[index].number) {
            slotCount -= entries[index].slots.count
            entries[index].slots = []
        }
    }

    /// All that is remembered.
    var parts: [BatchPart] {
        entries.compactMap { entry in
            entry.slots.isEmpty ? nil : BatchPart(number: entry.number, slots: entry.slots.map { Int($0) })
        }
    }
}
