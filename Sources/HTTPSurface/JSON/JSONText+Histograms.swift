package import MetricModel

// Source: `MarshalHistogram` in Prometheus' util/jsonutil.

extension JSONText {
    /// Appends `[[time,{…}],…]`.
    package mutating func points(_ histograms: HistogramColumns) {
        raw("[")
        for index in histograms.timestamps.indices {
            if index > 0 { raw(",") }
            point(time: histograms.timestamps[index], histogram: histograms.values[index])
        }
        raw("]")
    }

    /// Appends `[time,{"count":"3","sum":"5","buckets":[[0,"1","2","3"]]}]`: of each bucket that has observations which bounds belong to it,
    /// the bounds, and the count.
    package mutating func point(time milliseconds: Int64, histogram: NativeHistogram) {
        raw("[")
        time(milliseconds)
        raw(",")
        self.histogram(histogram)
        raw("]")
    }

    /// Appends `{"count":"3","sum":"5","buckets":[[0,"1","2","3"]]}`.
    mutating func histogram(_ histogram: NativeHistogram) {
        raw("{\"count\":")
        value(histogram.count)
        raw(",\"sum\":")
        value(histogram.sum)
        var separator = ",\"buckets\":["
        for bucket in histogram.ascendingBuckets where bucket.count != 0 {
            raw(separator)
            raw("[\(bucket.boundaryRule),")
            value(bucket.lower)
            raw(",")
            value(bucket.upper)
            raw(",")
            value(bucket.count)
            raw("]")
            separator = ","
        }
        raw(separator == "," ? "]}" : "}")
    }
}

extension HistogramBucket {
    /// 0: the upper bound belongs to it, 1: the lower one, 2: none, 3: both.
    fileprivate var boundaryRule: Int {
        includesLower ? (includesUpper ? 3 : 1) : (includesUpper ? 0 : 2)
    }
}
