import MetricModel
import SeededRandom
import SeriesEngine

extension NativeHistogram {
    /// A sound histogram: of few layouts, so that neighbours share theirs as often as not.
    static func random(using random: inout SplitMix64) -> NativeHistogram {
        let isCustom = Int.random(in: 0..<6, using: &random) == 0
        let isWhole = Bool.random(using: &random)
        func count(_ random: inout SplitMix64) -> Double {
            isWhole ? Double(Int.random(in: 0..<1000, using: &random)) : Double.random(in: 0..<9, using: &random)
        }
        var result = NativeHistogram(
            schema: isCustom ? NativeHistogram.customSchema : Int8.random(in: 2...3, using: &random),
            counterResetHint: CounterResetHint(rawValue: UInt8.random(in: 0...3, using: &random)) ?? .unknown,
            count: count(&random), sum: Double.random(in: -9...9, using: &random))
        let length = isCustom ? 3 : Int.random(in: 1...2, using: &random) * 20
        result.positive = Buckets(
            spans: [Span(offset: 0, length: UInt32(length))], counts: (0..<length).map { _ in count(&random) })
        if isCustom { result.customValues = [1, 2.5] } else { result.zeroCount = count(&random) }
        if !isCustom, Bool.random(using: &random) {
            result.negative = Buckets(
                spans: [Span(offset: -7, length: 1), Span(offset: 100, length: 1)],
                counts: [count(&random), count(&random)])
        }
        return result
    }
}

/// A sample of either kind.
enum AnySample: Equatable {
    case number(Double)
    case histogram(NativeHistogram)
}

/// What a store must have: one sample for each series and time.
struct MixedModel {
    private(set) var samples: [Labels: [Int64: AnySample]] = [:]

    mutating func take(_ labels: Labels, _ time: Int64, _ sample: AnySample) {
        let kept: AnySample =
            switch (samples[labels]?[time], sample) {
            case (nil, _): sample
            case (.number(let old), .number(let new)): .number(SampleResolution.winner(old, new))
            case (.histogram(let old), .histogram(let new)): .histogram(SampleResolution.winner(old, new))
            case (.histogram(let old), .number): .histogram(old)
            case (.number, .histogram(let new)): .histogram(new)
            }
        samples[labels, default: [:]][time] = kept
    }

    var columns: [Labels: SeriesColumns] {
        var result: [Labels: SeriesColumns] = [:]
        for (labels, all) in samples {
            var columns = SeriesColumns(labels: labels, timestamps: [], values: [])
            for (time, sample) in all.sorted(by: { $0.key < $1.key }) {
                switch sample {
                case .number(let value):
                    columns.timestamps.append(time)
                    columns.values.append(value)
                case .histogram(let histogram): columns.histograms.append(timestamp: time, histogram)
                }
            }
            result[labels] = columns
        }
        return result
    }
}

/// A batch of samples of both kinds that defines its series itself.
func batch(_ samples: [(SeriesDefinition, Int64, AnySample)]) -> AppendInput {
    var rows = SampleColumns()
    for (index, sample) in samples.enumerated() {
        let series = UInt32(index) | SeriesReference.definitionBit
        switch sample.2 {
        case .number(let value): rows.append(series: series, timestamp: sample.1, value: value)
        case .histogram(let histogram): rows.append(series: series, timestamp: sample.1, histogram: histogram)
        }
    }
    return AppendInput(definitions: samples.map(\.0), rows: rows)
}
