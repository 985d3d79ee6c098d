import HTTPSurface
import MetricModel
import NIOCore
import Testing

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
