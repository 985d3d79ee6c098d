package import MetricModel

/// What a query answers.
package struct QueryResult: Sendable {
    /// The value, in one of PromQL's four types.
    package enum Value: Sendable {
        /// Unix milliseconds and the number.
        case scalar(Int64, Double)
        /// Unix milliseconds and the text.
        case string(Int64, String)
        /// One sample a series, all at the evaluation time (Unix milliseconds). `sort` and `topk` give it an order.
        case vector(Int64, [VectorElement])
        /// Samples of each series, ascending in time. Of a range query: at its steps, the series sorted by labels.
        case matrix([SeriesColumns])
    }

    /// One series of an instant vector.
    package struct VectorElement: Sendable, Equatable {
        /// The result's labels.
        package var labels: Labels
        /// The value, never a stale marker; of no meaning where there is a histogram.
        package var value: Double
        /// The native histogram that the element is; nil for a number.
        package var histogram: NativeHistogram?

        /// One series' value.
        package init(labels: Labels, value: Double, histogram: NativeHistogram? = nil) {
            self.labels = labels
            self.value = value
            self.histogram = histogram
        }
    }

    /// The value.
    package var value: Value
    /// Things that make the result doubtful, each once, with the place in the query.
    package var warnings: [String]
    /// Things worth knowing that do not.
    package var infos: [String]
    /// Samples that were read.
    package var samplesRead: Int
    /// Time of each step, Unix milliseconds, with the samples looked at for it: one for each series of an instant selector, all of a
    /// window, those of a subquery's result and not what it read. Nil unless `EvaluationOptions.countsSamples`.
    package var sampleCounts: [(time: Int64, samples: Int)]?

    /// A result, by default without anything to say about it.
    package init(
        value: Value, warnings: [String] = [], infos: [String] = [], samplesRead: Int = 0,
        sampleCounts: [(time: Int64, samples: Int)]? = nil
    ) {
        self.value = value
        self.warnings = warnings
        self.infos = infos
        self.samplesRead = samplesRead
        self.sampleCounts = sampleCounts
    }
}
