/// One series or group of a fragment's answer.
package struct FragmentRow: Hashable, Sendable {
    /// The labels of the series or group.
    package var labels: Labels
    /// The step of the first cell.
    package var first: Int
    /// Columns one after the other, each with a cell for so many steps; the stale marker where there is nothing.
    package var cells: [Double]

    /// A row of the cells of steps `first` and up.
    package init(labels: Labels, first: Int, cells: [Double]) {
        self.labels = labels
        self.first = first
        self.cells = cells
    }

    /// Bits are compared: a NaN equals itself.
    package static func == (left: FragmentRow, right: FragmentRow) -> Bool {
        left.labels == right.labels && left.first == right.first
            && left.cells.elementsEqual(right.cells) { $0.bitPattern == $1.bitPattern }
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(labels)
        hasher.combine(first)
        hasher.combine(cells.count)
    }
}
