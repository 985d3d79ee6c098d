import HTTPSurface
import MetricModel
import NIOCore
import Testing

/// A hub with the shorthand of its tests: what was asked of it, what it wants done.
private struct Bench {
    var hub: LiveHub
    var effects: [LiveEffect] = []
    /// Bytes that wait for a connection; none unless set.
    var backlog: [LiveConnectionID: Int] = [:]

    init(_ change: (inout LiveLimits) -> Void = { _ in }) {
        var limits = LiveLimits()
        change(&limits)
        hub = LiveHub(limits: limits)
    }

    mutating func connect(_ number: UInt64, tenant: String = "default") throws -> LiveConnectionID {
        let id = LiveConnectionID(number: number)
        hub.connected(id, tenant: try TenantID(validating: tenant), into: &effects)
        return id
    }

    mutating func subscribe(
        _ id: LiveConnectionID, _ name: String, _ query: String = "up", step: Int64 = 1_000, history: Int64 = 0,
        now: Int64 = 10_000
    ) {
        hub.received(
            .subscribe(id: name, query: query, step: step, history: history), from: id, now: now, into: &effects)
    }

    mutating func tick(_ now: Int64) { hub.ticked(now: now, into: &effects) }

    /// Answers every load and evaluation that the hub asks for, until it asks for none.
    mutating func answer(_ samples: [(Labels, Double)], warnings: [String] = []) {
        while let work = takeWork() {
            switch work {
            case .load(let load):
                let series = samples.map { SeriesColumns(labels: $0.0, timestamps: [load.end], values: [$0.1]) }
                hub.loaded(load, .success(Answer(.matrix(series), warnings: warnings)), into: &effects)
            case .evaluate(let evaluation):
                let vector = samples.map { VectorSample(labels: $0.0, timestamp: evaluation.time, value: $0.1) }
                finish(evaluation, .success(Answer(.vector(vector), warnings: warnings)))
            case .send, .broadcast, .wake, .goAway: break
            }
        }
    }

    mutating func finish(_ evaluation: LiveEvaluation, _ result: Result<Answer<QueryData>, APIFailure>) {
        let backlog = backlog
        hub.evaluated(evaluation, result, backlog: { backlog[$0] ?? 0 }, into: &effects)
    }

    /// Ticks a second and answers its evaluation: one series, of which `value` says what it is at each step evaluated.
    ///
    /// - Returns: what was asked, and what the listeners are told of the step.
    mutating func second(
        _ time: Int64, of labels: Labels, warnings: [String] = [], infos: [String] = [],
        value: (Int64) -> Double?
    ) throws -> (asked: LiveEvaluation, told: LiveServerMessage.Step?) {
        tick(time)
        guard case .evaluate(let asked)? = takeWork() else { throw APIFailure(.internalFault, "nothing is due") }
        finish(asked, .success(Answer(data(asked, labels, value), warnings: warnings, infos: infos)))
        let steps = sent().compactMap { effect -> LiveServerMessage.Step? in
            if case .broadcast(_, .data(let step)) = effect { step } else { nil }
        }
        return (asked, steps.first)
    }

    private func data(_ asked: LiveEvaluation, _ labels: Labels, _ value: (Int64) -> Double?) -> QueryData {
        var columns = SeriesColumns(labels: labels, timestamps: [], values: [])
        for time in stride(from: asked.start, through: asked.time, by: Int(asked.step)) {
            guard let value = value(time) else { continue }
            columns.timestamps.append(time)
            columns.values.append(value)
        }
        if asked.stepsBefore > 0 { return .matrix([columns]) }
        return .vector(zip(columns.timestamps, columns.values).map { .init(labels: labels, timestamp: $0, value: $1) })
    }

    /// The next load or evaluation among the effects.
    mutating func takeWork() -> LiveEffect? {
        let index = effects.firstIndex {
            switch $0 {
            case .load, .evaluate: true
            case .send, .broadcast, .wake, .goAway: false
            }
        }
        return index.map { effects.remove(at: $0) }
    }

    /// What was sent, to whom, since the last look; wakes are left out.
    mutating func sent() -> [LiveEffect] {
        defer { effects = [] }
        return effects.filter {
            if case .wake = $0 { return false }
            return true
        }
    }
}

private func step(
    _ key: Int, _ time: Int64, new: [(Int, Labels)] = [], values: [(Int, Double)], gone: [Int] = []
) -> LiveServerMessage {
    .data(
        .init(
            key: key, time: time,
            new: new.map { .init(number: $0.0, columns: .init(labels: $0.1, timestamps: [], values: [])) },
            values: values.map { LiveValue(number: $0.0, value: $0.1) }, gone: gone, warnings: []))
}

@Suite struct LiveSharing {
    @Test("equal subscriptions are one evaluation and one message for all")
    func shared() throws {
        var bench = Bench()
        let one = try bench.connect(1)
        let two = try bench.connect(2)
        let up = try labels(("__name__", "up"))
        bench.subscribe(one, "a")
        bench.subscribe(two, "b")
        bench.answer([(up, 1)])
        #expect(bench.sent().count == 2)
        #expect(bench.hub.counts.streams == 1)
        bench.tick(11_000)
        let work = bench.effects.filter { if case .evaluate = $0 { true } else { false } }
        #expect(work.count == 1)
        bench.answer([(up, 2)])
        #expect(bench.sent() == [.broadcast([one, two], step(1, 11_000, new: [(0, up)], values: [(0, 2)]))])
        bench.tick(12_000)
        bench.answer([(up, 3)])
        #expect(bench.sent() == [.broadcast([one, two], step(1, 12_000, values: [(0, 3)]))])
    }

    @Test("another tenant, step or query text is another stream, canonically equal text included")
    func notShared() throws {
        var bench = Bench()
        let one = try bench.connect(1)
        let other = try bench.connect(2, tenant: "other")
        bench.subscribe(one, "a", "up")
        bench.subscribe(other, "a", "up")
        bench.subscribe(one, "b", "up", step: 2_000)
        bench.subscribe(one, "c", "{x=\"\u{e9}\"}")
        bench.subscribe(one, "d", "{x=\"e\u{301}\"}")
        #expect(bench.hub.counts.streams == 5)
        let tenants = bench.effects.compactMap { if case .load(let load) = $0 { load.tenant.name } else { nil } }
        #expect(tenants == ["default", "other", "default", "default", "default"])
    }

    @Test("a stream ends with its last listener, by unsubscribing or by going")
    func endsUnheard() throws {
        var bench = Bench()
        let one = try bench.connect(1)
        let two = try bench.connect(2)
        for id in [one, two] { bench.subscribe(id, "a") }
        bench.subscribe(one, "b")
        bench.answer([])
        bench.hub.received(.unsubscribe(id: "a"), from: one, now: 10_000, into: &bench.effects)
        #expect(bench.hub.counts == (1, 2, 2))
        bench.hub.received(.unsubscribe(id: "b"), from: one, now: 10_000, into: &bench.effects)
        bench.hub.disconnected(two)
        #expect(bench.hub.counts == (0, 0, 1))
        _ = bench.sent()
        bench.tick(20_000)
        #expect(bench.sent().isEmpty)
    }

    @Test("a snapshot holds the history and the step that others got while it was fetched")
    func snapshot() throws {
        var bench = Bench()
        let one = try bench.connect(1)
        let up = try labels(("__name__", "up"))
        let down = try labels(("__name__", "down"))
        bench.subscribe(one, "a")
        bench.answer([(up, 1)])
        let two = try bench.connect(2)
        bench.subscribe(two, "b", history: 2_500, now: 10_700)
        let load = bench.takeWork()
        guard case .load(let asked)? = load else { return #expect(Bool(false)) }
        #expect(asked.start == 8_000 && asked.end == 10_000 && asked.step == 1_000)
        bench.tick(11_000)
        bench.answer([(down, 5)])
        _ = bench.sent()
        let history = SeriesColumns(labels: up, timestamps: [9_000, 10_000], values: [7, 8])
        bench.hub.loaded(asked, .success(Answer(.matrix([history]))), into: &bench.effects)
        let expected = LiveServerMessage.subscribed(
            id: "b", key: 1, step: 1_000, time: 11_000,
            series: [
                .init(number: 0, columns: history),
                .init(number: 1, columns: .init(labels: down, timestamps: [11_000], values: [5])),
            ], warnings: [])
        #expect(bench.sent() == [.send(two, expected)])
    }

    /// A hub in which connection 1 listens, and the history of connection 2 up to 10 s is being loaded.
    private func loading(
        _ change: (inout LiveLimits) -> Void = { _ in }
    ) throws -> (bench: Bench, two: LiveConnectionID, load: LiveLoad) {
        var bench = Bench(change)
        let one = try bench.connect(1)
        bench.subscribe(one, "a")
        bench.answer([])
        let two = try bench.connect(2)
        bench.subscribe(two, "b", history: 1_000)
        guard case .load(let load)? = bench.takeWork() else { throw APIFailure(.internalFault, "nothing to load") }
        return (bench, two, load)
    }

    @Test("a snapshot holds every step up to its time, however many passed while it was fetched")
    func slowSnapshot() throws {
        let begun = try loading()
        var bench = begun.bench
        let a = try labels(("s", "a"))
        let b = try labels(("s", "b"))
        for (index, labels) in [a, b, a].enumerated() {
            bench.tick(11_000 + Int64(index) * 1_000)
            bench.answer([(labels, Double(index + 1))])
        }
        _ = bench.sent()
        let history = SeriesColumns(labels: a, timestamps: [10_000], values: [0])
        bench.hub.loaded(begun.load, .success(Answer(.matrix([history]))), into: &bench.effects)
        let whole = SeriesColumns(labels: a, timestamps: [10_000, 11_000, 13_000], values: [0, 1, 3])
        let gone = SeriesColumns(labels: b, timestamps: [12_000], values: [2])
        let expected = LiveServerMessage.subscribed(
            id: "b", key: 1, step: 1_000, time: 13_000,
            series: [.init(number: 0, columns: whole), .init(number: 1, columns: gone)], warnings: [])
        #expect(bench.sent() == [.send(begun.two, expected)])
    }

    @Test("steps that there is no room to keep make the snapshot fail, not lie")
    func forgottenSteps() throws {
        let begun = try loading { $0.snapshotPointsMax = 1 }
        var bench = begun.bench
        for time in [11_000, 12_000] as [Int64] {
            bench.tick(time)
            bench.answer([(.empty, 1)])
        }
        _ = bench.sent()
        bench.hub.loaded(begun.load, .success(Answer(.matrix([]))), into: &bench.effects)
        guard case .send(begun.two, .error(.subscription("b"), let failure, _))? = bench.sent().first else {
            return #expect(Bool(false))
        }
        #expect(failure.kind == .timeout && failure.message.contains("live_snapshot_points_max"))
    }

    @Test("series that come, go and come back keep their number and are told anew")
    func comingAndGoing() throws {
        var bench = Bench()
        let one = try bench.connect(1)
        let a = try labels(("s", "a"))
        let b = try labels(("s", "b"))
        bench.subscribe(one, "x")
        bench.answer([])
        let results: [[(Labels, Double)]] = [[(a, 1), (b, 1)], [(b, 2)], [(b, 3), (a, 3)]]
        var messages: [LiveServerMessage] = []
        for (index, result) in results.enumerated() {
            bench.tick(11_000 + Int64(index) * 1_000)
            bench.answer(result)
            for case .broadcast(_, let message) in bench.sent() { messages.append(message) }
        }
        #expect(
            messages == [
                step(1, 11_000, new: [(0, a), (1, b)], values: [(0, 1), (1, 1)]),
                step(1, 12_000, values: [(1, 2)], gone: [0]),
                step(1, 13_000, new: [(0, a)], values: [(0, 3), (1, 3)]),
            ])
    }

    @Test("numbers of series that never come back are forgotten, and not given to others")
    func churn() throws {
        var bench = Bench { $0.seriesMax = 4 }
        let one = try bench.connect(1)
        bench.subscribe(one, "x")
        bench.answer([])
        var seen: Set<Int> = []
        for round in 0..<50 {
            bench.tick(11_000 + Int64(round) * 1_000)
            bench.answer(try (0..<4).map { (try labels(("s", "\(round)-\($0)")), 1) })
            for case .broadcast(_, .data(let step)) in bench.sent() {
                for series in step.new { #expect(seen.insert(series.number).inserted) }
            }
        }
        #expect(seen.count == 200)
    }
}

@Suite struct LiveTicks {
    @Test("a stream is due once at each multiple of its step, late looks take only the newest")
    func multiples() throws {
        var bench = Bench()
        let one = try bench.connect(1)
        bench.subscribe(one, "x", step: 2_500, now: 10_100)
        bench.answer([])
        var times: [Int64] = []
        for now in [10_200, 12_499, 12_500, 12_501, 14_999, 15_000, 31_000, 31_001] as [Int64] {
            bench.tick(now)
            while let work = bench.takeWork() {
                guard case .evaluate(let evaluation) = work else { continue }
                times.append(evaluation.time)
                bench.finish(evaluation, .success(Answer(.vector([]))))
            }
        }
        #expect(times == [12_500, 15_000, 30_000])
    }

    @Test("a step still at work is not overtaken")
    func notOvertaken() throws {
        var bench = Bench()
        let one = try bench.connect(1)
        bench.subscribe(one, "x")
        bench.answer([])
        bench.tick(11_000)
        guard case .evaluate(let slow)? = bench.takeWork() else { return #expect(Bool(false)) }
        bench.tick(12_000)
        #expect(bench.takeWork() == nil)
        bench.finish(slow, .success(Answer(.vector([]))))
        bench.tick(12_001)
        guard case .evaluate(let next)? = bench.takeWork() else { return #expect(Bool(false)) }
        #expect(next.time == 12_000)
    }

    @Test("work beyond the limit waits its turn, in order")
    func bounded() throws {
        var bench = Bench { $0.evaluationsMax = 2 }
        let one = try bench.connect(1)
        for number in 0..<5 { bench.subscribe(one, "s\(number)", "q\(number)") }
        var queries: [String] = []
        var most = 0
        while true {
            let open = bench.effects.count { if case .load = $0 { true } else { false } }
            most = max(most, open)
            guard case .load(let load)? = bench.takeWork() else { break }
            queries.append(load.query)
            bench.hub.loaded(load, .success(Answer(.matrix([]))), into: &bench.effects)
        }
        #expect(queries == ["q0", "q1", "q2", "q3", "q4"])
        #expect(most == 2)
    }

    @Test("a load that waits is dropped with its subscription, and a name used again gets its own history")
    func staleLoads() throws {
        var bench = Bench { $0.evaluationsMax = 1 }
        let one = try bench.connect(1)
        let two = try bench.connect(2)
        bench.subscribe(one, "a", "first")
        guard case .load(let first)? = bench.takeWork() else { return #expect(Bool(false)) }
        for round in 0..<1_000 {
            bench.subscribe(one, "b", "stale\(round)")
            bench.hub.received(.unsubscribe(id: "b"), from: one, now: 10_000, into: &bench.effects)
        }
        bench.subscribe(two, "x", "gone")
        bench.hub.disconnected(two)
        bench.hub.received(.unsubscribe(id: "a"), from: one, now: 10_000, into: &bench.effects)
        bench.subscribe(one, "a", "first", history: 5_000)
        bench.hub.loaded(first, .success(Answer(.matrix([]))), into: &bench.effects)
        let loads = bench.effects.compactMap { if case .load(let load) = $0 { load } else { nil } }
        #expect(loads.map(\.query) == ["first"] && loads.map(\.start) == [5_000])
        #expect(!bench.effects.contains { if case .send = $0 { true } else { false } })
    }

    @Test("it wakes for the earliest step, once for each")
    func wakes() throws {
        var bench = Bench()
        let one = try bench.connect(1)
        bench.subscribe(one, "slow", "a", step: 60_000, now: 10_100)
        bench.subscribe(one, "fast", "b", step: 500, now: 10_200)
        bench.tick(10_500)
        bench.tick(10_501)
        bench.tick(11_000)
        let wakes = bench.effects.compactMap { if case .wake(let time) = $0 { time } else { nil } }
        #expect(wakes == [60_000, 10_500, 11_000, 11_500])
    }
}

@Suite struct LiveCorrections {
    /// Runs the steps from 11,000 ms on, each with its own samples, and answers the fifth with what `later` says of all of them.
    private func run(
        _ query: String, steps: [[(Labels, Double)]], later: [SeriesColumns]
    ) throws -> (sent: [LiveEffect], asked: [LiveEvaluation]) {
        var bench = Bench()
        let one = try bench.connect(1)
        bench.subscribe(one, "x", query)
        bench.answer([])
        var asked: [LiveEvaluation] = []
        for (index, samples) in steps.enumerated() {
            _ = bench.sent()
            bench.tick(11_000 + Int64(index) * 1_000)
            guard case .evaluate(let evaluation)? = bench.takeWork() else { continue }
            asked.append(evaluation)
            let vector = samples.map { VectorSample(labels: $0.0, timestamp: evaluation.time, value: $0.1) }
            bench.finish(
                evaluation, .success(Answer(evaluation.stepsBefore == 0 ? .vector(vector) : .matrix(later))))
        }
        return (bench.sent(), asked)
    }

    @Test("each tick evaluates its step alone; every fifth also those before, and tells what is not as it was sent")
    func corrected() throws {
        let a = try labels(("s", "a"))
        let b = try labels(("s", "b"))
        let c = try labels(("s", "c"))
        let (sent, asked) = try run(
            "x", steps: [[(a, 1)], [(a, 2)], [(a, 3), (b, 3)], [(a, 4)], []],
            later: [
                // Late: another value at 12 s, a series at 14 s that none knew, and one that is gone at 13 s.
                SeriesColumns(
                    labels: a, timestamps: [11_000, 12_000, 13_000, 14_000, 15_000], values: [1, 20, 3, 4, 5]),
                SeriesColumns(labels: c, timestamps: [14_000], values: [7]),
            ])
        #expect(asked.map(\.stepsBefore) == [0, 0, 0, 0, 4])
        #expect(asked.last?.start == 11_000 && asked.last?.time == 15_000)
        guard case .broadcast(_, .data(let step))? = sent.first else { return #expect(Bool(false)) }
        #expect(step.time == 15_000)
        #expect(step.values == [LiveValue(number: 0, value: 5)])
        #expect(step.new.map(\.number) == [2], "the series of the corrected step has its number and labels told")
        #expect(step.new.first?.columns.labels == c)
        #expect(
            step.corrected == [
                .init(time: 12_000, values: [LiveValue(number: 0, value: 20)], gone: []),
                .init(time: 13_000, values: [], gone: [1]),
                .init(time: 14_000, values: [LiveValue(number: 2, value: 7)], gone: []),
            ])
    }

    /// A hub in which connection 1 listens to "x", and four seconds of which have passed in which the series was 1.
    private func begun(
        _ labels: Labels, _ change: (inout LiveLimits) -> Void = { _ in }
    ) throws -> Bench {
        var bench = Bench(change)
        bench.subscribe(try bench.connect(1), "x", "x")
        bench.answer([])
        _ = bench.sent()
        for second in Int64(11)...14 { _ = try bench.second(second * 1_000, of: labels) { _ in 1 } }
        return bench
    }

    @Test(
        "a sample that comes up to four steps late is shown where it belongs within five steps, whatever the phase",
        arguments: Int64(0)...4)
    func everyPhase(lateness: Int64) throws {
        let a = try labels(("s", "a"))
        for target in Int64(1)...15 {
            var bench = Bench()
            bench.subscribe(try bench.connect(1), "x", "x")
            bench.answer([])
            _ = bench.sent()
            var shown: [Int64: Double] = [:]
            for now in 1...target + lateness + 5 {
                let (_, told) = try bench.second(10_000 + now * 1_000, of: a) { time in
                    now > target + lateness && time == 10_000 + target * 1_000 ? 9 : 1
                }
                let step = try #require(told)
                shown[step.time] = step.values.first?.value
                for correction in step.corrected {
                    #expect(correction.time == 10_000 + target * 1_000)
                    shown[correction.time] = correction.values.first?.value
                }
            }
            let wrong = shown.filter { $0.value != ($0.key == 10_000 + target * 1_000 ? 9 : 1) }
            #expect(wrong.isEmpty, "step \(target)")
        }
    }

    @Test("a partial answer takes nothing back that a whole one told; an info makes no answer partial")
    func partial() throws {
        let a = try labels(("s", "a"))
        var bench = try begun(a)
        let (asked, told) = try bench.second(15_000, of: a, warnings: ["a member did not answer"]) { _ in nil }
        #expect(asked.stepsBefore == 4)
        #expect(told?.corrected == [] && told?.gone == [0])
        for second in Int64(16)...19 { _ = try bench.second(second * 1_000, of: a) { _ in 1 } }
        let whole = try bench.second(20_000, of: a, infos: ["the metric may not be a counter"]) { $0 == 16_000 ? 2 : 1 }
        #expect(
            whole.told?.corrected
                == [15_000, 16_000].map { time in
                    .init(time: time, values: [LiveValue(number: 0, value: time == 15_000 ? 1 : 2)], gone: [])
                })
    }

    @Test("the bound on series counts those of one step; an earlier step beyond it stays as it was sent")
    func seriesOfEachStep() throws {
        let a = try labels(("s", "a"))
        let b = try labels(("s", "b"))
        var bench = try begun(a) { $0.seriesMax = 1 }
        bench.tick(15_000)
        guard case .evaluate(let asked)? = bench.takeWork() else { return #expect(Bool(false)) }
        let series = [
            SeriesColumns(labels: a, timestamps: [11_000, 12_000, 13_000], values: [1, 2, 1]),
            SeriesColumns(labels: b, timestamps: [13_000, 14_000, 15_000], values: [5, 5, 5]),
        ]
        bench.finish(asked, .success(Answer(.matrix(series))))
        guard case .broadcast(_, .data(let step))? = bench.sent().first else { return #expect(Bool(false)) }
        #expect(step.values == [LiveValue(number: 1, value: 5)])
        #expect(step.corrected.map(\.time) == [12_000, 14_000])
    }

    @Test("where several steps are too much for one question, the newest is evaluated alone", arguments: [0, 1])
    func tooMuch(kind: Int) throws {
        let a = try labels(("s", "a"))
        var bench = try begun(a)
        bench.tick(15_000)
        guard case .evaluate(let several)? = bench.takeWork() else { return #expect(Bool(false)) }
        #expect(several.stepsBefore == 4)
        bench.finish(several, .failure(APIFailure(kind == 0 ? .execution : .timeout, "too much")))
        guard case .evaluate(let alone)? = bench.takeWork() else { return #expect(Bool(false)) }
        #expect(alone.stepsBefore == 0 && alone.time == 15_000)
        let sample = VectorSample(labels: a, timestamp: 15_000, value: 3)
        bench.finish(alone, .success(Answer(.vector([sample]))))
        #expect(bench.sent() == [.broadcast([LiveConnectionID(number: 1)], step(1, 15_000, values: [(0, 3)]))])
        for second in Int64(16)...60 {
            let (asked, _) = try bench.second(second * 1_000, of: a) { _ in 1 }
            #expect(asked.stepsBefore == 0, "it tries later")
        }
        bench.tick(61_000)
        guard case .evaluate(let refused)? = bench.takeWork() else { return #expect(Bool(false)) }
        let failure = APIFailure(.execution, "too much")
        bench.finish(refused, .failure(failure))
        #expect(bench.sent().contains { if case .broadcast(_, .error) = $0 { true } else { false } })
    }

    @Test("corrections wait for the histories under way, so that who asked for one hears them too")
    func whileLoading() throws {
        let a = try labels(("s", "a"))
        var bench = try begun(a)
        let two = try bench.connect(2)
        bench.subscribe(two, "y", "x", now: 14_500)
        guard case .load(let load)? = bench.takeWork() else { return #expect(Bool(false)) }
        let late = { (time: Int64) -> Double? in time == 14_000 ? 7 : 1 }
        for second in Int64(15)...17 {
            let (asked, told) = try bench.second(second * 1_000, of: a, value: late)
            #expect(asked.stepsBefore == 0 && told?.corrected == [])
        }
        let history = SeriesColumns(labels: a, timestamps: [14_000], values: [1])
        bench.hub.loaded(load, .success(Answer(.matrix([history]))), into: &bench.effects)
        _ = bench.sent()
        bench.tick(18_000)
        guard case .evaluate(let asked)? = bench.takeWork() else { return #expect(Bool(false)) }
        #expect(asked.stepsBefore == 7)
        // A third asks while the correction is at work: it waits once more.
        let three = try bench.connect(3)
        bench.subscribe(three, "z", "x", now: 18_500)
        guard case .load(let another)? = bench.takeWork() else { return #expect(Bool(false)) }
        let series = SeriesColumns(
            labels: a, timestamps: (11...18).map { $0 * 1_000 }, values: [1, 1, 1, 7, 1, 1, 1, 1])
        bench.finish(asked, .success(Answer(.matrix([series]))))
        bench.hub.loaded(another, .success(Answer(.matrix([history]))), into: &bench.effects)
        let wasCorrected = bench.sent().contains { effect in
            if case .broadcast(_, .data(let step)) = effect { !step.corrected.isEmpty } else { false }
        }
        #expect(!wasCorrected)
        bench.tick(19_000)
        guard case .evaluate(let again)? = bench.takeWork() else { return #expect(Bool(false)) }
        #expect(again.stepsBefore == 8)
        bench.finish(
            again,
            .success(
                Answer(
                    .matrix([
                        SeriesColumns(
                            labels: a, timestamps: series.timestamps + [19_000], values: series.values + [1])
                    ]))))
        guard case .broadcast(let told, .data(let step))? = bench.sent().first else { return #expect(Bool(false)) }
        #expect(told == [1, 2, 3].map { LiveConnectionID(number: $0) })
        #expect(step.corrected == [.init(time: 14_000, values: [LiveValue(number: 0, value: 7)], gone: [])])
    }

    @Test("who was behind is told all series, and nothing of earlier steps whose series it may not know")
    func behind() throws {
        let a = try labels(("s", "a"))
        let b = try labels(("s", "b"))
        let slow = LiveConnectionID(number: 2)
        var bench = Bench()
        bench.subscribe(try bench.connect(1), "x", "x")
        bench.subscribe(try bench.connect(2), "x", "x")
        bench.answer([])
        _ = bench.sent()
        for second in Int64(11)...14 {
            if second == 14 { bench.backlog[slow] = LiveLimits().outboundBytesMax + 1 }
            _ = try bench.second(second * 1_000, of: a) { _ in 1 }
        }
        bench.backlog[slow] = 0
        bench.tick(15_000)
        guard case .evaluate(let asked)? = bench.takeWork() else { return #expect(Bool(false)) }
        let series = [
            SeriesColumns(
                labels: a, timestamps: [11_000, 12_000, 13_000, 14_000, 15_000], values: [1, 1, 1, 1, 1]),
            SeriesColumns(labels: b, timestamps: [14_000], values: [7]),
        ]
        bench.finish(asked, .success(Answer(.matrix(series))))
        let steps = bench.sent().compactMap { effect -> ([LiveConnectionID], LiveServerMessage.Step)? in
            if case .broadcast(let to, .data(let step)) = effect { (to, step) } else { nil }
        }
        #expect(steps.map(\.0) == [[LiveConnectionID(number: 1)], [slow]])
        #expect(steps.first?.1.corrected.map(\.time) == [14_000] && steps.first?.1.new.map(\.number) == [1])
        #expect(steps.last?.1.corrected == [] && steps.last?.1.new.map(\.number) == [0])
    }

    @Test("nothing is told of steps that are as they were sent, NaN included")
    func unchanged() throws {
        let a = try labels(("s", "a"))
        let (sent, _) = try run(
            "x", steps: [[(a, 1)], [(a, .nan)], [], [(a, 4)], []],
            later: [SeriesColumns(labels: a, timestamps: [11_000, 12_000, 14_000, 15_000], values: [1, .nan, 4, 5])])
        #expect(sent.contains { if case .broadcast(_, .data(let step)) = $0 { step.corrected.isEmpty } else { false } })
        #expect(
            !sent.contains { if case .broadcast(_, .data(let step)) = $0 { !step.corrected.isEmpty } else { false } })
    }

    @Test("an expression with @ is evaluated step by step alone: its start() and end() are those of one step")
    func pinned() throws {
        let (_, asked) = try run("x @ end()", steps: Array(repeating: [], count: 12), later: [])
        #expect(asked.allSatisfy { $0.stepsBefore == 0 })
    }
}

@Suite struct LiveSlowClients {
    @Test("frames for a slow client are dropped and counted, then it gets all series anew; others notice nothing")
    func dropped() throws {
        var bench = Bench()
        let fast = try bench.connect(1)
        let slow = try bench.connect(2)
        let a = try labels(("s", "a"))
        let b = try labels(("s", "b"))
        for id in [fast, slow] { bench.subscribe(id, "x") }
        bench.answer([(a, 0)])
        _ = bench.sent()
        bench.backlog[slow] = LiveLimits().outboundBytesMax + 1
        bench.tick(11_000)
        bench.answer([(a, 1), (b, 1)])
        bench.tick(12_000)
        bench.answer([(a, 2), (b, 2)])
        #expect(
            bench.sent() == [
                .broadcast([fast], step(1, 11_000, new: [(0, a), (1, b)], values: [(0, 1), (1, 1)])),
                .broadcast([fast], step(1, 12_000, values: [(0, 2), (1, 2)])),
            ])
        bench.backlog[slow] = 0
        bench.tick(13_000)
        bench.answer([(a, 3), (b, 3)])
        #expect(
            bench.sent() == [
                .send(slow, .dropped(key: 1, frames: 2)),
                .broadcast([fast], step(1, 13_000, values: [(0, 3), (1, 3)])),
                .broadcast([slow], step(1, 13_000, new: [(0, a), (1, b)], values: [(0, 3), (1, 3)])),
            ])
    }
}

@Suite struct LiveRefusals {
    @Test("what breaks a limit is refused by name, and nothing is kept of it")
    func limits() throws {
        var bench = Bench {
            $0.subscriptionsPerConnectionMax = 2
            $0.streamsMax = 3
            $0.queryBytesMax = 10
        }
        let one = try bench.connect(1)
        bench.subscribe(one, "")
        bench.subscribe(one, String(repeating: "x", count: 65))
        bench.subscribe(one, "a", "a query that is too long")
        bench.subscribe(one, "a", step: 499)
        bench.subscribe(one, "a", step: 3_600_001)
        bench.subscribe(one, "a", history: -1)
        bench.subscribe(one, "a", history: 3_600_001)
        #expect(bench.hub.counts.streams == 0)
        bench.subscribe(one, "a", "q1")
        bench.subscribe(one, "a", "q2")
        bench.subscribe(one, "b", "q2")
        bench.subscribe(one, "c", "q3")
        let two = try bench.connect(2)
        bench.subscribe(two, "a", "q3")
        bench.subscribe(two, "b", "q4")
        let errors = bench.effects.compactMap { effect -> APIFailure.Kind? in
            if case .send(_, .error(_, let failure, _)) = effect { failure.kind } else { nil }
        }
        #expect(errors == Array(repeating: .badData, count: 9) + [.unavailable])
        #expect(bench.hub.counts == (3, 3, 2))
    }

    @Test("a query that fails to load is refused with its place, and its name is free again")
    func failedLoad() throws {
        var bench = Bench()
        let one = try bench.connect(1)
        bench.subscribe(one, "a", "up{")
        guard case .load(let load)? = bench.takeWork() else { return #expect(Bool(false)) }
        let failure = APIFailure(.badData, "unexpected end", position: .init(offset: 3, length: 0))
        bench.hub.loaded(load, .failure(failure), into: &bench.effects)
        #expect(bench.sent() == [.send(one, .error(.subscription("a"), failure, query: "up{"))])
        #expect(bench.hub.counts == (0, 0, 1))
        bench.subscribe(one, "a", "up")
        #expect(bench.hub.counts == (1, 1, 1))
    }

    @Test("a step that fails is told with the stream's key, and the stream goes on")
    func failedStep() throws {
        var bench = Bench()
        let one = try bench.connect(1)
        bench.subscribe(one, "a")
        bench.answer([])
        _ = bench.sent()
        bench.tick(11_000)
        guard case .evaluate(let evaluation)? = bench.takeWork() else { return #expect(Bool(false)) }
        let failure = APIFailure(.timeout, "too slow")
        bench.finish(evaluation, .failure(failure))
        #expect(bench.sent() == [.broadcast([one], .error(.stream(1), failure, query: "up"))])
        bench.tick(12_000)
        bench.answer([(.empty, 1)])
        #expect(bench.sent() == [.broadcast([one], step(1, 12_000, new: [(0, .empty)], values: [(0, 1)]))])
    }

    @Test("too many series, and results that are no vector, are errors")
    func unsuitable() throws {
        var bench = Bench { $0.seriesMax = 1 }
        let one = try bench.connect(1)
        bench.subscribe(one, "a")
        bench.answer([(try labels(("s", "a")), 1), (try labels(("s", "b")), 1)])
        bench.subscribe(one, "a")
        guard case .load(let load)? = bench.takeWork() else { return #expect(Bool(false)) }
        bench.hub.loaded(load, .success(Answer(.string(timestamp: 0, value: "x"))), into: &bench.effects)
        let kinds = bench.sent().compactMap { effect -> APIFailure.Kind? in
            if case .send(_, .error(_, let failure, _)) = effect { failure.kind } else { nil }
        }
        #expect(kinds == [.execution, .badData])
    }

    @Test("who has gone while its history was fetched hears nothing")
    func goneMeanwhile() throws {
        var bench = Bench()
        let one = try bench.connect(1)
        bench.subscribe(one, "a")
        bench.hub.disconnected(one)
        bench.answer([])
        #expect(bench.sent().isEmpty)
        #expect(bench.hub.counts == (0, 0, 0))
    }

    @Test("a stop ends each subscription, sends everyone away, and takes nobody new")
    func stop() throws {
        var bench = Bench()
        let one = try bench.connect(1)
        bench.subscribe(one, "a")
        bench.answer([])
        _ = bench.sent()
        bench.hub.stopped(reason: "bye", into: &bench.effects)
        let late = try bench.connect(2)
        #expect(
            bench.sent() == [.send(one, .end(.subscription("a"), reason: "bye")), .goAway(one), .goAway(late)])
    }
}

@Suite struct LiveMessages {
    @Test("server messages are JSON as docs/live.md writes them")
    func encoding() throws {
        let up = try labels(("__name__", "up"))
        let series = LiveServerMessage.Series(
            number: 0, columns: .init(labels: up, timestamps: [1_763_000_299_000], values: [1]))
        let messages: [(LiveServerMessage, String)] = [
            (
                .subscribed(id: "a1", key: 7, step: 500, time: 1_763_000_300_500, series: [series], warnings: []),
                #"{"type":"subscribed","id":"a1","key":7,"step":0.500,"time":1763000300.500,"series":[{"s":0,"metric":{"__name__":"up"},"values":[[1763000299,"1"]]}],"warnings":[]}"#
            ),
            (
                step(7, 1_000, new: [(5, up)], values: [(0, 1.5), (5, .nan)], gone: [3, 4]),
                #"{"type":"data","key":7,"time":1,"new":[{"s":5,"metric":{"__name__":"up"}}],"values":[[0,"1.5"],[5,"NaN"]],"gone":[3,4]}"#
            ),
            (step(7, 1_000, values: []), #"{"type":"data","key":7,"time":1,"values":[]}"#),
            (
                .data(
                    .init(
                        key: 7, time: 5_000, new: [], values: [],
                        gone: [],
                        corrected: [
                            .init(time: 3_000, values: [LiveValue(number: 0, value: 2)], gone: [1]),
                            .init(time: 4_000, values: [], gone: [2]),
                        ], warnings: [])),
                #"{"type":"data","key":7,"time":5,"values":[],"corrected":[{"time":3,"values":[[0,"2"]],"gone":[1]},{"time":4,"values":[],"gone":[2]}]}"#
            ),
            (
                .error(
                    .subscription("a1"), APIFailure(.badData, "no", position: .init(offset: 4, length: 1)),
                    query: "sum(("),
                #"{"type":"error","id":"a1","errorType":"bad_data","error":"no","position":{"offset":4,"length":1}}"#
            ),
            (
                .error(.stream(7), APIFailure(.timeout, "t"), query: nil),
                #"{"type":"error","key":7,"errorType":"timeout","error":"t"}"#
            ),
            (
                .error(.message, APIFailure(.badData, "m"), query: nil),
                #"{"type":"error","errorType":"bad_data","error":"m"}"#
            ),
            (.dropped(key: 7, frames: 3), #"{"type":"dropped","key":7,"frames":3}"#),
            (.end(.subscription("a1"), reason: "bye"), #"{"type":"end","id":"a1","reason":"bye"}"#),
        ]
        for (message, expected) in messages { #expect(String(buffer: message.encoded()) == expected) }
    }

    @Test(
        "client messages are read with their defaults",
        arguments: [
            (
                #"{"type":"subscribe","id":"a","query":"up"}"#,
                LiveClientMessage.subscribe(id: "a", query: "up", step: 1_000, history: 0)
            ),
            (
                #"{"type":"subscribe","id":"a","query":"up","step":0.5,"history":300,"more":[1]}"#,
                .subscribe(id: "a", query: "up", step: 500, history: 300_000)
            ),
            (#"{"type":"unsubscribe","id":"a"}"#, .unsubscribe(id: "a")),
        ])
    func decoding(text: String, expected: LiveClientMessage) throws {
        #expect(try LiveClientMessage(decoding: .init(string: text)) == expected)
    }

    @Test(
        "anything else is bad data",
        arguments: [
            "", "x", "[]", "1", "{}", #"{"type":"subscribe"}"#, #"{"type":"subscribe","id":"a"}"#,
            #"{"type":"dance","id":"a"}"#,
            #"{"type":"subscribe","id":1,"query":"up"}"#, #"{"type":"subscribe","id":"a","query":"up","step":"1"}"#,
            #"{"type":"subscribe","id":"a","query":"up","step":1e300}"#, #"{"type":"unsubscribe"}"#,
            "{\"type\":\"unsub",
            String(repeating: "[", count: 50_000),
        ])
    func broken(text: String) {
        #expect(throws: APIFailure.self) { try LiveClientMessage(decoding: .init(string: text)) }
    }
}
