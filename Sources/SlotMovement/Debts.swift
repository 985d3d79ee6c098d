/// What a node owes to one other node: parts of batches by number, and slots of which more was missed than is remembered.
///
/// A slot that misses more than `owedBatchesMax` batches is owed *all since*: it gets no lease until it was registered anew, by a registration that
/// began after everything that it missed was either acknowledged or given up. So a copy made under that registration has all of it.
struct Debts {
    /// Slots of one batch.
    private struct Part {
        var number: UInt64
        var slots: [UInt16]
    }

    /// A slot that must be copied anew.
    private struct AllSince: Equatable {
        /// The latest registration that is too old.
        var boot: UInt32 = 0
        var attempt: UInt32 = 0
        /// When something was missed last.
        var missedAt: Int64
        /// Whether the node was told to register anew, with nothing missed since.
        var isTold = false
    }

    /// Ascending by number.
    private var parts: ContiguousArray<Part> = []
    /// By slot: batches owed, `all` where it is all since.
    private var counts: [UInt32]
    private var allSince: [Int: AllSince] = [:]
    /// Whether parts have slots that are owed all since by now.
    private var isStale = false
    private static let all = UInt32.max
    /// The last number of those that were sent and not answered yet, and when.
    private(set) var sent: (number: UInt64, at: Int64)?
    /// How long an answer is waited for before the same is sent again; nil for as long as at the beginning. Twice as long after each time in vain: who is
    /// too slow to answer is not helped by more of the same.
    private var patience: Int64?
    /// When the node missed something last.
    private(set) var addedAt = Int64.min

    init(slotCount: Int) {
        counts = Array(repeating: 0, count: slotCount)
    }

    var isEmpty: Bool { parts.isEmpty && allSince.isEmpty }

    /// Whether the node is owed anything of a slot.
    func owes(_ slot: Int) -> Bool { counts[slot] != 0 }

    /// Whether a slot is owed all since.
    func owesAll(_ slot: Int) -> Bool { counts[slot] == Self.all }

    /// The slots that are owed all since; ascending.
    var slotsOwedAll: [Int] { allSince.keys.sorted() }

    /// The slots of which anything is owed; ascending.
    var slots: [Int] { counts.indices.filter { counts[$0] != 0 } }

    /// All parts of batches that are owed by number.
    var owedParts: [BatchPart] {
        parts.compactMap { part in
            let slots = part.slots.filter { counts[Int($0)] != Self.all }
            return slots.isEmpty ? nil : BatchPart(number: part.number, slots: slots.map { Int($0) })
        }
    }

    /// The numbers of these batches, ascending; of any size, but what is looked at are few slots of each.
    var owedNumbers: some Sequence<UInt64> {
        parts.lazy.filter { part in part.slots.contains { counts[Int($0)] != Self.all } }.map(\.number)
    }

    // MARK: - Owing

    /// Owes slots of a batch.
    ///
    /// - Returns: the slots that were not owed before, and those that are owed all since from now on.
    mutating func add(
        _ slots: [Int], number: UInt64, countMax: Int, now: Int64
    ) -> (new: [Int], overflowed: [Int]) {
        addedAt = now
        let index = firstIndex(number)
        let known = index < parts.count && parts[index].number == number ? parts[index].slots : []
        var (new, overflowed): ([Int], [Int]) = ([], [])
        for slot in slots {
            if counts[slot] == Self.all {
                allSince[slot] = AllSince(missedAt: now)
            } else if Self.contains(known, slot) {
                continue
            } else if counts[slot] >= countMax {
                overflow(slot, now: now)
                overflowed.append(slot)
            } else {
                counts[slot] += 1
                new.append(slot)
            }
        }
        guard !new.isEmpty else { return (new, overflowed) }
        if known.isEmpty {
            parts.insert(Part(number: number, slots: new.map { UInt16($0) }), at: index)
        } else {
            parts[index].slots = (known + new.map { UInt16($0) }).sorted()
        }
        return (new, overflowed)
    }

    /// Owes all of these slots from now on.
    mutating func oweAll(_ slots: [Int], now: Int64) {
        addedAt = now
        for slot in slots { overflow(slot, now: now) }
    }

    /// Owes all of the slots of these batches, which can no longer be sent.
    ///
    /// - Parameters:
    ///   - numbers: ascending.
    ///   - now: of the monotonic clock.
    /// - Returns: the slots that are owed all since from now on; ascending.
    mutating func lose(_ numbers: [UInt64], now: Int64) -> [Int] {
        var lost: Set<Int> = []
        for number in numbers {
            let index = firstIndex(number)
            guard index < parts.count, parts[index].number == number else { continue }
            for slot in parts[index].slots where counts[Int(slot)] != Self.all { lost.insert(Int(slot)) }
        }
        let slots = lost.sorted()
        oweAll(slots, now: now)
        return slots
    }

    private mutating func overflow(_ slot: Int, now: Int64) {
        counts[slot] = Self.all
        allSince[slot] = AllSince(missedAt: now)
        isStale = true
    }

    // MARK: - Registering anew

    /// The node asked about a slot that it is owed all since, as a stake of its own.
    ///
    /// - Parameters:
    ///   - slot: one that is owed all since.
    ///   - stake: as which it asks.
    ///   - grace: as in `MovementLimits`: what was missed longer ago is not acknowledged any more.
    ///   - now: of the monotonic clock.
    /// - Returns: whether the slot is settled by it, and otherwise whether the node must register anew.
    mutating func hear(_ slot: Int, _ stake: Stake, grace: Int64, now: Int64) -> (isSettled: Bool, mustRegister: Bool) {
        guard var since = allSince[slot] else { return (false, false) }
        let isNewer = (stake.boot, stake.attempt) > (since.boot, since.attempt)
        if since.isTold, isNewer { return (true, false) }
        if isNewer { (since.boot, since.attempt) = (stake.boot, stake.attempt) }
        if now >= since.missedAt + grace { since.isTold = true }
        allSince[slot] = since
        return (false, since.isTold)
    }

    // MARK: - Settling

    /// The node has logged these parts.
    ///
    /// What was sent is answered by any of it: of many parts the shell sends as many as fit into a message.
    ///
    /// - Returns: those that were owed.
    mutating func receivePaid(_ paid: [BatchPart]) -> [BatchPart] {
        let found = settle(paid)
        if !found.isEmpty {
            sent = nil
            patience = patience.map { $0 / 2 }
        }
        return found
    }

    /// Owes nothing of these slots of these batches any more.
    ///
    /// - Returns: those that were owed.
    mutating func settle(_ settled: [BatchPart]) -> [BatchPart] {
        var found: [BatchPart] = []
        for settledPart in settled {
            let index = firstIndex(settledPart.number)
            guard index < parts.count, parts[index].number == settledPart.number else { continue }
            let (known, gone) = (parts[index].slots, Set(settledPart.slots))
            let open = known.filter { gone.contains(Int($0)) && counts[Int($0)] != Self.all }
            guard !open.isEmpty else { continue }
            for slot in open { counts[Int(slot)] -= 1 }
            parts[index].slots = open.count == known.count ? [] : known.filter { !gone.contains(Int($0)) }
            found.append(BatchPart(number: settledPart.number, slots: open.map { Int($0) }))
        }
        parts.removeAll { $0.slots.isEmpty }
        if let sent, parts.first.map({ $0.number > sent.number }) ?? true { self.sent = nil }
        return found
    }

    /// Owes nothing of these slots any more.
    ///
    /// - Returns: the parts that were owed by number, and the slots that were owed all since.
    mutating func settle(slots: [Int]) -> (parts: [BatchPart], all: [Int]) {
        let gone = Set(slots)
        var found: [BatchPart] = []
        for part in owedParts {
            let open = part.slots.filter(gone.contains)
            if !open.isEmpty { found.append(BatchPart(number: part.number, slots: open)) }
        }
        found = settle(found)
        let all = slots.filter { counts[$0] == Self.all }
        for slot in all { settleAll(slot) }
        return (found, all)
    }

    /// A slot that was owed all since is owed no more.
    mutating func settleAll(_ slot: Int) {
        // What is left of it in the parts must not count as owed again.
        dropStale()
        counts[slot] = 0
        allSince[slot] = nil
    }

    /// What to send now: the oldest parts; nothing while what was sent before is under way.
    mutating func partsToSend(_ limits: MovementLimits, now: Int64) -> [BatchPart] {
        dropStale()
        let wait = min(max(patience ?? 0, limits.writeTimeout), limits.writeDeadline)
        if let sent {
            if now < sent.at + wait { return [] }
            patience = 2 * wait
        }
        var (chosen, slotCount): ([BatchPart], Int) = ([], 0)
        for part in parts.prefix(limits.paidBatchesMax) {
            slotCount += part.slots.count
            if !chosen.isEmpty, slotCount > limits.paidSlotsMax { break }
            chosen.append(BatchPart(number: part.number, slots: part.slots.map { Int($0) }))
        }
        sent = chosen.last.map { ($0.number, now) }
        return chosen
    }

    /// Leaves off slots that are owed all since from all parts at once.
    private mutating func dropStale() {
        guard isStale else { return }
        isStale = false
        for index in parts.indices { parts[index].slots.removeAll { counts[Int($0)] == Self.all } }
        parts.removeAll { $0.slots.isEmpty }
    }

    /// Where a number is or belongs.
    private func firstIndex(_ number: UInt64) -> Int {
        if let last = parts.last, last.number < number { return parts.count }
        var (low, high) = (0, parts.count)
        while low < high {
            let middle = (low &+ high) / 2
            if parts[middle].number < number { low = middle &+ 1 } else { high = middle }
        }
        return low
    }

    private static func contains(_ slots: [UInt16], _ slot: Int) -> Bool { SortedSlots.contains(slots, slot) }
}

/// Slots as two bytes each, ascending.
enum SortedSlots {
    static func contains(_ slots: [UInt16], _ slot: Int) -> Bool {
        var (low, high) = (0, slots.count)
        while low < high {
            let middle = (low &+ high) / 2
            if Int(slots[middle]) < slot { low = middle &+ 1 } else { high = middle }
        }
        return low < slots.count && Int(slots[low]) == slot
    }
}
