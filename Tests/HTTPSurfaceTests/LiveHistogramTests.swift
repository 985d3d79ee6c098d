import HTTPSurface
import MetricModel
import NIOCore
import Testing

@Suite("Live queries with native histograms")
struct LiveHistogramTests {
    private let a: Labels
    private let b: Labels

    init() throws {
        a = try labels(("i", "a"))
        b = try labels(("i", "b"))
    }

    private func buckets(_ count: Int) -> NativeHistogram {
        NativeHistogram(
            schema: 0, count: Double(count), sum: 1,
            positive: .init(
                spans: [.init(offset: 0, length: UInt32(count))], counts: Array(repeating: 1, count: count))
        )
    }

    /// A bench with one subscription, whose history has a histogram of `a` and a number of `b`.
    private func subscribed(
        _ change: (inout LiveLimits) -> Void = { _ in }
    ) throws -> (bench: Bench, snapshot: [LiveEffect]) {
        var bench = Bench(change)
        let id = try bench.connect(1)
        bench.subscribe(id, "s", history: 2_000)
        guard case .load(let load)? = bench.takeWork() else {
            throw APIFailure(.internalFault, "nothing to load")
        }
        let history = [
            SeriesColumns(
                labels: a, timestamps: [load.end - 1_000], values: [4],
                histograms: HistogramColumns(timestamps: [load.end], values: [buckets(2)])),
            SeriesColumns(labels: b, timestamps: [load.end], values: [5]),
        ]
        bench.hub.loaded(load, .success(Answer(.matrix(history))), into: &bench.effects)
        let snapshot = bench.sent()
        return (bench, snapshot)
    }

    private func evaluate(_ bench: inout Bench, _ time: Int64, _ samples: [VectorSample]) throws
        -> [LiveEffect]
    {
        bench.tick(time)
        guard case .evaluate(let asked)? = bench.takeWork() else {
            throw APIFailure(.internalFault, "nothing is due")
        }
        bench.finish(asked, .success(Answer(.vector(samples))))
        return bench.sent()
    }

    @Test("a snapshot and each step have them beside the numbers, in the API's form")
    func sent() throws {
        var (bench, snapshot) = try subscribed()
        guard case .send(_, let message)? = snapshot.first else {
            Issue.record("no snapshot")
            return
        }
        #expect(
            message.encoded().getString(at: 0, length: message.encoded().readableBytes)
                == #"{"type":"subscribed","id":"s","key":1,"step":1,"time":10,"series":[{"s":0,"metric":{"i":"a"},"values":[[9,"4"]],"#
                + #""histograms":[[10,{"count":"2","sum":"1","buckets":[[0,"0.5","1","1"],[0,"1","2","1"]]}]]},"#
                + #"{"s":1,"metric":{"i":"b"},"values":[[10,"5"]]}],"warnings":[]}"#)
        let told = try evaluate(
            &bench, 11_000,
            [
                VectorSample(labels: a, timestamp: 11_000, value: 0, histogram: buckets(1)),
                VectorSample(labels: b, timestamp: 11_000, value: 6),
            ])
        guard case .broadcast(_, let step)? = told.first else {
            Issue.record("no step")
            return
        }
        let text = step.encoded()
        #expect(
            text.getString(at: 0, length: text.readableBytes)
                == #"{"type":"data","key":1,"time":11,"new":[{"s":0,"metric":{"i":"a"}},{"s":1,"metric":{"i":"b"}}],"values":[[1,"6"]],"#
                + #""histograms":[[0,{"count":"1","sum":"1","buckets":[[0,"0.5","1","1"]]}]]}"#)
    }

    @Test("who subscribes later gets those of the steps sent meanwhile")
    func later() throws {
        var (bench, _) = try subscribed()
        let second = try bench.connect(2)
        bench.subscribe(second, "t", now: 10_500)
        guard case .load(let load)? = bench.takeWork() else {
            throw APIFailure(.internalFault, "nothing to load")
        }
        _ = try evaluate(
            &bench, 11_000, [VectorSample(labels: a, timestamp: 11_000, value: 0, histogram: buckets(1))])
        bench.hub.loaded(load, .success(Answer(.matrix([]))), into: &bench.effects)
        guard case .send(second, .subscribed(_, _, _, 11_000, let series, _))? = bench.sent().first
        else {
            Issue.record("no snapshot")
            return
        }
        #expect(
            series.map(\.columns.histograms) == [
                HistogramColumns(timestamps: [11_000], values: [buckets(1)])
            ])
    }

    @Test("a late sample that makes another histogram corrects its step")
    func corrected() throws {
        var (bench, _) = try subscribed()
        for time in stride(from: Int64(11_000), through: 14_000, by: 1_000) {
            _ = try evaluate(
                &bench, time, [VectorSample(labels: a, timestamp: time, value: 0, histogram: buckets(1))])
        }
        bench.tick(15_000)
        guard case .evaluate(let asked)? = bench.takeWork(), asked.stepsBefore == 7 else {
            Issue.record("no correction is due")
            return
        }
        let times = (10...15).map { Int64($0) * 1_000 }
        let histograms = HistogramColumns(
            timestamps: times, values: times.map { buckets($0 == 10_000 ? 2 : $0 == 13_000 ? 3 : 1) })
        // The history is as it was.
        let columns = SeriesColumns(labels: a, timestamps: [9_000], values: [4], histograms: histograms)
        let other = SeriesColumns(labels: b, timestamps: [10_000], values: [5])
        bench.finish(asked, .success(Answer(.matrix([columns, other]))))
        guard case .broadcast(_, .data(let step))? = bench.sent().first else {
            Issue.record("no step")
            return
        }
        #expect(step.values == [LiveValue(number: 0, content: .histogram(buckets(1)))])
        let correction = LiveValue(number: 0, content: .histogram(buckets(3)))
        #expect(step.corrected == [.init(time: 13_000, values: [correction], gone: [])])
    }

    @Test("a step and a history of too many buckets are refused by the name of the limit")
    func limits() throws {
        var (bench, _) = try subscribed { $0.stepPointsMax = 50 }
        let sample = { VectorSample(labels: a, timestamp: 11_000, value: 0, histogram: buckets($0)) }
        guard
            case .broadcast(_, .error(_, let failure, _))? = try evaluate(&bench, 11_000, [sample(25)])
                .first
        else {
            Issue.record("no error")
            return
        }
        #expect(
            failure.kind == .execution
                && failure.message.contains("52 points, over 50 (live_step_points_max)"))
        // 24 buckets are 50 points, and the stream goes on.
        guard case .broadcast(_, .data)? = try evaluate(&bench, 12_000, [sample(24)]).first else {
            Issue.record("no step")
            return
        }
        let refusal = try subscribed { $0.snapshotPointsMax = 7 }
        guard case .send(_, .error(_, let refused, _))? = refusal.snapshot.first else {
            Issue.record("no error")
            return
        }
        #expect(refused.message.contains("8 points, over 7 (live_snapshot_points_max)"))
    }
}
