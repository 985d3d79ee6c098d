import MetricModel

/// What makes two subscriptions one stream: tenant, query text to the byte, step.
struct LiveStreamName: Hashable, Sendable {
    let tenant: TenantID
    /// UTF-8 of the query: two `String`s can be equal and hold different bytes.
    let queryBytes: [UInt8]
    let step: Int64

    init(tenant: TenantID, query: String, step: Int64) {
        self.tenant = tenant
        queryBytes = Array(query.utf8)
        self.step = step
    }

    var query: String { String(decoding: queryBytes, as: UTF8.self) }
}

/// One shared evaluation: who listens, which series have which numbers, and what was sent last.
///
/// Series numbers: a number belongs to one label set while the stream lives. A series that goes keeps its number and is
/// told again, under `new`, when it comes back, so that those who came in between know it too.
struct LiveStream: Sendable {
    /// One connection that listens.
    struct Listener: Sendable {
        /// The client's names for it.
        var ids: Set<String> = []
        /// The histories under way, by the client's names.
        var loading: [String: LiveLoad] = [:]
        /// Whether a snapshot was sent, so that data frames mean something to it.
        var isReady = false
        /// Data frames not sent since the last one sent.
        var framesDropped = 0
    }

    private struct Entry {
        var number: Int
        /// Had a value at the last step.
        var isPresent = false
    }

    private struct RecentStep {
        var time: Int64
        var samples: [LiveSample]
        /// Those of its samples.
        let points: Int
    }

    let name: LiveStreamName
    var listeners: [LiveConnectionID: Listener] = [:]
    /// The last step that was given out for evaluation.
    var lastDue: Int64
    /// Whether a step is being evaluated or waits for it.
    var isEvaluating = false

    private var entries: [Labels: Entry] = [:]
    private var nextNumber = 0
    /// The steps after the end of the oldest history under way, ascending.
    private var recent: [RecentStep] = []
    /// The newest step that `recent` had no room for.
    private var forgottenTime: Int64?
    /// The last steps sent, ascending, as they are known to the listeners.
    private var sent: [(time: Int64, values: [LiveValue])] = []
    private var stepsUncorrected = 0
    private let isCorrectable: Bool

    /// Every so many steps, the newest is evaluated together with steps before it.
    private static let correctionPeriod = 5
    /// How many before it: a sample that comes four steps late is in time for the next correction, whatever the phase.
    private static let stepsCorrected = 9
    /// Steps until the next try where the steps before could not be evaluated.
    private static let pauseAfterFailure = 60

    init(name: LiveStreamName, now: Int64) {
        self.name = name
        // `@ start()` is another time in a range of steps.
        isCorrectable = !name.queryBytes.contains(UInt8(ascii: "@"))
        lastDue = LiveStream.floor(now, to: name.step)
    }

    /// The greatest multiple of `step` that is not after `time`.
    static func floor(_ time: Int64, to step: Int64) -> Int64 {
        let remainder = time % step
        return time - (remainder < 0 ? remainder + step : remainder)
    }

    /// Whether the history of a subscription is under way.
    var isLoading: Bool { listeners.values.contains { !$0.loading.isEmpty } }

    /// How many of the steps before are to be evaluated with the one that is due: none at most times, and none that was not sent.
    ///
    /// It waits for histories under way: who hears nothing yet would never hear what was put right meanwhile.
    mutating func stepsToCorrect(before due: Int64) -> Int {
        stepsUncorrected += 1
        guard isCorrectable, stepsUncorrected >= LiveStream.correctionPeriod, !isLoading,
            let oldest = sent.first?.time, oldest < due
        else { return 0 }
        stepsUncorrected = 0
        return Int(min(Int64(LiveStream.stepsCorrected), (due - oldest) / name.step))
    }

    /// What the steps before are could not be told to all: the next step tries again.
    mutating func correctSoon() { stepsUncorrected = LiveStream.correctionPeriod }

    /// The steps before are too much for one question.
    mutating func correctLater() { stepsUncorrected = -LiveStream.pauseAfterFailure }

    /// Takes a step's result and says what changed since the step before.
    ///
    /// Beyond twice `limits.seriesMax` numbers, those of absent series are forgotten. While histories load, steps are kept
    /// for their snapshots, up to `limits.snapshotPointsMax` values.
    mutating func advance(
        key: Int, time: Int64, samples: [LiveSample], warnings: [String], limits: LiveLimits
    ) -> LiveServerMessage.Step {
        var values: [LiveValue] = []
        values.reserveCapacity(samples.count)
        var new: [LiveServerMessage.Series] = []
        var wasPresent = Set(entries.lazy.filter { $0.value.isPresent }.map { $0.value.number })
        for sample in samples {
            let number = number(of: sample.labels)
            if wasPresent.remove(number) == nil {
                entries[sample.labels]?.isPresent = true
                new.append(.init(number: number, columns: .init(labels: sample.labels, timestamps: [], values: [])))
            }
            values.append(LiveValue(number: number, content: sample.content))
        }
        if !wasPresent.isEmpty {
            for (labels, entry) in entries where wasPresent.contains(entry.number) {
                entries[labels]?.isPresent = false
            }
        }
        if entries.count > 2 * limits.seriesMax { entries = entries.filter { $0.value.isPresent } }
        values.sort { $0.number < $1.number }
        new.sort { $0.number < $1.number }
        keep(time, samples, pointsMax: limits.snapshotPointsMax)
        if isCorrectable {
            sent.removeAll { $0.time >= time }
            sent.append((time, values))
            // The new one, too.
            sent.removeFirst(max(0, sent.count - LiveStream.stepsCorrected - 1))
        }
        return .init(key: key, time: time, new: new, values: values, gone: wasPresent.sorted(), warnings: warnings)
    }

    /// Takes what earlier steps are now, ascending, and says which are not what was sent, and the labels of series in them that are absent at
    /// the newest step: a listener may not know them. No history may be under way.
    mutating func correct(
        _ steps: [(time: Int64, samples: [LiveSample])]
    ) -> (corrections: [LiveServerMessage.Correction], strangers: [LiveServerMessage.Series]) {
        var corrections: [LiveServerMessage.Correction] = []
        var strangers: [Int: Labels] = [:]
        for step in steps {
            guard let index = sent.firstIndex(where: { $0.time == step.time }) else { continue }
            var values: [LiveValue] = []
            for sample in step.samples {
                let number = number(of: sample.labels)
                values.append(LiveValue(number: number, content: sample.content))
                if entries[sample.labels]?.isPresent != true { strangers[number] = sample.labels }
            }
            values.sort { $0.number < $1.number }
            let correction = LiveStream.difference(sent[index].values, values, at: step.time)
            if correction.values.isEmpty, correction.gone.isEmpty { continue }
            corrections.append(correction)
            sent[index].values = values
        }
        if corrections.isEmpty { return ([], []) }
        let series = strangers.sorted { $0.key < $1.key }.map {
            LiveServerMessage.Series(number: $0.key, columns: .init(labels: $0.value, timestamps: [], values: []))
        }
        return (corrections, series)
    }

    /// Both by number.
    private static func difference(
        _ old: [LiveValue], _ new: [LiveValue], at time: Int64
    ) -> LiveServerMessage.Correction {
        var correction = LiveServerMessage.Correction(time: time, values: [], gone: [])
        var rest = old[...]
        for value in new {
            while let first = rest.first, first.number < value.number {
                correction.gone.append(first.number)
                rest.removeFirst()
            }
            if rest.first?.number == value.number {
                if rest.removeFirst() != value { correction.values.append(value) }
            } else {
                correction.values.append(value)
            }
        }
        correction.gone += rest.map(\.number)
        return correction
    }

    private mutating func keep(_ time: Int64, _ samples: [LiveSample], pointsMax: Int) {
        guard let end = listeners.values.lazy.flatMap(\.loading.values).map(\.end).min() else {
            recent = []
            forgottenTime = nil
            return
        }
        // Where the clock was set back, the newer result of a step counts.
        recent.removeAll { $0.time <= end || $0.time >= time }
        if time > end {
            let points = samples.reduce(0) { $0 + $1.content.points }
            recent.append(RecentStep(time: time, samples: samples, points: points))
        }
        var points = recent.reduce(0) { $0 + $1.points }
        while points > pointsMax {
            let oldest = recent.removeFirst()
            points -= oldest.points
            forgottenTime = oldest.time
        }
    }

    /// Every series with a value at the last step, without points, by number.
    func presentSeries() -> [LiveServerMessage.Series] {
        entries.filter { $0.value.isPresent }
            .map { .init(number: $0.value.number, columns: .init(labels: $0.key, timestamps: [], values: [])) }
            .sorted { $0.number < $1.number }
    }

    /// A new listener's snapshot: its own history, and every step sent to others while it was loaded.
    ///
    /// `start` and `end` are the first and the last step of `history`. Gives the series by number, and the last step that they cover; nil when there
    /// was no room to keep a step in between.
    mutating func snapshot(
        _ history: [SeriesColumns], start: Int64, end: Int64
    ) -> (series: [LiveServerMessage.Series], time: Int64)? {
        if let forgottenTime, forgottenTime > end { return nil }
        if isCorrectable, start < end { remember(history, from: start, to: end) }
        var series: [Int: SeriesColumns] = [:]
        for columns in history { series[number(of: columns.labels)] = columns }
        for present in presentSeries() where series[present.number] == nil { series[present.number] = present.columns }
        var time = end
        for step in recent where step.time > end {
            time = step.time
            for sample in step.samples {
                let number = number(of: sample.labels)
                let none = SeriesColumns(labels: sample.labels, timestamps: [], values: [])
                switch sample.content {
                case .number(let value):
                    series[number, default: none].timestamps.append(time)
                    series[number]?.values.append(value)
                case .histogram(let histogram):
                    series[number, default: none].histograms.append(timestamp: time, histogram)
                }
            }
        }
        let sorted = series.sorted { $0.key < $1.key }.map {
            LiveServerMessage.Series(number: $0.key, columns: $0.value)
        }
        return (sorted, time)
    }

    /// The last steps of a history are sent with it: what is before the steps that others got is corrected like these.
    private mutating func remember(_ history: [SeriesColumns], from start: Int64, to end: Int64) {
        let first = max(start, (sent.last?.time ?? end) - Int64(LiveStream.stepsCorrected) * name.step)
        let next = min(sent.first?.time ?? .max, end + name.step)
        var steps: [Int64: [LiveValue]] = [:]
        for time in stride(from: first, to: next, by: Int64.Stride(name.step)) { steps[time] = [] }
        if steps.isEmpty { return }
        for columns in history {
            let number = number(of: columns.labels)
            for (index, time) in columns.timestamps.enumerated().reversed() {
                if time < first { break }
                steps[time]?.append(LiveValue(number: number, content: .number(columns.values[index])))
            }
            for (index, time) in columns.histograms.timestamps.enumerated().reversed() {
                if time < first { break }
                steps[time]?.append(LiveValue(number: number, content: .histogram(columns.histograms.values[index])))
            }
        }
        let known = steps.sorted { $0.key < $1.key }.map { ($0.key, $0.value.sorted { $0.number < $1.number }) }
        sent.insert(contentsOf: known, at: 0)
    }

    private mutating func number(of labels: Labels) -> Int {
        if let entry = entries[labels] { return entry.number }
        let number = nextNumber
        entries[labels] = Entry(number: number)
        nextNumber += 1
        return number
    }
}
