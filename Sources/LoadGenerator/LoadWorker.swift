import HTTPSurface
import IngestFormats

/// Sends its share of the requests, one after the other, round by round.
///
/// Each body is encoded before its time has come, so that encoding does not delay it.
struct LoadWorker: Sendable {
    /// One request of a round.
    struct Request: Sendable {
        var template: RequestTemplate
        /// When in the interval it is due: requests are spread over it.
        var offset: Duration
        /// Servers to replace, with the fraction that is not yet a whole one.
        var churnCredit = 0.0
        /// Of its last round, Unix milliseconds.
        var lastTimestamp: Int64 = 0

        init(template: RequestTemplate, offset: Duration) {
            self.template = template
            self.offset = offset
        }
    }

    private let configuration: LoadConfiguration
    private let client: HTTPPushClient
    private let headers: [(String, String)]
    private let path: String
    private var requests: [Request]
    private var report = LoadReport()

    /// The pause after an error, so that a server that refuses at once is not hammered.
    private static let errorPause = Duration.milliseconds(250)

    init(configuration: LoadConfiguration, client: HTTPPushClient, requests: [Request]) {
        self.configuration = configuration
        self.client = client
        self.requests = requests
        var headers: [(String, String)]
        switch configuration.format {
        case .remoteWrite:
            headers = RemoteWriteEncoder.headers.map { ($0.name, $0.value) }
            path = "/api/v1/write"
        case .json:
            headers = [("Content-Type", "application/x-ndjson")]
            path = "/api/metrics"
        }
        headers.append(("User-Agent", "murmur-loadgen"))
        if let tenant = configuration.tenant { headers.append(("X-Scope-OrgID", tenant)) }
        self.headers = headers
    }

    /// Sends from `start` on for the configured time; the requests of a round that has begun are sent to its end.
    ///
    /// It lasts as long as configured, not just until the last request: each sample stands for the interval that begins with
    /// it, so that samples over time is the rate that was asked for.
    mutating func run(from start: ContinuousClock.Instant, tally: LoadTally) async -> LoadReport {
        let end = start.advanced(by: configuration.duration)
        let wallStart = LoadGenerator.wallClock() - Int64((ContinuousClock.now - start) / .milliseconds(1))
        var round = 0
        while !Task.isCancelled, ContinuousClock.now < end {
            for index in requests.indices {
                let due = start.advanced(by: configuration.interval * round + requests[index].offset)
                // A round that is due after the end is not begun.
                if due >= end {
                    try? await Task.sleep(until: end)
                    return report
                }
                let planned = wallStart + Int64((due - start) / .milliseconds(1))
                let now = configuration.interval == .zero ? LoadGenerator.wallClock() : planned
                await send(index, timestamp: max(now, requests[index].lastTimestamp + 1), due: due, tally: tally)
                if Task.isCancelled { return report }
            }
            round += 1
        }
        return report
    }

    private mutating func send(
        _ index: Int, timestamp: Int64, due: ContinuousClock.Instant, tally: LoadTally
    ) async {
        churn(index, timestamp: timestamp)
        requests[index].lastTimestamp = timestamp
        let body = requests[index].template.encode(timestamp: timestamp)
        let samples = requests[index].template.sampleCount
        if configuration.interval > .zero {
            let now = ContinuousClock.now
            if now < due {
                guard (try? await Task.sleep(until: due)) != nil else { return }
            } else if now - due > configuration.interval {
                report.late += 1
            }
        }
        let begin = ContinuousClock.now
        do {
            let reply = try await client.post(path: path, headers: headers, body: body)
            report.bytes += body.count
            if (200..<300).contains(reply.status) {
                report.latencies.add(milliseconds: (ContinuousClock.now - begin) / .milliseconds(1))
                report.requests += 1
                report.samples += samples
                tally.add(samples: samples, errors: 0)
                return
            }
            note(error: "status \(reply.status): \(reply.text.prefix(200))", tally: tally)
        } catch {
            if Task.isCancelled { return }
            note(error: "\(error)", tally: tally)
        }
        try? await Task.sleep(for: LoadWorker.errorPause)
    }

    private mutating func churn(_ index: Int, timestamp: Int64) {
        guard configuration.churn > 0, requests[index].lastTimestamp > 0 else { return }
        let minutes = Double(timestamp - requests[index].lastTimestamp) / 60_000
        requests[index].churnCredit += configuration.churn * Double(requests[index].template.serverCount) * minutes
        while requests[index].churnCredit >= 1 {
            requests[index].template.replaceOneServer()
            requests[index].churnCredit -= 1
        }
    }

    private mutating func note(error: String, tally: LoadTally) {
        report.errors += 1
        if report.firstError.isEmpty { report.firstError = error }
        tally.add(samples: 0, errors: 1)
    }
}
