package import MetricModel

/// Number of a WebSocket connection, never used twice in a process.
package struct LiveConnectionID: Hashable, Comparable, Sendable {
    /// Counts up from 0.
    package var number: UInt64

    /// The connection of a number.
    package init(number: UInt64) {
        self.number = number
    }

    /// By number.
    package static func < (left: LiveConnectionID, right: LiveConnectionID) -> Bool { left.number < right.number }
}

/// The past of one new subscription, to be fetched and given back to `LiveHub.loaded`.
package struct LiveLoad: Hashable, Sendable {
    /// Who asked.
    package var connection: LiveConnectionID
    /// The client's name for the subscription.
    package var id: String
    /// The stream it belongs to.
    package var key: Int
    /// Whose data, which expression.
    package var tenant: TenantID
    /// The expression.
    package var query: String
    /// First and last step, multiples of the step, Unix milliseconds.
    package var start: Int64, end: Int64
    /// Milliseconds.
    package var step: Int64
}

/// One step of one stream, to be evaluated and given back to `LiveHub.evaluated`.
package struct LiveEvaluation: Hashable, Sendable {
    /// The stream.
    package var key: Int
    /// Whose data.
    package var tenant: TenantID
    /// The expression.
    package var query: String
    /// The step, Unix milliseconds.
    package var time: Int64
    /// The stream's step, within which the evaluation had better end: milliseconds.
    package var step: Int64
    /// How many of the steps before are evaluated too, whose samples may have come late: where there are some, the answer is a matrix.
    package var stepsBefore = 0

    /// The first step evaluated.
    package var start: Int64 { time - Int64(stepsBefore) * step }
}

/// What the shell is to do for the hub.
package enum LiveEffect: Equatable, Sendable {
    /// Send a message to one connection.
    case send(LiveConnectionID, LiveServerMessage)
    /// Encode a message once and send it to each of these, which are in order.
    case broadcast([LiveConnectionID], LiveServerMessage)
    /// Fetch the past of a subscription.
    case load(LiveLoad)
    /// Evaluate a step.
    case evaluate(LiveEvaluation)
    /// Call `ticked` when the clock shows this time, Unix milliseconds.
    case wake(at: Int64)
    /// Close a connection as "going away" (1001) after what was sent.
    case goAway(LiveConnectionID)
}

/// The register of live subscriptions: who wants what, which of them are one, and when each is due.
///
/// A value without clock or sockets: connections, messages, results and times go in, effects come out. Equal
/// subscriptions (tenant, query text, step) are one `LiveStream`: evaluated once a step, encoded once for all. Next file:
/// `LiveService.swift`, the shell that runs the effects.
package struct LiveHub: Sendable {
    private struct Connection {
        var tenant: TenantID
        /// Stream by the client's name for its subscription.
        var streams: [String: Int] = [:]
    }

    private enum Work {
        case load(LiveLoad)
        case evaluate(LiveEvaluation)
    }

    private let limits: LiveLimits
    private var connections: [LiveConnectionID: Connection] = [:]
    private var streams: [Int: LiveStream] = [:]
    private var keys: [LiveStreamName: Int] = [:]
    private var nextKey = 1
    private var waiting: [Work] = []
    private var atWork = 0
    private var subscriptionCount = 0
    private var nextWake: Int64?
    /// Data frames that were not sent to somebody who was too slow, since the start.
    private(set) var framesDropped = 0
    /// Whether `stopped` was called.
    private(set) var isStopped = false

    /// A register with nobody in it.
    package init(limits: LiveLimits) {
        self.limits = limits
    }

    /// Streams and subscriptions now, for the metrics: counted along, for this is asked after every event.
    package var counts: (streams: Int, subscriptions: Int, connections: Int) {
        (streams.count, subscriptionCount, connections.count)
    }

    // MARK: - Connections and their messages

    /// A WebSocket was opened for a tenant.
    package mutating func connected(_ id: LiveConnectionID, tenant: TenantID, into effects: inout [LiveEffect]) {
        if isStopped {
            effects.append(.goAway(id))
        } else {
            connections[id] = Connection(tenant: tenant)
        }
    }

    /// A WebSocket is gone; unknown ones are ignored.
    package mutating func disconnected(_ id: LiveConnectionID) {
        guard let connection = connections.removeValue(forKey: id) else { return }
        subscriptionCount -= connection.streams.count
        var isLoading = false
        for key in Set(connection.streams.values) {
            if let listener = streams[key]?.listeners.removeValue(forKey: id), !listener.loading.isEmpty {
                isLoading = true
            }
            dropStreamIfUnheard(key)
        }
        if isLoading { dropWaitingLoads { $0.connection == id } }
    }

    /// A client's message was not understood.
    package func misunderstood(_ id: LiveConnectionID, _ failure: APIFailure, into effects: inout [LiveEffect]) {
        effects.append(.send(id, .error(.message, failure, query: nil)))
    }

    /// A client says something.
    ///
    /// `now` is in Unix milliseconds.
    package mutating func received(
        _ message: LiveClientMessage, from id: LiveConnectionID, now: Int64, into effects: inout [LiveEffect]
    ) {
        guard let connection = connections[id] else { return }
        switch message {
        case .unsubscribe(let name): unsubscribe(id, name)
        case .subscribe(let name, let query, let step, let history):
            do throws(APIFailure) {
                try check(name: name, query: query, step: step, history: history, on: connection)
                let key = try stream(
                    LiveStreamName(tenant: connection.tenant, query: query, step: step), now: now, into: &effects)
                connections[id]?.streams[name] = key
                subscriptionCount += 1
                let end = LiveStream.floor(now, to: step)
                let load = LiveLoad(
                    connection: id, id: name, key: key, tenant: connection.tenant, query: query,
                    start: end - LiveStream.floor(history, to: step), end: end, step: step)
                streams[key]?.listeners[id, default: .init()].ids.insert(name)
                streams[key]?.listeners[id]?.loading[name] = load
                waiting.append(.load(load))
                startWork(into: &effects)
            } catch {
                effects.append(.send(id, .error(.subscription(name), error, query: query)))
            }
        }
    }

    private func check(
        name: String, query: String, step: Int64, history: Int64, on connection: Connection
    ) throws(APIFailure) {
        if name.isEmpty || name.utf8.count > limits.idBytesMax {
            throw APIFailure(.badData, "\"id\" must have 1 to \(limits.idBytesMax) bytes")
        }
        if connection.streams[name] != nil { throw APIFailure(.badData, "\"id\" is in use on this connection") }
        if connection.streams.count >= limits.subscriptionsPerConnectionMax {
            throw APIFailure(
                .badData,
                "more than \(limits.subscriptionsPerConnectionMax) subscriptions on one connection "
                    + "(live_subscriptions_per_connection_max)")
        }
        if query.utf8.count > limits.queryBytesMax {
            throw APIFailure(.badData, "the query is longer than \(limits.queryBytesMax) bytes (query_bytes_max)")
        }
        if !limits.stepMilliseconds.contains(step) {
            throw APIFailure(.badData, "\"step\" must be 0.5 to 3600 seconds")
        }
        if history < 0 || history > limits.historyMillisecondsMax {
            throw APIFailure(.badData, "\"history\" must be 0 to 3600 seconds")
        }
        if history / step >= limits.historyStepsMax {
            throw APIFailure(.badData, "\"history\" is more than \(limits.historyStepsMax) steps")
        }
    }

    private mutating func stream(
        _ name: LiveStreamName, now: Int64, into effects: inout [LiveEffect]
    ) throws(APIFailure) -> Int {
        if let key = keys[name] { return key }
        if streams.count >= limits.streamsMax {
            throw APIFailure(
                .unavailable, "more than \(limits.streamsMax) different live queries (live_streams_max)",
                retryAfterSeconds: 10)
        }
        let key = nextKey
        nextKey += 1
        keys[name] = key
        streams[key] = LiveStream(name: name, now: now)
        scheduleWake(now: now, into: &effects)
        return key
    }

    private mutating func unsubscribe(_ id: LiveConnectionID, _ name: String) {
        guard let key = connections[id]?.streams.removeValue(forKey: name) else { return }
        subscriptionCount -= 1
        streams[key]?.listeners[id]?.ids.remove(name)
        if streams[key]?.listeners[id]?.loading.removeValue(forKey: name) != nil {
            dropWaitingLoads { $0.connection == id && $0.id == name }
        }
        if streams[key]?.listeners[id]?.ids.isEmpty == true { streams[key]?.listeners[id] = nil }
        dropStreamIfUnheard(key)
    }

    private mutating func dropStreamIfUnheard(_ key: Int) {
        guard let stream = streams[key], stream.listeners.isEmpty else { return }
        streams[key] = nil
        keys[stream.name] = nil
        if !stream.isEvaluating { return }
        waiting.removeAll { work in
            if case .evaluate(let evaluation) = work { evaluation.key == key } else { false }
        }
    }

    /// Each load that waits is that of a subscription: `live_subscriptions_per_connection_max` bounds them, too.
    private mutating func dropWaitingLoads(where isStale: (LiveLoad) -> Bool) {
        waiting.removeAll { work in
            if case .load(let load) = work { isStale(load) } else { false }
        }
    }

    // MARK: - Work

    /// A subscription's past is there, or could not be had.
    package mutating func loaded(
        _ load: LiveLoad, _ result: Result<Answer<QueryData>, APIFailure>, into effects: inout [LiveEffect]
    ) {
        atWork -= 1
        defer { startWork(into: &effects) }
        // Not that of a subscription that has ended, though its name may be in use again.
        guard streams[load.key]?.listeners[load.connection]?.loading[load.id] == load else { return }
        streams[load.key]?.listeners[load.connection]?.loading[load.id] = nil
        do throws(APIFailure) {
            let answer = try result.get()
            let history = try LiveHub.columns(of: answer.value, limits)
            guard
                let (series, time) = streams[load.key]?.snapshot(
                    history, start: load.start, end: load.end)
            else {
                throw APIFailure(
                    .timeout,
                    "the steps since the history was asked for have more than \(limits.snapshotPointsMax) points "
                        + "(live_snapshot_points_max); ask for less of it")
            }
            streams[load.key]?.listeners[load.connection]?.isReady = true
            effects.append(
                .send(
                    load.connection,
                    .subscribed(
                        id: load.id, key: load.key, step: load.step, time: time, series: series,
                        warnings: answer.notes)))
        } catch {
            unsubscribe(load.connection, load.id)
            effects.append(.send(load.connection, .error(.subscription(load.id), error, query: load.query)))
        }
    }

    /// The clock shows `now`: every stream whose step has passed is due, once, at its newest step.
    package mutating func ticked(now: Int64, into effects: inout [LiveEffect]) {
        if let nextWake, now >= nextWake { self.nextWake = nil }
        for key in streams.keys.sorted() {
            guard let stream = streams[key] else { continue }
            let due = LiveStream.floor(now, to: stream.name.step)
            // Not `>`: where the clock was set back, its new time counts. A step still at work is not overtaken.
            if due == stream.lastDue || stream.isEvaluating { continue }
            streams[key]?.lastDue = due
            if !stream.listeners.values.contains(where: \.isReady) { continue }
            streams[key]?.isEvaluating = true
            waiting.append(
                .evaluate(
                    LiveEvaluation(
                        key: key, tenant: stream.name.tenant, query: stream.name.query, time: due,
                        step: stream.name.step, stepsBefore: streams[key]?.stepsToCorrect(before: due) ?? 0)))
        }
        startWork(into: &effects)
        scheduleWake(now: now, into: &effects)
    }

    /// A step's result is there.
    ///
    /// `backlog` tells the bytes that wait to be sent to a connection.
    package mutating func evaluated(
        _ evaluation: LiveEvaluation, _ result: Result<Answer<QueryData>, APIFailure>,
        backlog: (LiveConnectionID) -> Int, into effects: inout [LiveEffect]
    ) {
        atWork -= 1
        defer { startWork(into: &effects) }
        let key = evaluation.key
        guard var stream = streams[key] else { return }
        if evaluation.stepsBefore > 0, case .failure(let failure) = result, LiveHub.mayBeTooMuch(failure) {
            // Several steps can exceed what the newest alone does not.
            streams[key]?.correctLater()
            var alone = evaluation
            alone.stepsBefore = 0
            waiting.insert(.evaluate(alone), at: 0)
            return
        }
        stream.isEvaluating = false
        let ready = stream.listeners.filter(\.value.isReady).keys.sorted()
        do throws(APIFailure) {
            let answer = try result.get()
            var steps = try LiveHub.steps(of: answer.value, evaluation, limits)
            let samples = steps.removeLast().samples
            var step = stream.advance(
                key: key, time: evaluation.time, samples: samples,
                warnings: answer.notes, limits: limits)
            if stream.isLoading {
                if !steps.isEmpty { stream.correctSoon() }
            } else if answer.warnings.isEmpty {
                // What is missing from a partial answer was there when its step was sent.
                let (corrections, strangers) = stream.correct(steps)
                step.corrected = corrections
                step.new += strangers
            }
            publish(step, of: &stream, to: ready, backlog: backlog, into: &effects)
        } catch {
            let message = LiveServerMessage.error(.stream(key), error, query: evaluation.query)
            let fast = ready.filter { backlog($0) <= limits.outboundBytesMax }
            if !fast.isEmpty { effects.append(.broadcast(fast, message)) }
        }
        streams[key] = stream
    }

    private static func mayBeTooMuch(_ failure: APIFailure) -> Bool {
        failure.kind == .execution || failure.kind == .timeout
    }

    /// Who kept up gets what changed; who missed frames is told how many, then all series anew, and nothing of earlier steps, which may name
    /// others; who is too slow, nothing.
    private mutating func publish(
        _ step: LiveServerMessage.Step, of stream: inout LiveStream, to ready: [LiveConnectionID],
        backlog: (LiveConnectionID) -> Int, into effects: inout [LiveEffect]
    ) {
        var upToDate: [LiveConnectionID] = []
        var behind: [LiveConnectionID] = []
        for id in ready {
            guard let listener = stream.listeners[id] else { continue }
            if backlog(id) > limits.outboundBytesMax {
                stream.listeners[id]?.framesDropped += 1
                framesDropped += 1
            } else if listener.framesDropped > 0 {
                stream.listeners[id]?.framesDropped = 0
                effects.append(.send(id, .dropped(key: step.key, frames: listener.framesDropped)))
                behind.append(id)
            } else {
                upToDate.append(id)
            }
        }
        if !upToDate.isEmpty { effects.append(.broadcast(upToDate, .data(step))) }
        if !behind.isEmpty {
            var whole = step
            whole.new = stream.presentSeries()
            whole.corrected = []
            effects.append(.broadcast(behind, .data(whole)))
        }
    }

    private mutating func startWork(into effects: inout [LiveEffect]) {
        let count = min(waiting.count, limits.evaluationsMax - atWork)
        if count <= 0 { return }
        for work in waiting.prefix(count) {
            switch work {
            case .load(let load): effects.append(.load(load))
            case .evaluate(let evaluation): effects.append(.evaluate(evaluation))
            }
        }
        waiting.removeFirst(count)
        atWork += count
    }

    private mutating func scheduleWake(now: Int64, into effects: inout [LiveEffect]) {
        guard let next = streams.values.map({ LiveStream.floor(now, to: $0.name.step) + $0.name.step }).min() else {
            return
        }
        let wake = min(next, now + limits.wakeMillisecondsMax)
        if let nextWake, nextWake <= wake { return }
        nextWake = wake
        effects.append(.wake(at: wake))
    }

    // MARK: - The end

    /// The server stops: every subscription ends, every connection is closed, no new one is taken.
    package mutating func stopped(reason: String, into effects: inout [LiveEffect]) {
        isStopped = true
        for (id, connection) in connections.sorted(by: { $0.key < $1.key }) {
            for name in connection.streams.keys.sorted() {
                effects.append(.send(id, .end(.subscription(name), reason: reason)))
            }
            effects.append(.goAway(id))
        }
        connections = [:]
        subscriptionCount = 0
        streams = [:]
        keys = [:]
        waiting = []
    }
}
