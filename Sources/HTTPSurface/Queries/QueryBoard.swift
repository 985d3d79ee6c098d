import MetricModel
import Synchronization

/// The queries of this process: lets them run in turn, shows them, and ends the one that somebody kills.
///
/// What waits and runs is decided by `QueryQueue`, what was slow is kept by `QueryHistory`.
final class QueryBoard: Sendable {
    /// A query at work, or waiting for its turn.
    struct Entry: Sendable {
        var question: Question
        /// When it came, and when its turn was; Unix milliseconds.
        var came: Int64
        var began: Int64?
        fileprivate let turn: AsyncStream<Void>.Continuation
        fileprivate let kill: AsyncStream<Void>.Continuation
    }

    private struct State {
        var queue: QueryQueue
        var history = QueryHistory()
        var entries: [UInt64: Entry] = [:]
        var last: UInt64 = 0
        var refused = 0
        var killed = 0
    }

    private let state: Mutex<State>
    private let limits: QueryQueue.Limits
    private let clock: @Sendable () -> Int64

    init(_ limits: QueryQueue.Limits, clock: @escaping @Sendable () -> Int64) {
        self.limits = limits
        self.clock = clock
        state = Mutex(State(queue: QueryQueue(limits)))
    }

    /// Running, waiting, refused and killed so far.
    var counts: (running: Int, waiting: Int, refused: Int, killed: Int) {
        state.withLock { ($0.queue.runningCount, $0.queue.waitingCount, $0.refused, $0.killed) }
    }

    /// Runs `work` when it is the question's turn, for at most so many milliseconds, the wait included.
    ///
    /// Throws what `work` throws; `unavailable` when too many wait, `timeout`, `canceled` when the client goes or somebody kills it.
    func run<Value: Sendable>(
        _ question: Question, milliseconds: Int64, _ work: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let (number, turns, kills) = try enter(question)
        do {
            let value = try await Deadline.run(milliseconds, kills: kills) {
                for await _ in turns { break }
                try Task.checkCancellation()
                return try await work()
            }
            leave(number, failure: nil)
            return value
        } catch {
            leave(number, failure: APIFailure(error))
            throw error
        }
    }

    private func enter(
        _ question: Question
    ) throws(APIFailure) -> (number: UInt64, turns: AsyncStream<Void>, kills: AsyncStream<Void>) {
        let (turns, turn) = AsyncStream.makeStream(of: Void.self)
        let (kills, kill) = AsyncStream.makeStream(of: Void.self)
        let now = clock()
        let number: UInt64? = state.withLock { state in
            state.last += 1
            var entry = Entry(question: question, came: now, began: nil, turn: turn, kill: kill)
            switch state.queue.enter(state.last, of: question.tenant) {
            case .refused:
                state.refused += 1
                return nil
            case .waits: break
            case .runs:
                entry.began = now
                turn.yield()
            }
            state.entries[state.last] = entry
            return state.last
        }
        guard let number else {
            throw APIFailure(
                .unavailable,
                "\(limits.waitingPerTenantMax) queries of tenant \(question.tenant) wait for their turn (query_queue_max)",
                retryAfterSeconds: 1)
        }
        return (number, turns, kills)
    }

    private func leave(_ number: UInt64, failure: APIFailure?) {
        let now = clock()
        state.withLock { state in
            for started in state.queue.leave(number) {
                state.entries[started]?.began = now
                state.entries[started]?.turn.yield()
            }
            guard let entry = state.entries.removeValue(forKey: number) else { return }
            state.history.add(
                FinishedQuery(
                    question: entry.question, came: entry.came, waited: (entry.began ?? now) - entry.came,
                    took: now - entry.came, failure: failure?.kind.rawValue),
                now: now)
        }
    }

    /// Ends a tenant's query, waiting or running; false when there is none of that number.
    func kill(_ number: UInt64, of tenant: TenantID) -> Bool {
        state.withLock { state in
            guard let entry = state.entries[number], entry.question.tenant == tenant else { return false }
            state.killed += 1
            entry.kill.yield()
            return true
        }
    }

    /// A tenant's queries: at work in the order they came, and the slowest of the last hour.
    func queries(of tenant: TenantID) -> (atWork: [(number: UInt64, entry: Entry)], slowest: [FinishedQuery]) {
        let now = clock()
        return state.withLock { state in
            let own = state.entries.filter { $0.value.question.tenant == tenant }
            return (
                own.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, state.history.queries(of: tenant, now: now)
            )
        }
    }
}
