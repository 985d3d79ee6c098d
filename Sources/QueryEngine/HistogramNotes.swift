internal import MetricModel
internal import QueryLanguage

extension QueryError {
    /// `histogram_result_buckets_max` was reached.
    static func histogramTooLarge(_ error: HistogramError, _ range: SourceRange? = nil) -> QueryError {
        QueryError(.limit, "histograms with too many different buckets were put together: \(error)", range)
    }
}

/// What is said of native histograms, in Prometheus' words.
///
/// Source: util/annotations/annotations.go of Prometheus 3.5.
extension Notes {
    /// - Throws: a sum that is too large: no warning may stand for it.
    mutating func warnOfMismatch(
        _ mismatch: HistogramMismatch, _ metric: String, _ range: SourceRange
    ) throws(QueryError) {
        switch mismatch {
        case .schemas:
            warn(
                "vector contains a mix of histograms with exponential and custom buckets schemas for metric name \"\(metric)\"",
                range)
        case .bounds:
            warn("vector contains histograms with incompatible custom buckets for metric name \"\(metric)\"", range)
        case .size(let error): throw .histogramTooLarge(error, range)
        }
    }

    mutating func warnOfMixedWindow(_ metric: String, _ range: SourceRange) {
        warn("encountered a mix of histograms and floats for metric name \"\(metric)\"", range)
    }

    mutating func warnOfMixedGroup(_ range: SourceRange) {
        warn("encountered a mix of histograms and floats for aggregation", range)
    }

    mutating func warnOfMixedHistograms(_ metric: String, _ range: SourceRange) {
        warn("vector contains a mix of classic and native histograms for metric name \"\(metric)\"", range)
    }

    mutating func warnOfNoCounter(_ metric: String, _ range: SourceRange) {
        warn("this native histogram metric is not a counter: \"\(metric)\"", range)
    }

    mutating func warnOfNoGauge(_ metric: String, _ range: SourceRange) {
        warn("this native histogram metric is not a gauge: \"\(metric)\"", range)
    }

    mutating func informOfIgnored(in aggregation: String, _ range: SourceRange) {
        inform("ignored histogram in \(aggregation) aggregation", range)
    }

    mutating func informOfIgnored(metric: String, _ range: SourceRange) {
        let what = "ignored histograms in a range containing both floats and histograms"
        inform("\(what) for metric name \"\(metric)\"", range)
    }

    mutating func add(_ remark: NativeHistogramRemark, _ metric: String, _ range: SourceRange) {
        let what =
            switch remark {
            case .quantileIsNaN: "histogram_quantile has NaN observations, result is NaN"
            case .quantileIsSkewed: "histogram_quantile has NaN observations, result is skewed higher"
            case .fractionLeavesNaN: "histogram_fraction has NaN observations, which are excluded from all fractions"
            }
        inform("input to \(what) for metric name \"\(metric)\"", range)
    }
}
