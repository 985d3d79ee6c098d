/// Which slots are fetched next from databases that may be away: all of them in turn, before any a second time.
///
/// A value: insert what is wanted, ask `next`, report what came of it.
package struct RestoreRounds: Sendable {
    private let slotsMax: Int
    private var wanted: Set<Int> = []
    /// Tried in this round; what could be had of them is here.
    private var tried: Set<Int> = []

    /// - Parameter slotsMax: how many are fetched at a time, 1 or more.
    package init(slotsMax: Int) {
        precondition(slotsMax > 0, "\(slotsMax) slots at a time")
        self.slotsMax = slotsMax
    }

    /// Slots that are wanted and not restored.
    package var count: Int { wanted.count }

    /// Whether each of them was tried: another try is worth something once a database answers that was away.
    package var isOver: Bool { wanted.isSubset(of: tried) }

    /// The slots to fetch, ascending; empty when all that are wanted were tried.
    package var next: [Int] { Array(wanted.subtracting(tried).sorted().prefix(slotsMax)) }

    /// A slot is wanted from now on.
    package mutating func insert(_ slot: Int) { wanted.insert(slot) }

    /// All that the databases have of these is here.
    package mutating func restored(_ slots: [Int]) {
        wanted.subtract(slots)
        tried.subtract(slots)
    }

    /// Some database did not answer for these.
    package mutating func failed(_ slots: [Int]) { tried.formUnion(slots) }

    /// Begins a new round with all that are wanted.
    package mutating func begin() { tried = [] }

    /// Nothing is wanted any more.
    package mutating func clear() {
        wanted = []
        tried = []
    }
}
