import Logging
import MetricModel
import NIOCore
import NIOWebSocket
import Synchronization

/// The shell of `LiveHub`: one loop owns the hub, takes events from connections, timers and evaluations in the order they
/// come, and carries out what the hub decides.
final class LiveService: Sendable {
    private enum Event: Sendable {
        case connected(LiveConnection)
        case disconnected(LiveConnection)
        case message(LiveConnection, Result<LiveClientMessage, APIFailure>)
        case loaded(LiveLoad, Result<Answer<QueryData>, APIFailure>)
        case evaluated(LiveEvaluation, Result<Answer<QueryData>, APIFailure>)
        case tick
        case stop(reason: String)
    }

    let limits: LiveLimits
    private let query: any QueryService
    private let timeoutMilliseconds: Int64
    private let clock: @Sendable () -> Int64
    private let metrics: LiveMetrics
    private let events: AsyncStream<Event>
    private let inlet: AsyncStream<Event>.Continuation
    private let connectionsOpen = Atomic<Int>(0)
    private let nextConnection = Atomic<UInt64>(0)

    /// A service nobody is connected to; one evaluation or snapshot may take `timeoutMilliseconds`.
    init(
        limits: LiveLimits, query: any QueryService, timeoutMilliseconds: Int64, metrics: MetricsRegistry,
        clock: @escaping @Sendable () -> Int64
    ) {
        self.limits = limits
        self.query = query
        self.timeoutMilliseconds = timeoutMilliseconds
        self.clock = clock
        self.metrics = LiveMetrics(metrics)
        // Unbounded by itself: messages are bounded per connection, the rest by the hub's own limits.
        (events, inlet) = AsyncStream.makeStream(of: Event.self, bufferingPolicy: .unbounded)
    }

    // MARK: - From connections, on their event loops

    /// Whether one more connection may be opened.
    var hasRoom: Bool { connectionsOpen.load(ordering: .relaxed) < limits.connectionsMax }

    /// A WebSocket was opened.
    func opened(_ channel: any Channel, tenant: TenantID) -> LiveConnection {
        connectionsOpen.wrappingAdd(1, ordering: .relaxed)
        let number = nextConnection.wrappingAdd(1, ordering: .relaxed).oldValue
        let connection = LiveConnection(
            id: LiveConnectionID(number: number), tenant: tenant, channel: channel,
            outboundBytesMax: limits.outboundBytesHardMax)
        // After the end of `run` nobody else would close it. Not at once: the channel is still being set up.
        if case .terminated = inlet.yield(.connected(connection)) {
            channel.eventLoop.execute { connection.cutOff() }
        }
        return connection
    }

    /// A WebSocket is gone.
    func closed(_ connection: LiveConnection) {
        connectionsOpen.wrappingSubtract(1, ordering: .relaxed)
        inlet.yield(.disconnected(connection))
    }

    /// A client's text message came.
    func received(_ text: ByteBuffer, from connection: LiveConnection) {
        guard connection.noteMessage(max: limits.messagesWaitingMax) else {
            connection.close(.policyViolation)
            return
        }
        do throws(APIFailure) {
            inlet.yield(.message(connection, .success(try LiveClientMessage(decoding: text))))
        } catch {
            inlet.yield(.message(connection, .failure(error)))
        }
    }

    /// Ends every subscription with this reason and closes every connection.
    func stop(reason: String) {
        inlet.yield(.stop(reason: reason))
    }

    // MARK: - The loop

    /// Serves until it was told to stop and every connection is gone, or until the task is canceled, which cuts them off.
    func run() async {
        await withDiscardingTaskGroup { group in
            var hub = LiveHub(limits: limits)
            var connections: [LiveConnectionID: LiveConnection] = [:]
            for await event in events {
                var effects: [LiveEffect] = []
                apply(event, to: &hub, &connections, into: &effects)
                for effect in effects { carryOut(effect, connections, in: &group) }
                metrics.set(hub.counts)
                if hub.isStopped, connections.isEmpty { break }
            }
            // What waits is the last that comes: `opened` finds the inlet closed from here on.
            inlet.finish()
            for connection in connections.values { connection.cutOff() }
            for await event in events {
                if case .connected(let connection) = event { connection.cutOff() }
            }
            group.cancelAll()
        }
    }

    private func apply(
        _ event: Event, to hub: inout LiveHub, _ connections: inout [LiveConnectionID: LiveConnection],
        into effects: inout [LiveEffect]
    ) {
        switch event {
        case .connected(let connection):
            connections[connection.id] = connection
            hub.connected(connection.id, tenant: connection.tenant, into: &effects)
        case .disconnected(let connection):
            connections[connection.id] = nil
            hub.disconnected(connection.id)
        case .message(let connection, .success(let message)):
            connection.noteTaken()
            hub.received(message, from: connection.id, now: clock(), into: &effects)
        case .message(let connection, .failure(let failure)):
            connection.noteTaken()
            hub.misunderstood(connection.id, failure, into: &effects)
        case .loaded(let load, let result):
            hub.loaded(load, result, into: &effects)
        case .evaluated(let evaluation, let result):
            let known = connections
            let droppedBefore = hub.framesDropped
            hub.evaluated(evaluation, result, backlog: { known[$0]?.backlog ?? 0 }, into: &effects)
            metrics.dropped(hub.framesDropped - droppedBefore)
        case .tick:
            hub.ticked(now: clock(), into: &effects)
        case .stop(let reason):
            hub.stopped(reason: reason, into: &effects)
        }
    }

    private func carryOut(
        _ effect: LiveEffect, _ connections: [LiveConnectionID: LiveConnection], in group: inout DiscardingTaskGroup
    ) {
        switch effect {
        case .send(let id, let message):
            metrics.sent(to: 1)
            connections[id]?.send(message.encoded())
        case .broadcast(let ids, let message):
            metrics.sent(to: ids.count)
            LiveConnection.send(message.encoded(), to: ids.compactMap { connections[$0] })
        case .goAway(let id):
            connections[id]?.close(.goingAway)
        case .load(let load):
            group.addTask { self.inlet.yield(.loaded(load, await self.fetch(load))) }
        case .evaluate(let evaluation):
            group.addTask { self.inlet.yield(.evaluated(evaluation, await self.evaluate(evaluation))) }
        case .wake(let time):
            group.addTask {
                // A millisecond more: the clock must show the step's time when the hub looks.
                try? await Task.sleep(for: .milliseconds(max(0, time - self.clock())))
                self.inlet.yield(.tick)
            }
        }
    }

    private func fetch(_ load: LiveLoad) async -> Result<Answer<QueryData>, APIFailure> {
        let options = QueryOptions(timeoutMilliseconds: timeoutMilliseconds)
        let range = RangeQuery(
            tenant: load.tenant, query: load.query, start: load.start, end: load.end, step: load.step, options: options)
        return await outcome(options.timeoutMilliseconds) { [query] in try await query.range(range) }
    }

    private func evaluate(_ evaluation: LiveEvaluation) async -> Result<Answer<QueryData>, APIFailure> {
        // A slow evaluation may take longer than its step: the steps in between are left out.
        let options = QueryOptions(timeoutMilliseconds: max(evaluation.step, min(10_000, timeoutMilliseconds)))
        let started = ContinuousClock.now
        let result = await outcome(options.timeoutMilliseconds) { [query] in
            if evaluation.stepsBefore == 0 {
                return try await query.instant(
                    InstantQuery(
                        tenant: evaluation.tenant, query: evaluation.query, time: evaluation.time, options: options))
            }
            return try await query.range(
                RangeQuery(
                    tenant: evaluation.tenant, query: evaluation.query, start: evaluation.start, end: evaluation.time,
                    step: evaluation.step, options: options))
        }
        metrics.evaluated(ContinuousClock.now - started)
        return result
    }

    private func outcome(
        _ milliseconds: Int64, _ work: @escaping @Sendable () async throws -> Answer<QueryData>
    ) async -> Result<Answer<QueryData>, APIFailure> {
        do {
            return .success(try await Deadline.run(milliseconds, work))
        } catch {
            return .failure(APIFailure(error))
        }
    }
}

/// What live queries count about themselves.
struct LiveMetrics: Sendable {
    private let connections: Gauge
    private let subscriptions: Gauge
    private let streams: Gauge
    private let frames: Counter
    private let dropped: Counter
    private let seconds: Histogram

    init(_ registry: MetricsRegistry) {
        connections = registry.gauge("murmur_live_connections", help: "Open live WebSockets.")
        subscriptions = registry.gauge("murmur_live_subscriptions", help: "Live subscriptions.")
        streams = registry.gauge("murmur_live_streams", help: "Different live queries, each evaluated once a step.")
        frames = registry.counter("murmur_live_messages_sent_total", help: "Messages sent to live clients.")
        dropped = registry.counter(
            "murmur_live_frames_dropped_total", help: "Data frames not sent since the client read too slowly.")
        seconds = registry.histogram(
            "murmur_live_evaluation_duration_seconds", help: "Time to evaluate one step of a live query.")
    }

    func set(_ counts: (streams: Int, subscriptions: Int, connections: Int)) {
        connections.set(Double(counts.connections))
        subscriptions.set(Double(counts.subscriptions))
        streams.set(Double(counts.streams))
    }

    func sent(to count: Int) {
        frames.add(count)
    }

    func dropped(_ count: Int) {
        if count > 0 { dropped.add(count) }
    }

    func evaluated(_ elapsed: Duration) {
        seconds.observe(elapsed)
    }
}
