/// What a run of the load generator did.
package struct LoadReport: Sendable, Equatable {
    /// Samples in requests that were answered with 2xx.
    package var samples = 0
    /// Requests answered with 2xx.
    package var requests = 0
    /// Requests without an answer, or with another one.
    package var errors = 0
    /// The first error in words; empty when there was none.
    package var firstError = ""
    /// Requests that were sent later than planned, as the ones before took too long.
    package var late = 0
    /// Bytes of bodies posted.
    package var bytes = 0
    /// How long it took.
    package var seconds = 0.0
    /// What the generator itself took of the processor, user and system.
    package var processorSeconds = 0.0
    var latencies = LatencyHistogram()

    /// Samples a second.
    package var rate: Double { seconds > 0 ? Double(samples) / seconds : 0 }

    /// The latency, in milliseconds, that this fraction (0 ... 1) of the answered requests did not exceed.
    package func latencyMilliseconds(_ fraction: Double) -> Double { latencies.percentile(fraction) }

    mutating func merge(_ other: LoadReport) {
        samples += other.samples
        requests += other.requests
        errors += other.errors
        if firstError.isEmpty { firstError = other.firstError }
        late += other.late
        bytes += other.bytes
        latencies.merge(other.latencies)
    }

    /// For people: a few lines.
    package var text: String {
        var lines = [
            "samples    \(samples) in \(seconds.short) s: \(rate.short) a second",
            "requests   \(requests) answered, \(errors) errors, \(late) late, \(bytes) bytes",
            "latency    p50 \(latencyMilliseconds(0.5).short) ms, p90 \(latencyMilliseconds(0.9).short) ms, "
                + "p99 \(latencyMilliseconds(0.99).short) ms, max \(latencies.maximum.short) ms",
            "own cost   \(processorSeconds.short) CPU seconds",
        ]
        if !firstError.isEmpty { lines.append("first error  \(firstError)") }
        return lines.joined(separator: "\n") + "\n"
    }

    /// For programs: one line of JSON.
    package var json: String {
        let latency =
            "{\"p50\":\(latencyMilliseconds(0.5).short),\"p90\":\(latencyMilliseconds(0.9).short),"
            + "\"p99\":\(latencyMilliseconds(0.99).short),\"max\":\(latencies.maximum.short)}"
        let error = firstError.unicodeScalars.map { scalar in
            switch scalar {
            case "\"", "\\": "\\\(scalar)"
            case "\u{0}"..."\u{1F}": " "
            default: String(scalar)
            }
        }.joined()
        return "{\"samples\":\(samples),\"seconds\":\(seconds.short),\"rate\":\(rate.short),\"requests\":\(requests),"
            + "\"errors\":\(errors),\"first_error\":\"\(error)\",\"late\":\(late),\"bytes\":\(bytes),"
            + "\"latency_ms\":\(latency),\"processor_seconds\":\(processorSeconds.short)}"
    }
}

/// How far a run is.
package struct LoadProgress: Sendable, Equatable {
    /// Seconds since its beginning.
    package var seconds: Double
    /// Samples in requests answered with 2xx so far.
    package var samples: Int
    /// Requests without an answer, or with another one, so far.
    package var errors: Int
}

extension Double {
    /// With at most three decimals.
    fileprivate var short: Double { (self * 1_000).rounded() / 1_000 }
}
