package import MetricModel

/// A number or a native histogram, as a live step has it.
package enum LiveContent: Sendable {
    /// Any bit pattern.
    case number(Double)
    /// Kept apart, so that numbers do not take its room.
    indirect case histogram(NativeHistogram)

    /// What a sample is.
    init(_ sample: VectorSample) {
        self = sample.histogram.map { .histogram($0) } ?? .number(sample.value)
    }

    /// What it counts as where points are limited: a number one, a histogram as many as have its length in a message.
    var points: Int {
        switch self {
        case .number: 1
        case .histogram(let histogram): Self.points(of: histogram)
        }
    }

    static func points(of histogram: NativeHistogram) -> Int {
        2 * (1 + histogram.positive.counts.count + histogram.negative.counts.count)
    }
}

extension LiveContent: Equatable {
    /// Equal when every bit is, NaN included.
    package static func == (left: LiveContent, right: LiveContent) -> Bool {
        switch (left, right) {
        case (.number(let left), .number(let right)): left.bitPattern == right.bitPattern
        case (.histogram(let left), .histogram(let right)): left == right
        case (.number, .histogram), (.histogram, .number): false
        }
    }
}

/// What a series has at a step, by its labels.
struct LiveSample: Sendable {
    var labels: Labels
    var content: LiveContent
}
