/// When slow questions are put to other members too, from what answers took lately, and how many of them may be.
///
/// A question is slow when it takes longer than 95 of 100 did, and never before `query-hedge-delay`. Where everything is slow hedges would make it
/// slower still: one is allowed for each ten answers, up to `burst` at once.
package struct HedgePacer: Sendable {
    /// Hedges that may be asked at once after quiet times.
    private static let burst = 10
    private static let answersForOne = 10
    private static let remembered = 256

    private let delayMin: Int64
    /// Tenths of hedges.
    private var credit = burst * answersForOne
    private var recent: [Int64] = []
    private var next = 0
    private var sinceSorted = 0
    private var late: Int64 = 0

    /// - Parameter delayMin: `query-hedge-delay`, microseconds.
    package init(delayMin: Int64) {
        self.delayMin = delayMin
    }

    /// What holds for a read that begins now; nil while none may be asked.
    package var rule: HedgeRule? {
        allowance == 0 ? nil : HedgeRule(delay: max(delayMin, late), hedgesMax: allowance)
    }

    /// How many may be asked now, by all reads together.
    package var allowance: Int { credit / Self.answersForOne }

    /// A question was answered after so many microseconds.
    package mutating func answered(after time: Int64) {
        credit = min(credit + 1, Self.burst * Self.answersForOne)
        if recent.count < Self.remembered { recent.append(time) } else { recent[next] = time }
        next = (next + 1) % Self.remembered
        sinceSorted += 1
        // Every so often is enough, and costs nothing.
        if sinceSorted >= 16 || recent.count < 16 {
            sinceSorted = 0
            late = recent.sorted()[(recent.count * 95 - 1) / 100]
        }
    }

    /// A hedge was asked.
    package mutating func asked() {
        credit = max(0, credit - Self.answersForOne)
    }
}
