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
    }

    let directory: any AggregatorDirectory
    let view: AggregatorView
    let map: ReadMap
    let limits: MovementLimits
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
    ///   - request: what to ask about some slots.
    ///   - collect: takes an answer's pages; may be called again for the same slots when an answer does not count.
    /// - Returns: the answers that count.
    /// - Throws: what `collect` throws, an error that all members would answer with, or that of a member where none has answered at all.
    func read<Value: Sendable>(
        _ slots: SlotSet?, mode: Mode, request: @escaping @Sendable (SlotPart) -> QueryRequest,
        collect: @escaping @Sendable (QueryStream) async throws -> Value
    ) async throws -> Outcome<Value> {
        var read = SlotRead(map: map, limits: limits, asksRaw: mode != .wholeOnly)
        var outcome = Outcome<Value>()
        var lastFailure: (any Error)?
        let isAlone = map.view.members.count == 1
        try await withThrowingTaskGroup(of: Event<Value>.self) { group in
            defer { group.cancelAll() }
            var open: Set<Int> = []
            var streams: [Int: QueryStream] = [:]
            func perform(_ effects: [SlotRead.Effect]) {
                for effect in effects {
                    switch effect {
                    case .ask(let question):
                        open.insert(question.number)
                        guard let stream = ask(question, request) else {
                            let error = TypedError(
                                .unavailable, "there is no connection to \(view.name(of: question.node))")
                            group.addTask { .failed(question, error) }
                            continue
                        }
                        streams[question.number] = stream
                        group.addTask { await Self.answer(question, stream, collect) }
                    case .drop(let number):
                        open.remove(number)
                        streams.removeValue(forKey: number)?.cancel()
                    }
                }
            }
            var effects: [SlotRead.Effect] = []
            read.begin(slots, isRaw: mode == .rawOnly, now: CoordinatorClock.now, into: &effects)
            perform(effects)
            if !isAlone { group.addTask { try await Self.waitForTick() } }
            while !read.isDone, let event = try await group.next() {
                effects = []
                let suspects = directory.aggregators?.suspects ?? view.suspects
                switch event {
                case .tick:
                    read.advance(now: CoordinatorClock.now, isSuspect: suspects.contains, into: &effects)
                    group.addTask { try await Self.waitForTick() }
                case .answered(let question, let value, let end):
                    guard open.remove(question.number) != nil else { continue }
                    streams[question.number] = nil
                    let isKept = read.receive(
                        answer(end), to: question.number, now: CoordinatorClock.now, isSuspect: suspects.contains,
                        into: &effects)
                    if isKept {
                        outcome.kept.append(Kept(question: question, value: value, end: end))
                        outcome.warnings.formUnion(end.warnings)
                    }
                case .failed(let question, let error):
                    // What was dropped fails, and means nothing.
                    guard open.remove(question.number) != nil else { continue }
                    streams[question.number] = nil
                    if Self.isFinal(error) || ContinuousClock.now >= deadline { throw error }
                    lastFailure = error
                    read.fail(
                        question.number, now: CoordinatorClock.now, isSuspect: suspects.contains, into: &effects)
                }
                perform(effects)
            }
        }
        if !read.hasAnswer, !read.gaps.isEmpty, let lastFailure { throw lastFailure }
        outcome.kept.sort { ($0.question.node, $0.question.number) < ($1.question.node, $1.question.number) }
        outcome.left = read.left
        if let warning = GapWarning.text(read.gaps, slotCount: map.view.orders.count, name: view.name) {
            outcome.warnings.insert(warning)
        }
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
        _ collect: @Sendable (QueryStream) async throws -> Value
    ) async -> Event<Value> {
        do {
            let value = try await collect(stream)
            guard let end = stream.end else {
                throw TypedError(.internal, "an answer without an end")
            }
            return .answered(question, value, end)
        } catch {
            return .failed(question, error)
        }
    }

    private static func waitForTick<Value: Sendable>() async throws -> Event<Value> {
        try await Task.sleep(for: tick)
        return .tick
    }

    /// Whether another member would answer the same.
    private static func isFinal(_ error: any Error) -> Bool {
        guard let error = error as? TypedError else { return true }
        return switch error.code {
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
}

/// What an answer says of slots that may lack samples.
enum GapWarning {
    /// `named_members_max`
    private static let namedMax = 10

    /// One line for all gaps; nil where there is none.
    static func text(_ gaps: [SlotRead.Gap], slotCount: Int, name: (NodeID) -> String) -> String? {
        var slots = SlotSet()
        for gap in gaps { slots.formUnion(gap.slots) }
        if slots.isEmpty { return nil }
        let count = slots.count
        let tenths = (count * 1_000 + slotCount - 1) / slotCount
        let share = "\(count) of \(slotCount) slots (\(tenths / 10).\(tenths % 10) %)"
        let members = Set(gaps.flatMap(\.members)).sorted().map(name)
        guard !members.isEmpty else { return "samples may be missing: no member holds \(share) yet" }
        let named = members.prefix(namedMax).joined(separator: ", ")
        let rest = members.count > namedMax ? " and \(members.count - namedMax) more" : ""
        return "samples may be missing in \(share): no complete answer without \(named)\(rest)"
    }
}
