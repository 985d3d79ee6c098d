import HTTPSurface
import MetricModel
import NIOCore
import Testing

/// A hub with the shorthand of its tests: what was asked of it, what it wants done.
struct Bench {
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

func step(
    _ key: Int, _ time: Int64, new: [(Int, Labels)] = [], values: [(Int, Double)], gone: [Int] = []
) -> LiveServerMessage {
    .data(
        .init(
            key: key, time: time,
            new: new.map { .init(number: $0.0, columns: .init(labels: $0.1, timestamps: [], values: [])) },
            values: values.map { LiveValue(number: $0.0, value: $0.1) }, gone: gone, warnings: []))
}
