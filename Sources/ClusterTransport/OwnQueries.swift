import Synchronization
import WireProtocol

/// Queries of this process to itself: the pages go from the answerer to the consumer as they are, without codec, event loop and socket.
///
/// They have what queries over a connection have: deadlines, an end when nobody wants the rest, and a bound on those at work and on the pages that wait.
final class OwnQueries: Sendable {
    /// `own_queries_max`: queries at work at a time, as many as over a connection.
    static let queriesMax = ConnectionLimits().streamsMax
    /// `own_pages_max`: pages of a query that wait for the consumer; the answerer waits with the next.
    static let pagesMax = 4

    private let handler: any ClusterRequestHandler
    private let running = Mutex(0)

    /// - Parameter handler: answers.
    init(_ handler: any ClusterRequestHandler) {
        self.handler = handler
    }

    /// Asks; the answer is made in a task of its own.
    func ask(_ request: QueryRequest, deadline: Duration) -> QueryStream {
        let gate = PageGate()
        let storage = QueryStreamStorage(consumed: { _ in gate.consumed() }, cancel: { gate.close() })
        guard begin() else {
            let text =
                "this process has as many queries of its own at work as own_queries_max (\(Self.queriesMax)) allows"
            storage.complete(.failure(TypedError(.overloaded, text, retryAfterMilliseconds: 100)))
            return QueryStream(storage: storage)
        }
        gate.add(
            Task {
                let outcome = await Self.answer(request, of: handler, into: OwnSink(gate: gate, storage: storage))
                running.withLock { $0 -= 1 }
                storage.complete(outcome)
                gate.close()
            })
        gate.add(
            Task {
                guard (try? await Self.sleep(deadline)) != nil else { return }
                storage.complete(.failure(TypedError(.deadlineExceeded, "not answered within \(deadline)")))
                gate.close()
            })
        return QueryStream(storage: storage)
    }

    private func begin() -> Bool {
        running.withLock { running in
            guard running < Self.queriesMax else { return false }
            running += 1
            return true
        }
    }

    /// In parts: a sleep that is cancelled keeps its memory until it would have ended, and most queries end long before their deadline.
    private static func sleep(_ duration: Duration) async throws {
        let end = ContinuousClock.now + duration
        while .now < end { try await Task.sleep(until: min(end, .now + .seconds(2)), clock: .continuous) }
    }

    private static func answer(
        _ request: QueryRequest, of handler: any ClusterRequestHandler, into sink: OwnSink
    ) async -> Result<SelectEnd, TypedError> {
        do {
            return .success(try await handler.query(request, sink: sink))
        } catch let error as TypedError {
            return .failure(error)
        } catch is CancellationError {
            return .failure(TypedError(.cancelled, "cancelled"))
        } catch {
            return .failure(TypedError(.internal, "\(error)"))
        }
    }
}

/// Where the pages of one answer go.
private struct OwnSink: PageSink {
    let gate: PageGate
    let storage: QueryStreamStorage

    func send(_ page: QueryPage) async throws {
        try await gate.pass()
        storage.deliver(page, bytes: 1)
    }
}

/// Lets as many pages pass as may wait, and ends the tasks of a query when it is over.
private final class PageGate: Sendable {
    private struct State {
        var waiting = 0
        var producer: CheckedContinuation<Void, any Error>?
        var tasks: [Task<Void, Never>] = []
        var isClosed = false
    }

    private let state = Mutex(State())
    private static let over = TypedError(.cancelled, "the query is over")

    func add(_ task: Task<Void, Never>) {
        let isLate = state.withLock { state in
            if !state.isClosed { state.tasks.append(task) }
            return state.isClosed
        }
        if isLate { task.cancel() }
    }

    /// Returns when there is room for a page.
    func pass() async throws {
        try await withCheckedThrowingContinuation { continuation in
            let result: Result<Void, any Error>? = state.withLock { state in
                if state.isClosed { return .failure(Self.over) }
                state.waiting += 1
                if state.waiting <= OwnQueries.pagesMax { return .success(()) }
                state.producer = continuation
                return nil
            }
            if let result { continuation.resume(with: result) }
        }
    }

    /// The consumer has taken a page.
    func consumed() {
        let producer = state.withLock { state in
            state.waiting -= 1
            return state.producer.take()
        }
        producer?.resume()
    }

    func close() {
        let (producer, tasks) = state.withLock { state in
            state.isClosed = true
            defer { state.tasks = [] }
            return (state.producer.take(), state.tasks)
        }
        producer?.resume(throwing: Self.over)
        for task in tasks { task.cancel() }
    }
}
