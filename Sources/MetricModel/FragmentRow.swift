/// One series or group of a fragment's answer.
package struct FragmentRow: Hashable, Sendable {
    /// The labels of the series or group.
    package var labels: Labels
    /// The step of the first cell.
    package var first: Int
    /// Columns one after the other, each with a cell for so many steps; the stale marker where there is nothing.
    package var cells: [Double]
    /// Native histograms at some of the steps; nil for most rows.
    package var histograms: FragmentHistograms?

    /// A row of the cells of steps `first` and up.
    package init(labels: Labels, first: Int, cells: [Double], histograms: FragmentHistograms? = nil) {
        self.labels = labels
        self.first = first
        self.cells = cells
        self.histograms = histograms
    }

    /// Bits are compared: a NaN equals itself.
    package static func == (left: FragmentRow, right: FragmentRow) -> Bool {
        left.labels == right.labels && left.first == right.first && left.histograms == right.histograms
            && left.cells.elementsEqual(right.cells) { $0.bitPattern == $1.bitPattern }
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(labels)
        hasher.combine(first)
        hasher.combine(cells.count)
    }
}

/// The native histograms of a fragment's row.
package struct FragmentHistograms: Equatable, Sendable {
    /// What one step has.
    package struct Cell: Equatable, Sendable {
        /// Steps behind the row's first.
        package var offset: Int
        /// The histogram, or what an aggregation made of several; nil where those do not fit together.
        package var histogram: NativeHistogram?
        /// How many went into an aggregation's; 1 for a series.
        package var weight: UInt32

        /// A histogram of `weight` others.
        package init(offset: Int, histogram: NativeHistogram?, weight: UInt32 = 1) {
            self.offset = offset
            self.histogram = histogram
            self.weight = weight
        }
    }

    /// By ascending offset, each once.
    package var cells: [Cell]
    /// Of an aggregation the metric whose histograms it met last, for what may have to be said of them; empty for none.
    package var metric: String

    /// Histograms at steps.
    package init(cells: [Cell] = [], metric: String = "") {
        self.cells = cells
        self.metric = metric
    }

    /// Those of some steps, seen from the first of them.
    package func part(_ range: Range<Int>) -> FragmentHistograms? {
        let inside = cells.compactMap { cell in
            range.contains(cell.offset)
                ? Cell(offset: cell.offset - range.lowerBound, histogram: cell.histogram, weight: cell.weight) : nil
        }
        return inside.isEmpty ? nil : FragmentHistograms(cells: inside, metric: metric)
    }

    /// These, and others `steps` behind.
    package func joined(with others: FragmentHistograms?, after steps: Int) -> FragmentHistograms {
        guard let others else { return self }
        var joined = self
        joined.cells += others.cells.map {
            Cell(offset: $0.offset + steps, histogram: $0.histogram, weight: $0.weight)
        }
        return joined
    }

    /// Bytes in memory, roughly.
    package var memorySize: Int { cells.reduce(64) { $0 + 32 + ($1.histogram?.memorySize ?? 0) } }
}
