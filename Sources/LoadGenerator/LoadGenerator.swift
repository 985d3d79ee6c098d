import Glibc
import HTTPSurface
import IngestFormats
import Synchronization

// LoadConfiguration says what to do; Fleet imagines the servers; RequestTemplate encodes; LoadWorker posts; LoadReport tells.

/// Pushes the samples of imagined servers, as `murmur loadgen` does.
package enum LoadGenerator {
    /// Sends for the configured time, or until its task is cancelled.
    ///
    /// - Parameters:
    ///   - configuration: what to send and where.
    ///   - progress: called about once a second.
    /// - Returns: what was done; errors of requests are counted there.
    /// - Throws: `LoadError`, or an error of the URL.
    package static func run(
        configuration: LoadConfiguration, progress: @Sendable @escaping (LoadProgress) -> Void
    ) async throws -> LoadReport {
        try configuration.validate()
        var limits = HTTPPushClient.Limits()
        limits.connectionsMax = configuration.connections
        limits.replyBytesMax = 1 << 20
        let client = try HTTPPushClient(url: configuration.push, limits: limits)
        let workers = makeWorkers(configuration, client: client)
        let tally = LoadTally()
        let processorBefore = processorSeconds()
        let start = ContinuousClock.now
        var report = await withTaskGroup(of: LoadReport?.self) { group in
            for worker in workers {
                group.addTask {
                    var worker = worker
                    return await worker.run(from: start, tally: tally)
                }
            }
            group.addTask {
                await tell(progress, tally: tally, since: start)
                return nil
            }
            var report = LoadReport()
            var running = workers.count
            for await part in group {
                guard let part else { continue }
                report.merge(part)
                running -= 1
                // The last worker ends the run: the teller of progress never ends by itself.
                if running == 0 { group.cancelAll() }
            }
            return report
        }
        report.seconds = (ContinuousClock.now - start) / .seconds(1)
        report.processorSeconds = processorSeconds() - processorBefore
        await client.close()
        return report
    }

    /// Cuts the series into requests and deals these out to as many workers as there are connections.
    private static func makeWorkers(_ configuration: LoadConfiguration, client: HTTPPushClient) -> [LoadWorker] {
        let total = configuration.servers * configuration.metrics
        // Whole servers to a request where they fit: a churned server then touches one.
        let size =
            configuration.metrics >= configuration.samplesPerRequest
            ? configuration.samplesPerRequest
            : configuration.samplesPerRequest / configuration.metrics * configuration.metrics
        let starts = Array(stride(from: 0, to: total, by: size))
        let workerCount = min(configuration.connections, starts.count)
        return (0..<workerCount).map { number in
            let requests = starts.enumerated().filter { $0.offset % workerCount == number }.map { offset, start in
                LoadWorker.Request(
                    template: RequestTemplate(
                        configuration: configuration, range: start..<min(start + size, total)),
                    offset: configuration.interval * offset / starts.count)
            }
            return LoadWorker(configuration: configuration, client: client, requests: requests)
        }
    }

    private static func tell(
        _ progress: @Sendable (LoadProgress) -> Void, tally: LoadTally, since start: ContinuousClock.Instant
    ) async {
        while (try? await Task.sleep(for: .seconds(1))) != nil {
            let now = tally.now
            progress(
                LoadProgress(
                    seconds: (ContinuousClock.now - start) / .seconds(1), samples: now.samples, errors: now.errors))
        }
    }

    private static func processorSeconds() -> Double {
        var time = timespec()
        // SAFETY: the structure is the one that the function fills.
        unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// The wall clock, Unix milliseconds.
    static func wallClock() -> Int64 {
        var time = timespec()
        // SAFETY: the structure is the one that the function fills.
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}

/// What all workers have done so far.
final class LoadTally: Sendable {
    private let state = Mutex((samples: 0, errors: 0))

    /// Adds a request's outcome.
    func add(samples: Int, errors: Int) {
        state.withLock { $0 = ($0.samples + samples, $0.errors + errors) }
    }

    /// So far.
    var now: (samples: Int, errors: Int) { state.withLock { $0 } }
}
