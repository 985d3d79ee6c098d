import NIOCore
import Synchronization
package import WireProtocol

/// The answer to a query as it arrives: pages for one consumer, then the end.
///
/// Pages are granted credit as they are taken, so a consumer that does not take them stops the producer at `stream_credit_bytes`. Dropping
/// the stream before its end, or cancelling the task that waits for a page, cancels the query on the other node.
package final class QueryStream: AsyncSequence, Sendable {
    /// A part of the answer.
    package typealias Element = QueryPage

    private let storage: QueryStreamStorage

    init(storage: QueryStreamStorage) {
        self.storage = storage
    }

    deinit {
        storage.abandon(TypedError(.cancelled, "the answer was dropped"))
    }

    /// Gives the answer up: who waits for a page gets `cancelled`.
    package func cancel() {
        storage.abandon(TypedError(.cancelled, "the answer is not needed any more"))
    }

    /// Counts and warnings of the whole answer; nil until iteration has ended without an error.
    package var end: SelectEnd? { storage.end }

    /// The consumer; there must be only one.
    package func makeAsyncIterator() -> Iterator { Iterator(stream: self) }

    /// Takes pages one by one.
    package struct Iterator: AsyncIteratorProtocol {
        fileprivate let stream: QueryStream

        /// The next page; nil after the last one.
        ///
        /// - Throws: `TypedError`: the other node's, or `deadlineExceeded`, `unavailable`, `cancelled` from this side. What came before it
        ///   does not count.
        package func next() async throws -> QueryPage? {
            try await stream.storage.next()
        }
    }
}

/// What the connection (on its event loop) and the consumer (anywhere) share of one answer.
final class QueryStreamStorage: Sendable {
    fileprivate struct State {
        /// At most `stream_credit_bytes` in all: the peer has no credit for more.
        var pages: [(page: QueryPage, bytes: Int)] = []
        var taken = 0
        var consumer: CheckedContinuation<QueryPage?, any Error>?
        var outcome: Result<SelectEnd, TypedError>?
        var abandoned = false
    }

    private let state = Mutex(State())
    /// Called when pages of so many bytes have been taken.
    private let consumed: @Sendable (Int) -> Void
    /// Called at most once, when nobody wants the rest.
    private let cancel: @Sendable () -> Void

    init(consumed: @escaping @Sendable (Int) -> Void, cancel: @escaping @Sendable () -> Void) {
        self.consumed = consumed
        self.cancel = cancel
    }

    var end: SelectEnd? {
        state.withLock { state in
            guard state.taken == state.pages.count, case .success(let end) = state.outcome else { return nil }
            return end
        }
    }

    func next() async throws -> QueryPage? {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let step = state.withLock { $0.next(continuation) }
                step.run(consumed)
            }
        } onCancel: {
            abandon(TypedError(.cancelled, "the query's task was cancelled"))
        }
    }

    func deliver(_ page: QueryPage, bytes: Int) {
        let step = state.withLock { state -> Step in
            if let consumer = state.consumer.take() { return .resume(consumer, .success(page), bytes) }
            if !state.abandoned { state.pages.append((page, bytes)) }
            return .none
        }
        step.run(consumed)
    }

    func complete(_ outcome: Result<SelectEnd, TypedError>) {
        let step = state.withLock { state -> Step in
            if state.outcome != nil { return .none }
            state.outcome = outcome
            guard let consumer = state.consumer.take() else { return .none }
            return .resume(consumer, outcome.map { _ in nil }.mapError { $0 }, 0)
        }
        step.run(consumed)
    }

    /// Gives up, unless the end has come: a waiting consumer gets `error`, the other node is told.
    func abandon(_ error: TypedError) {
        let (step, tell) = state.withLock { state -> (Step, Bool) in
            if state.abandoned || state.outcome != nil { return (.none, false) }
            state.abandoned = true
            state.outcome = .failure(error)
            state.pages = []
            state.taken = 0
            guard let consumer = state.consumer.take() else { return (.none, true) }
            return (.resume(consumer, .failure(error), 0), true)
        }
        step.run(consumed)
        if tell { cancel() }
    }

    /// What to do once the lock is released: nothing is called while it is held.
    fileprivate enum Step {
        case none
        case resume(CheckedContinuation<QueryPage?, any Error>, Result<QueryPage?, any Error>, Int)

        func run(_ consumed: (Int) -> Void) {
            switch self {
            case .none: return
            case .resume(let consumer, let result, let bytes):
                consumer.resume(with: result)
                if bytes > 0 { consumed(bytes) }
            }
        }
    }
}

extension QueryStreamStorage.State {
    fileprivate mutating func next(_ continuation: CheckedContinuation<QueryPage?, any Error>)
        -> QueryStreamStorage.Step
    {
        if taken < pages.count {
            let (page, bytes) = pages[taken]
            taken += 1
            if taken == pages.count {
                pages.removeAll(keepingCapacity: true)
                taken = 0
            }
            return .resume(continuation, .success(page), bytes)
        }
        switch outcome {
        case .success: return .resume(continuation, .success(nil), 0)
        case .failure(let error): return .resume(continuation, .failure(error), 0)
        case nil:
            precondition(consumer == nil, "a query stream has two consumers")
            consumer = continuation
            return .none
        }
    }
}
