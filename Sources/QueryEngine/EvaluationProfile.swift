package import MetricModel

/// Measures an evaluation, operator by operator: rows, and each one's own time.
///
/// Rows flow through the tree one at a time, so that time is charged to whoever has the row: an operator's clock stops while a row of its is
/// with its consumer. Lives on one thread, for one evaluation.
package final class EvaluationProfile {
    private let clock: () -> Int64
    private var figures: [OperatorFigures] = []
    private var nanoseconds: [Int64] = []
    private var parents: [Int?] = []
    /// Who is at work; nil for what makes the result of the outermost rows.
    private var current: Int?
    private var mark: Int64 = 0

    /// - Parameter clock: nanoseconds of a monotonic clock; asked twice a row.
    package init(clock: @escaping () -> Int64) {
        self.clock = clock
    }

    /// The operators that have run, in the order in which they began; an operator that ran twice is there twice.
    package var operators: [OperatorFigures] {
        zip(figures, nanoseconds).map { figures, nanoseconds in
            var figures = figures
            figures.microseconds = Int(nanoseconds / 1_000)
            return figures
        }
    }

    /// An operator begins; nil where no more are told, and its time is its consumer's.
    func enter(_ node: PlanNode, _ plan: QueryPlan) -> Int? {
        guard figures.count < OperatorFigures.countMax else { return nil }
        let depth = current.map { figures[$0].depth + 1 } ?? 0
        var entry = node.figures(plan, depth: depth)
        entry.rows = 0
        parents.append(current)
        figures.append(entry)
        nanoseconds.append(0)
        turn(to: figures.count - 1)
        return figures.count - 1
    }

    /// An operator is done.
    func leave(_ index: Int) { turn(to: parents[index]) }

    /// An operator gives a row away.
    func give(_ index: Int) {
        figures[index].rows = (figures[index].rows ?? 0) + 1
        turn(to: parents[index])
    }

    /// The row's consumer is done with it.
    func resume(_ index: Int) { turn(to: index) }

    private func turn(to next: Int?) {
        let now = clock()
        if let current { nanoseconds[current] += now - mark }
        mark = now
        current = next
    }
}
