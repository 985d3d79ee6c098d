/// How much an answer tells about its evaluation: the parameter `stats`.
package enum StatisticsDetail: Hashable, Sendable {
    /// Nothing.
    case none
    /// Times and numbers of samples.
    case totals
    /// Also the number of samples of each step.
    case perStep
}

/// How an expression was evaluated, in the terms of Prometheus' statistics.
package struct QueryStatistics: Sendable {
    /// Until samples are there: parsing, planning and reading.
    package var preparation: Duration
    /// Evaluation proper.
    package var evaluation: Duration
    /// Samples looked at, summed over the steps: one for each series of an instant selector, all of a window.
    package var samples: Int
    /// Most samples held at a time.
    package var samplesPeak: Int
    /// Time of each step, Unix milliseconds, with the samples looked at for it; nil unless asked for.
    package var perStep: [(time: Int64, samples: Int)]?

    /// What was measured.
    package init(
        preparation: Duration, evaluation: Duration, samples: Int, samplesPeak: Int,
        perStep: [(time: Int64, samples: Int)]?
    ) {
        self.preparation = preparation
        self.evaluation = evaluation
        self.samples = samples
        self.samplesPeak = samplesPeak
        self.perStep = perStep
    }
}

extension JSONText {
    /// Appends Prometheus' statistics object. Nothing waits in a queue or is sorted apart from evaluation, so that these two are 0.
    ///
    /// Source: Prometheus' util/stats/query_stats.go.
    mutating func statistics(_ statistics: QueryStatistics) {
        let total = statistics.preparation + statistics.evaluation
        raw("{\"timings\":{\"evalTotalTime\":")
        seconds(total)
        raw(",\"resultSortTime\":0,\"queryPreparationTime\":")
        seconds(statistics.preparation)
        raw(",\"innerEvalTime\":")
        seconds(statistics.evaluation)
        raw(",\"execQueueTime\":0,\"execTotalTime\":")
        seconds(total)
        raw("},\"samples\":{")
        if let perStep = statistics.perStep {
            raw("\"totalQueryableSamplesPerStep\":[")
            for (index, step) in perStep.enumerated() {
                raw(index == 0 ? "[" : ",[")
                time(step.time)
                raw(",\(step.samples)]")
            }
            raw("],")
        }
        raw("\"totalQueryableSamples\":\(statistics.samples),\"peakSamples\":\(statistics.samplesPeak)}}")
    }

    /// Whole microseconds, as a number of seconds.
    private mutating func seconds(_ duration: Duration) {
        let microseconds = Int64(duration / .microseconds(1))
        let fraction = String(1_000_000 + microseconds % 1_000_000).dropFirst()
        raw("\(microseconds / 1_000_000).\(fraction)")
    }
}
