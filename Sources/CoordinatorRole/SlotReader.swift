internal import ClusterTransport
internal import MetricModel
internal import QueryRouting
internal import SlotMovement
internal import WireProtocol

/// Carries one `SlotRead` out: sends its questions, collects the answers, and tells it of time and failures.
struct SlotReader: Sendable {
    /// An answer that counts.
    struct Kept<Value: Sendable>: Sendable {
        var question: SlotRead.Question
        var value: Value
        var end: SelectEnd
    }

    /// What came of a read.
    struct Outcome<Value: Sendable>: Sendable {
        /// In the order of the members, and of one member in the order of its questions: the same answers give the same sums.
        var kept: [Kept<Value>] = []
        /// Slots that no wanted owner had whole, where these are not asked for raw.
        var left = SlotSet()
        /// What every answer built on it must say.
        var warnings: Set<String> = []
        /// Who was asked, in the order of asking.
        var asked: [AskedPart] = []
    }

    let directory: any AggregatorDirectory
    let view: AggregatorView
    let map: ReadMap
    let limits: MovementLimits
    let pace: ReadPace
    /// When the query's time is over.
    let deadline: ContinuousClock.Instant

    /// `read_tick`: how often a read looks whether somebody else must be asked.
    private static let tick = Duration.milliseconds(200)

    private enum Event<Value: Sendable>: Sendable {
        case answered(SlotRead.Question, Value, SelectEnd)
        case failed(SlotRead.Question, any Error)
        case tick
    }

    /// Reads.
    ///
    /// - Parameters:
    ///   - slots: what is asked about; nil for all.
    ///   - mode: whether slots that nobody has whole are united from all that members have, or left.
    ///   - setsPace: whether its answers say how long answers take: not where nothing is read for them.
    ///   - request: what to ask about some slots.
    ///   - collect: takes an answer's pages; may be called again for the same slots when an answer does not count.
    ///   - discard: is told of a whole answer that does not count.
    /// - Returns: the answers that count.
    /// - Throws: what `collect` throws, an error that all members would answer with, or that of a member where none has answered at all.
    func read<Value: Sendable>(
        _ slots: SlotSet?, mode: Mode, setsPace: Bool = true, request: @escaping @Sendable (SlotPart) -> QueryRequest,
        collect: @escaping @Sendable (SlotRead.Question, QueryStream) async throws -> Value,
        discard: @escaping @Sendable (SlotRead.Question, Value) -> Void = { _, _ in }
    ) async throws -> Outcome<Value> {
        let isAlone = map.view.members.count == 1
        let hedging = isAlone ? nil : pace.rule
        var read = SlotRead(map: map, limits: limits, asksRaw: mode != .wholeOnly, hedging: hedging)
        var progress = Progress<Value>(discard: discard)
        var lastFailure: TypedError?
        try await withThrowingTaskGroup(of: Event<Value>.self) { group in
            defer { group.cancelAll() }
            func perform(_ effects: [SlotRead.Effect]) {
                for effect in effects {
                    switch effect {
                    case .ask(let question):
                        if question.isHedge { pace.hedged() }
                        let stream = ask(question, request)
                        progress.ask(question, stream, name: view.name(of: question.node))
                        guard let stream else {
                            let error = TypedError(
                                .unavailable, "there is no connection to \(view.name(of: question.node))")
                            group.addTask { .failed(question, error) }
                            continue
                        }
                        group.addTask { await Self.answer(question, stream, collect) }
                    case .drop(let number): progress.drop(number)
                    case .keep(let number):
                        progress.keep(number)
                        pace.hedgeWon()
                    }
                }
            }
            let tick = Self.tick(hedging)
            var effects: [SlotRead.Effect] = []
            read.begin(slots, isRaw: mode == .rawOnly, now: CoordinatorClock.now, into: &effects)
            perform(effects)
            if !isAlone { group.addTask { try await Self.wait(tick) } }
            while !read.isDone, let event = try await group.next() {
                effects = []
                read.limitHedges(to: pace.allowance)
                let suspects = directory.aggregators?.suspects ?? view.suspects
                switch event {
                case .tick:
                    read.advance(now: CoordinatorClock.now, isSuspect: suspects.contains, into: &effects)
                    group.addTask { try await Self.wait(tick) }
                case .answered(let question, let value, let end):
                    guard let took = progress.answer(question, value, end) else { continue }
                    if setsPace, !question.isRaw { pace.answered(after: took) }
                    let verdict = read.receive(
                        answer(end), to: question.number, now: CoordinatorClock.now, isSuspect: suspects.contains,
                        into: &effects)
                    if verdict == .kept, question.isHedge { pace.hedgeWon() }
                    progress.judge(question.number, verdict)
                case .failed(let question, let error):
                    // What was dropped fails, and means nothing.
                    guard progress.fail(question, error) else { continue }
                    guard let error = error as? TypedError, !Self.isFinal(error), ContinuousClock.now < deadline
                    else { throw error }
                    lastFailure = error
                    pace.failed()
                    read.fail(
                        question.number, now: CoordinatorClock.now, isSuspect: suspects.contains, into: &effects)
                }
                perform(effects)
            }
        }
        let gap = GapWarning.text(read.gaps, slotCount: map.view.slotCount, name: view.name)
        if !read.hasAnswer, let gap, var lastFailure {
            lastFailure.message = "nothing could be read: \(gap) (\(lastFailure.message))"
            throw lastFailure
        }
        var outcome = progress.outcome
        outcome.left = read.left
        if let gap { outcome.warnings.insert(gap) }
        return outcome
    }

    /// What becomes of slots that no wanted owner has whole.
    enum Mode: Sendable {
        /// They are left.
        case wholeOnly
        /// All members are asked for what they have.
        case united
        /// The same from the beginning: it is known already that nobody has them whole.
        case rawOnly
    }

    private func ask(
        _ question: SlotRead.Question, _ request: (SlotPart) -> QueryRequest
    ) -> QueryStream? {
        guard let client = directory.client(question.node) else { return nil }
        var left = ContinuousClock.now.duration(to: deadline)
        if question.isRaw { left = min(left, .microseconds(limits.readDeadline)) }
        let part = question.isRaw ? SlotPart.raw(question.slots) : .whole(question.slots)
        return client.query(request(part), deadline: left)
    }

    private func answer(_ end: SelectEnd) -> SlotRead.Answer {
        SlotRead.Answer(
            whole: end.slots,
            standings: end.standings.map { standing in
                SlotRead.Standing(
                    slots: standing.slots, role: standing.role, isSound: standing.isSound,
                    members: standing.members.map(view.node), missingMax: standing.missingMax)
            })
    }

    private static func answer<Value: Sendable>(
        _ question: SlotRead.Question, _ stream: QueryStream,
        _ collect: @Sendable (SlotRead.Question, QueryStream) async throws -> Value
    ) async -> Event<Value> {
        do {
            let value = try await collect(question, stream)
            guard let end = stream.end else {
                throw TypedError(.internal, "an answer without an end")
            }
            return .answered(question, value, end)
        } catch {
            return .failed(question, error)
        }
    }

    /// How often time is looked at: often enough for hedges to be asked when they are due.
    private static func tick(_ hedging: HedgeRule?) -> Duration {
        guard let hedging else { return tick }
        return min(tick, max(.milliseconds(10), .microseconds(hedging.delay / 2)))
    }

    private static func wait<Value: Sendable>(_ duration: Duration) async throws -> Event<Value> {
        try await Task.sleep(for: duration)
        return .tick
    }

    /// Whether another member would answer the same.
    private static func isFinal(_ error: TypedError) -> Bool {
        switch error.code {
        case .badRequest, .notFound, .tooLarge, .evaluation: true
        case .overloaded, .unavailable, .deadlineExceeded, .cancelled, .unknownReference, .versionMismatch, .internal:
            false
        }
    }
}

/// The monotonic clock of reads.
enum CoordinatorClock {
    private static let start = ContinuousClock.now

    /// Microseconds.
    static var now: Int64 {
        let (seconds, attoseconds) = start.duration(to: .now).components
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }

    /// Nanoseconds.
    static var nanoseconds: Int64 { Int64(start.duration(to: .now) / .nanoseconds(1)) }
}
