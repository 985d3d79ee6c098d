package import MetricModel

/// Samples with all that is needed to define their series: what travels beside a message about a slot, in the place of references
/// that only one engine knows.
package struct SampleBundle: Equatable, Sendable {
    /// One series with its samples.
    package struct Series: Equatable, Sendable {
        package var definition: SeriesDefinition
        /// Unix milliseconds, strictly ascending.
        package var timestamps: [Int64]
        /// As many values.
        package var values: [Double]
        /// Native histograms beside them.
        package var histograms: HistogramColumns

        /// - Parameters:
        ///   - definition: of the series.
        ///   - timestamps: strictly ascending.
        ///   - values: as many.
        ///   - histograms: with times of their own.
        package init(
            definition: SeriesDefinition, timestamps: [Int64], values: [Double],
            histograms: HistogramColumns = HistogramColumns()
        ) {
            precondition(timestamps.count == values.count, "sample columns of unequal length")
            self.definition = definition
            self.timestamps = timestamps
            self.values = values
            self.histograms = histograms
        }

        /// Samples of both kinds.
        package var sampleCount: Int { timestamps.count + histograms.count }

        package static func == (left: Series, right: Series) -> Bool {
            left.definition == right.definition && left.timestamps == right.timestamps
                && left.histograms == right.histograms
                && left.values.elementsEqual(right.values) { $0.bitPattern == $1.bitPattern }
        }
    }

    /// A series may be there more than once.
    package var series: [Series]

    package init(series: [Series] = []) {
        self.series = series
    }

    /// Samples in it.
    package var sampleCount: Int { series.reduce(0) { $0 + $1.sampleCount } }

    /// Whether any of them is a histogram.
    package var hasHistograms: Bool { series.contains { !$0.histograms.isEmpty } }

    /// Bytes of its samples and series in memory, roughly.
    package var memorySize: Int {
        series.reduce(0) { $0 + 16 * $1.timestamps.count + $1.histograms.memorySize + 256 }
    }

    /// Whether all series are placed in slots that `isWanted` answers true for.
    package func isWithin(bits: Int, _ isWanted: (Int) -> Bool) -> Bool {
        series.allSatisfy { isWanted(Int($0.definition.placement.slot(bits: bits))) }
    }
}
