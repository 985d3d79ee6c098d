/// How many copies a cluster keeps, and how it comes from one number to another: in steps, each of which is safe while members still believe in
/// the one before.
///
/// A greater number is placed at once, and assured once every copy is there. A smaller one is assured at once, and placed once everybody knows that no
/// more is assured: whoever believes that there are more copies than there are calls an answer complete that is not.
package struct CopyFactors: Hashable, Sendable {
    /// How many there are to be in the end.
    package var wanted: Int
    /// How many members the ring gives each slot.
    package var placed: Int
    /// How many members each acknowledged batch lies on at least: what may be missing is counted by it.
    package var assured: Int

    /// A new cluster's: its founder is alone.
    package init(wanted: Int) {
        self.wanted = wanted
        placed = wanted
        assured = 1
    }

    package init(wanted: Int, placed: Int, assured: Int) {
        self.wanted = wanted
        self.placed = placed
        self.assured = assured
    }

    /// Begins to change.
    package mutating func want(_ count: Int) {
        wanted = count
        placed = max(placed, count)
        assured = min(assured, count)
    }

    /// Takes the next step, if one is due.
    ///
    /// - Parameters:
    ///   - members: how many may hold samples.
    ///   - areInformed: whether all of them work by these factors.
    ///   - areSettled: whether all of them have had, under these factors, everything that is wanted of them.
    /// - Returns: whether there was one.
    package mutating func advance(members: Int, areInformed: Bool, areSettled: Bool) -> Bool {
        let before = self
        // What comes later lies on no more members than there are now, even when others join again.
        assured = max(1, min(assured, members))
        if wanted < placed {
            if areInformed { placed = wanted }
        } else if areSettled {
            assured = max(assured, aim(members: members))
        }
        return self != before
    }

    /// Whether there is nothing left to do among so many members.
    package func isReached(members: Int) -> Bool { placed == wanted && assured == aim(members: members) }

    private func aim(members: Int) -> Int { max(1, min(placed, members)) }
}
