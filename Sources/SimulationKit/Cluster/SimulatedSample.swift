import MetricModel

/// What identifies a sample.
package struct SampleKey: Hashable, Comparable, Sendable {
    package var series: Int
    package var timestamp: Int64

    package init(series: Int, timestamp: Int64) {
        self.series = series
        self.timestamp = timestamp
    }

    package static func < (left: SampleKey, right: SampleKey) -> Bool {
        left.timestamp == right.timestamp ? left.series < right.series : left.timestamp < right.timestamp
    }
}

/// A sample of a simulated cluster; series are numbers, and a series' slot is its number modulo the number of slots.
package struct SimulatedSample: Equatable, Sendable {
    package var key: SampleKey
    package var value: Double
}

/// Samples of a slot, each once.
package struct SampleSet: Sendable {
    /// The value that counts of each.
    package private(set) var values: [SampleKey: Double] = [:]

    package init() {}

    /// Adds samples.
    ///
    /// - Parameters:
    ///   - samples: in any order, any of them known already.
    ///   - lastWins: the planted bug: the later arrival counts, not the value that wins everywhere.
    package mutating func merge(_ samples: [SimulatedSample], lastWins: Bool = false) {
        for sample in samples {
            if let known = values[sample.key], !lastWins {
                values[sample.key] = SampleResolution.winner(known, sample.value)
            } else {
                values[sample.key] = sample.value
            }
        }
    }

    /// The samples in the order of time, then series.
    package var samples: [SimulatedSample] {
        values.keys.sorted().map { SimulatedSample(key: $0, value: values[$0] ?? 0) }
    }
}
