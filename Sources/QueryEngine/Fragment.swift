package import MetricModel
package import QueryLanguage

// A plan that is cut has fragments: expressions of the query that each node evaluates on its part of the data. What arrives at the
// asker's is rows; `PlanNode.fragment` and `.mergedStates` go on with them. Where plans are cut: Planner+Cut.swift; what may be
// evaluated apart: LocalityRules.swift; the other node's side: FragmentPlan.swift.

/// A part of a query that is evaluated where the data is.
package struct Fragment: Hashable, Sendable {
    /// What a node answers of the expression.
    package enum Shape: UInt8, Sendable, CaseIterable {
        /// Its rows.
        case rows = 0
        /// Of an aggregation, what it has accumulated for each group and step.
        case states = 1
        /// Of an aggregation, its input's rows under the labels of their groups.
        case members = 2
    }

    /// Where the expression stands in the query's text.
    package let range: SourceRange
    /// What is asked of it.
    package let shape: Shape
    /// The first time at which it is evaluated, Unix milliseconds.
    package let start: Int64
    /// Milliseconds from one time to the next.
    package let step: Int64
    /// How many times.
    package let count: Int
    /// Columns of a row.
    package let width: Int
    /// How the series that it reads must have been placed for the parts to make up the whole.
    package let requirement: PlacementRequirement
    /// What it reads.
    package let selections: [SeriesSelection]

    /// Whether a row that another node sent can be one of this fragment.
    package func accepts(_ row: FragmentRow) -> Bool {
        let cells = row.cells.count / width
        return row.first >= 0 && cells > 0 && row.cells.count == cells * width && cells <= count
            && row.first <= count - cells && (row.histograms?.areWithin(cells) ?? true)
    }
}

extension FragmentRow {
    /// The cells of `width` columns without the steps at both ends that have nothing in the first column and no histogram; nil when none has.
    init?(_ labels: Labels, trimming cells: [Double], width: Int, _ histograms: FragmentHistograms?) {
        let steps = cells.count / width
        let bounds = [
            (0..<steps).first { cells[$0].isPresent }, (0..<steps).last { cells[$0].isPresent },
            histograms?.cells.first?.offset, histograms?.cells.last?.offset,
        ].compactMap(\.self)
        guard let first = bounds.min(), let last = bounds.max() else { return nil }
        if last - first + 1 == steps {
            self.init(labels: labels, first: first, cells: cells, histograms: histograms)
            return
        }
        self.init(labels: labels, first: first, cells: [], histograms: histograms?.part(first..<last + 1))
        self.cells.reserveCapacity(width * (last - first + 1))
        for column in 0..<width { self.cells += cells[column * steps + first...column * steps + last] }
    }
}

/// What all parts answered of one fragment.
package struct FragmentAnswer: Sendable {
    /// Part by part, in the order of the nodes, so that the same parts give the same sums.
    package var rows: [FragmentRow]
    package var notes: FragmentNotes

    /// Rows of all parts with what they had to say.
    package init(rows: [FragmentRow], notes: FragmentNotes) {
        self.rows = rows
        self.notes = notes
    }
}

extension FragmentHistograms {
    /// Whether the offsets ascend and are of so many steps.
    fileprivate func areWithin(_ steps: Int) -> Bool {
        var next = 0
        for cell in cells {
            if cell.offset < next || cell.offset >= steps { return false }
            next = cell.offset + 1
        }
        return true
    }
}
