import ByteCoding
import Logging
import NIOCore
import NIOPosix
import Synchronization
import WireProtocol

/// What a `ClusterClient` owns: at most one connection, the requests that are out on it, and when to try again.
///
/// States: idle (left by `connect`), connecting, connected (ready once the handshake is done), pausing (left by its timer), stopping (left
/// when the connection is closed), stopped (final).
// Sendable because everything mutable is touched on `eventLoop` alone, which each entry point asserts, except what the mutexes hold.
final class ClientCore: ConnectionDelegate, @unchecked Sendable {
    private enum State {
        case idle
        case connecting
        case connected(ConnectionHandler)
        case pausing(Scheduled<Void>)
        case stopping(ConnectionHandler)
        case stopped
    }

    let eventLoop: any EventLoop
    let counters = TransportCounters()
    private let ready = Atomic(false)
    private let features = Atomic<UInt64>(0)
    private let host: String
    private let port: Int
    private let offer: ConnectionOffer
    private let limits: ConnectionLimits
    private let logger: Logger

    private var state = State.idle
    private var backOff = BackOff()
    private var lastFailure = TypedError(.unavailable, "not connected yet")
    /// Callers that wait for their answers, by stream: bounded by the peer's `connection_streams_max`.
    private var calls: [StreamID: AnswerCall] = [:] { didSet { countRequests() } }
    private var queries: [StreamID: QueryStreamStorage] = [:] { didSet { countRequests() } }
    private var readyWaiters: [Int: CheckedContinuation<Void, any Error>] = [:]
    private var readyWaiterCount = 0
    private var stopWaiters: [CheckedContinuation<Void, Never>] = []

    init(
        host: String, port: Int, offer: ConnectionOffer, limits: ConnectionLimits, eventLoop: any EventLoop,
        logger: Logger
    ) {
        self.host = host
        self.port = port
        self.offer = offer
        self.limits = limits
        self.eventLoop = eventLoop
        self.logger = logger
    }

    /// Whether requests can be sent; readable from anywhere.
    var isReady: Bool { ready.load(ordering: .relaxed) }

    /// What the newest handshake agreed on.
    var agreedFeatures: FeatureSet { FeatureSet(rawValue: features.load(ordering: .relaxed)) }

    // MARK: - Connecting

    func connect() {
        eventLoop.preconditionInEventLoop()
        switch state {
        case .connecting, .connected, .stopping, .stopped: return
        case .idle, .pausing: state = .connecting
        }
        let machineOffer = offer
        ClientBootstrap(group: eventLoop)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.writeBufferWaterMark, value: ClusterServer.writeBufferWaterMark)
            .channelOption(.recvAllocator, value: ConnectionBuffers.allocator)
            .connectTimeout(.seconds(5))
            .channelInitializer { [limits, counters] channel in
                channel.eventLoop.makeCompletedFuture {
                    let machine = Connection(
                        role: .client, offer: machineOffer, limits: limits, now: ConnectionHandler.now)
                    let connection = ConnectionHandler(machine: machine, delegate: self, counters: counters)
                    try channel.pipeline.syncOperations.addHandler(connection)
                }
            }
            .connect(host: host, port: port)
            .hop(to: eventLoop)
            .assumeIsolated()
            .whenComplete { result in
                switch result {
                case .success(let channel): self.connected(channel)
                case .failure(let error): self.failed(TypedError(.unavailable, self.reason(error)))
                }
            }
    }

    /// Why there is no connection, in words for whoever pushes or asks.
    private func reason(_ error: any Error) -> String {
        let cause = (error as? NIOConnectionError)?.connectionErrors.first?.error ?? error
        let words = (cause as? IOError).map { SystemError.text($0.errnoCode) } ?? "\(cause)"
        return "cannot connect to \(host):\(port): \(words)"
    }

    private func connected(_ channel: any Channel) {
        guard case .connecting = state else { return channel.close(promise: nil) }
        guard channel.isActive,
            let connection = try? channel.pipeline.syncOperations.handler(type: ConnectionHandler.self)
        else { return failed(TypedError(.unavailable, "the connection was closed at once")) }
        counters.update { $0.connectionsMade += 1 }
        state = .connected(connection)
        channel.closeFuture.hop(to: eventLoop).assumeIsolated().whenComplete { _ in self.disconnected() }
    }

    private func failed(_ error: TypedError) {
        counters.update { $0.connectionsFailed += 1 }
        lastFailure = error
        logger.debug("cannot reach node", metadata: ["host": "\(host)", "port": "\(port)", "reason": "\(error)"])
        disconnected()
    }

    private func disconnected() {
        ready.store(false, ordering: .relaxed)
        switch state {
        case .stopping, .stopped: return finishStopping()
        case .idle, .connecting, .connected, .pausing: break
        }
        let pause = backOff.next(using: SystemRandomNumberGenerator())
        state = .pausing(eventLoop.assumeIsolated().scheduleTask(in: pause) { self.connect() })
    }

    func waitUntilReady(timeout: Duration, _ continuation: CheckedContinuation<Void, any Error>) {
        eventLoop.preconditionInEventLoop()
        if isReady { return continuation.resume() }
        switch state {
        case .stopping, .stopped: return continuation.resume(throwing: lastFailure)
        case .idle, .connecting, .connected, .pausing: break
        }
        let number = readyWaiterCount
        readyWaiterCount += 1
        readyWaiters[number] = continuation
        eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(timeout)) {
            self.readyWaiters.removeValue(forKey: number)?.resume(throwing: self.lastFailure)
        }
    }

    // MARK: - Requests

    /// Sends a request that is answered by its end alone.
    func send(
        _ call: AnswerCall, _ continuation: CheckedContinuation<Completion, any Error>,
        _ request: (inout Connection, MonotonicInstant) throws(TypedError) -> StreamID
    ) {
        eventLoop.preconditionInEventLoop()
        if call.cancelled {
            return continuation.resume(throwing: TypedError(.cancelled, "cancelled before it was sent"))
        }
        let opened = open { machine throws(TypedError) in
            try request(&machine, ConnectionHandler.now)
        }
        switch opened {
        case .success(let stream):
            call.stream = stream
            call.continuation = continuation
            calls[stream] = call
        case .failure(let error): continuation.resume(throwing: error)
        }
    }

    func cancel(_ call: AnswerCall) {
        eventLoop.preconditionInEventLoop()
        call.cancelled = true
        guard let stream = call.stream, calls.removeValue(forKey: stream) != nil else { return }
        connection?.command { machine, _ in machine.cancel(stream) }
        call.continuation.take()?.resume(
            throwing: TypedError(.cancelled, "cancelled; whether it was written is not known"))
    }

    func query(
        _ request: QueryRequest, _ deadlineMilliseconds: UInt32, _ call: QueryCall, _ storage: QueryStreamStorage
    ) {
        eventLoop.preconditionInEventLoop()
        if call.cancelled { return }
        let opened = open { machine throws(TypedError) in
            try machine.openQuery(request, deadlineMilliseconds: deadlineMilliseconds, now: ConnectionHandler.now)
        }
        switch opened {
        case .success(let stream):
            call.stream = stream
            queries[stream] = storage
        case .failure(let error): storage.complete(.failure(error))
        }
    }

    func consumed(_ bytes: Int, _ call: QueryCall) {
        eventLoop.preconditionInEventLoop()
        guard let stream = call.stream, queries[stream] != nil else { return }
        connection?.command { machine, _ in machine.consumed(bytes, on: stream) }
    }

    func cancel(_ call: QueryCall) {
        eventLoop.preconditionInEventLoop()
        call.cancelled = true
        guard let stream = call.stream, queries.removeValue(forKey: stream) != nil else { return }
        connection?.command { machine, _ in machine.cancel(stream) }
    }

    private func countRequests() {
        let count = calls.count + queries.count
        counters.update { $0.requestsInFlight = count }
    }

    private var connection: ConnectionHandler? {
        switch state {
        case .connected(let connection), .stopping(let connection): connection
        case .idle, .connecting, .pausing, .stopped: nil
        }
    }

    private func open(
        _ body: (inout Connection) throws(TypedError) -> StreamID
    ) -> Result<StreamID, TypedError> {
        guard let connection else {
            return .failure(TypedError(.unavailable, lastFailure.message, retryAfterMilliseconds: 1000))
        }
        return connection.command { machine, _ in
            do throws(TypedError) {
                return .success(try body(&machine))
            } catch {
                return .failure(error)
            }
        }
    }

    // MARK: - Effects

    func perform(_ effect: ConnectionEffect, on connection: ConnectionHandler) {
        switch effect {
        case .ready(let peer):
            backOff.reset()
            features.store(peer.features.rawValue, ordering: .relaxed)
            ready.store(true, ordering: .relaxed)
            logger.debug(
                "connected to node", metadata: ["node": "\(peer.identity.node)", "version": "\(peer.version)"])
            for waiter in readyWaiters.sorted(by: { $0.key < $1.key }) { waiter.value.resume() }
            readyWaiters = [:]
        case .page(let stream, let page, let bytes): queries[stream]?.deliver(page, bytes: bytes)
        case .finished(let stream, let completion): finish(stream, completion)
        case .peerLeaving(let error):
            ready.store(false, ordering: .relaxed)
            lastFailure = error
        case .close(let error):
            ready.store(false, ordering: .relaxed)
            if let error { lastFailure = error }
        case .write(let stream, _), .store(let stream, _), .movement(let stream, _), .query(let stream, _):
            let refusal = TypedError(.badRequest, "this end of the connection answers no requests")
            connection.command { $0.finish(stream, with: .failed(refusal), into: &$1) }
        case .stopped, .pageSent:
            return
        }
    }

    private func finish(_ stream: StreamID, _ completion: Completion) {
        if let call = calls.removeValue(forKey: stream), let continuation = call.continuation.take() {
            switch completion {
            case .written, .stored, .received: continuation.resume(returning: completion)
            case .failed(let error): continuation.resume(throwing: error)
            case .ended: preconditionFailure("the connection let a query's end pass for a write")
            }
        } else if let storage = queries.removeValue(forKey: stream) {
            switch completion {
            case .ended(let end): storage.complete(.success(end))
            case .failed(let error): storage.complete(.failure(error))
            case .written, .stored, .received:
                preconditionFailure("the connection let an acknowledgement pass for a query")
            }
        }
    }

    // MARK: - Stopping

    func stop(grace: Duration, _ continuation: CheckedContinuation<Void, Never>) {
        eventLoop.preconditionInEventLoop()
        stopWaiters.append(continuation)
        lastFailure = TypedError(.unavailable, "the client was stopped")
        ready.store(false, ordering: .relaxed)
        switch state {
        case .pausing(let timer):
            timer.cancel()
            finishStopping()
        case .idle, .connecting, .stopped:
            // An attempt that succeeds after this closes its channel again.
            finishStopping()
        case .connected(let connection):
            state = .stopping(connection)
            let reason = lastFailure
            connection.command { $0.leave(reason, into: &$1) }
            eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(grace)) {
                connection.command { $0.abort(reason, into: &$1) }
            }
        case .stopping: return
        }
    }

    private func finishStopping() {
        state = .stopped
        for waiter in stopWaiters { waiter.resume() }
        stopWaiters = []
        for waiter in readyWaiters.sorted(by: { $0.key < $1.key }) { waiter.value.resume(throwing: lastFailure) }
        readyWaiters = [:]
    }
}

/// One request that is answered by its end alone, and that a caller waits for.
// Sendable because only the client's event loop touches what it holds; callers only carry it.
final class AnswerCall: @unchecked Sendable {
    var stream: StreamID?
    var continuation: CheckedContinuation<Completion, any Error>?
    var cancelled = false
}

/// One query whose answer a caller takes.
// Sendable because only the client's event loop touches what it holds; callers only carry it.
final class QueryCall: @unchecked Sendable {
    var stream: StreamID?
    var cancelled = false
}
