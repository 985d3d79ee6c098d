import HTTPSurface
import IngestFormats
import Logging

/// Posts what the queue hands out; owns the queue. Decisions are the queue's.
actor Delivery {
    private let client: HTTPPushClient
    private let headers: [(String, String)]
    private let logger: Logger
    private let start = ContinuousClock.now
    private let wake = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    private var queue: DeliveryQueue
    /// Whether the last attempt failed: only changes are logged, not each of a thousand attempts.
    private var isAway = false
    private var hasDelivered = false
    private var droppedUntold = 0
    private var toldDroppedAt: Int64 = 0

    private static let droppedLogMillisecondsMin: Int64 = 10_000

    init(client: HTTPPushClient, configuration: AgentConfiguration, logger: Logger) {
        self.client = client
        self.logger = logger
        var headers = RemoteWriteEncoder.headers.map { ($0.name, $0.value) }
        headers.append(("User-Agent", "murmur-agent"))
        if let tenant = configuration.tenant { headers.append(("X-Scope-OrgID", tenant)) }
        self.headers = headers
        queue = DeliveryQueue(bytesMax: configuration.bufferBytesMax)
    }

    /// Puts a push into the queue.
    func add(_ push: DeliveryQueue.Push) {
        droppedUntold += queue.add(push)
        if droppedUntold > 0, now - toldDroppedAt >= Delivery.droppedLogMillisecondsMin || toldDroppedAt == 0 {
            logger.warning(
                "buffer full, oldest samples dropped",
                metadata: [
                    "samples": "\(droppedUntold)", "samples_total": "\(queue.counters.droppedByLimit)",
                    "agent_buffer_bytes_max": "\(queue.bytesMax)",
                ])
            droppedUntold = 0
            toldDroppedAt = max(now, 1)
        }
        wake.continuation.yield()
    }

    /// Delivers until the task is cancelled.
    func run() async {
        for await _ in wake.stream {
            await deliver(until: nil)
            if Task.isCancelled { return }
        }
    }

    /// Delivers what waits, trying again without a break, for at most `timeout`.
    func flush(timeout: Duration) async {
        let deadline = now + Int64(timeout / .milliseconds(1))
        queue.hurry()
        await deliver(until: deadline)
        let counters = queue.counters
        logger.info(
            "agent stopped",
            metadata: [
                "samples_delivered": "\(counters.delivered)", "samples_dropped": "\(counters.droppedByLimit)",
                "samples_refused": "\(counters.refused)", "pushes_left": "\(queue.count)",
            ])
    }

    private func deliver(until deadline: Int64?) async {
        while !Task.isCancelled {
            if let deadline, now >= deadline { return }
            switch queue.next(now: now) {
            case .idle: return
            case .wait(let time):
                let until = min(time, deadline ?? time)
                try? await Task.sleep(for: .milliseconds(max(1, until - now)))
            case .send(let push):
                let outcome = await post(push, timeout: deadline.map { .milliseconds(max(1, $0 - now)) })
                queue.finish(outcome, now: now, jitter: UInt64.random(in: 0...UInt64.max))
            }
        }
    }

    private func post(_ push: DeliveryQueue.Push, timeout: Duration?) async -> DeliveryQueue.Outcome {
        do {
            let reply = try await client.post(
                path: AgentConfiguration.path, headers: headers, body: push.body, timeout: timeout)
            note(reply)
            return .answered(status: reply.status, retryAfterSeconds: reply.header("Retry-After").flatMap { Int($0) })
        } catch {
            if !Task.isCancelled, !isAway {
                logger.warning("server away, samples wait", metadata: ["error": "\(error)"])
                isAway = true
            }
            return .failed
        }
    }

    private func note(_ reply: HTTPPushClient.Reply) {
        let text = reply.text.prefix(500)
        switch reply.status {
        case 200..<300:
            if isAway || !hasDelivered {
                logger.info("samples are stored", metadata: ["pushes_waiting": "\(queue.count - 1)"])
            }
            isAway = false
            hasDelivered = true
        case 429, 500...:
            if !isAway {
                logger.warning(
                    "server asks to wait, samples wait", metadata: ["status": "\(reply.status)", "reply": "\(text)"])
            }
            isAway = true
        default:
            logger.error("server refused samples", metadata: ["status": "\(reply.status)", "reply": "\(text)"])
        }
    }

    /// Milliseconds of a steady clock.
    private var now: Int64 { Int64((ContinuousClock.now - start) / .milliseconds(1)) }
}
