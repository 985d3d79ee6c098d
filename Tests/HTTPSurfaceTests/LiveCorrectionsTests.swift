import HTTPSurface
import MetricModel
import NIOCore
import Testing

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

    @Test("what comes late for steps of a history is put right as for steps that were sent; older ones are left")
    func history() throws {
        let a = try labels(("s", "a"))
        let b = try labels(("s", "b"))
        var bench = Bench()
        bench.subscribe(try bench.connect(1), "x", "x", history: 12_000, now: 20_500)
        guard case .load(let load)? = bench.takeWork() else { return #expect(Bool(false)) }
        #expect(load.start == 8_000 && load.end == 20_000)
        let times = stride(from: Int64(8_000), through: 20_000, by: 1_000).map(\.self)
        let told = SeriesColumns(labels: a, timestamps: times, values: times.map { _ in 1 })
        bench.hub.loaded(load, .success(Answer(.matrix([told]))), into: &bench.effects)
        var corrected: [LiveServerMessage.Correction] = []
        var new: [LiveServerMessage.Series] = []
        for now in stride(from: Int64(21_000), through: 25_000, by: 1_000) {
            _ = bench.sent()
            bench.tick(now)
            guard case .evaluate(let asked)? = bench.takeWork() else { return #expect(Bool(false)) }
            if asked.stepsBefore == 0 {
                let sample = VectorSample(labels: a, timestamp: now, value: 1)
                bench.finish(asked, .success(Answer(.vector([sample]))))
                continue
            }
            #expect(asked.start == 16_000)
            let steps = stride(from: asked.start, through: now, by: 1_000).map(\.self)
            let later = SeriesColumns(labels: a, timestamps: steps, values: steps.map { $0 == 18_000 ? 2 : 1 })
            let other = SeriesColumns(labels: b, timestamps: [19_000], values: [3])
            bench.finish(asked, .success(Answer(.matrix([later, other]))))
            guard case .broadcast(_, .data(let step))? = bench.sent().first else { return #expect(Bool(false)) }
            corrected = step.corrected
            new = step.new
        }
        #expect(
            corrected == [
                .init(time: 18_000, values: [LiveValue(number: 0, value: 2)], gone: []),
                .init(time: 19_000, values: [LiveValue(number: 1, value: 3)], gone: []),
            ])
        #expect(new.map(\.columns.labels) == [b])
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
            var shown: [Int64: LiveContent] = [:]
            for now in 1...target + lateness + 5 {
                let (_, told) = try bench.second(10_000 + now * 1_000, of: a) { time in
                    now > target + lateness && time == 10_000 + target * 1_000 ? 9 : 1
                }
                let step = try #require(told)
                shown[step.time] = step.values.first?.content
                for correction in step.corrected {
                    #expect(correction.time == 10_000 + target * 1_000)
                    shown[correction.time] = correction.values.first?.content
                }
            }
            let wrong = shown.filter { $0.value != .number($0.key == 10_000 + target * 1_000 ? 9 : 1) }
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
