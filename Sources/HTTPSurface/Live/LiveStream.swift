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

    let name: LiveStreamName
    var listeners: [LiveConnectionID: Listener] = [:]
    /// The last step that was given out for evaluation.
    var lastDue: Int64
    /// Whether a step is being evaluated or waits for it.
    var isEvaluating = false

    private var entries: [Labels: Entry] = [:]
    private var nextNumber = 0
    private var lastTime: Int64?
    private var lastValues: [LiveValue] = []

    init(name: LiveStreamName, now: Int64) {
        self.name = name
        lastDue = LiveStream.floor(now, to: name.step)
    }

    /// The greatest multiple of `step` that is not after `time`.
    static func floor(_ time: Int64, to step: Int64) -> Int64 {
        let remainder = time % step
        return time - (remainder < 0 ? remainder + step : remainder)
    }

    /// Takes a step's result and says what changed since the step before.
    ///
    /// Beyond twice `seriesMax` numbers, those of absent series are forgotten.
    mutating func advance(
        key: Int, time: Int64, samples: [(labels: Labels, value: Double)], warnings: [String], seriesMax: Int
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
            values.append(LiveValue(number: number, value: sample.value))
        }
        if !wasPresent.isEmpty {
            for (labels, entry) in entries where wasPresent.contains(entry.number) {
                entries[labels]?.isPresent = false
            }
        }
        if entries.count > 2 * seriesMax { entries = entries.filter { $0.value.isPresent } }
        values.sort { $0.number < $1.number }
        new.sort { $0.number < $1.number }
        lastTime = time
        lastValues = values
        return .init(key: key, time: time, new: new, values: values, gone: wasPresent.sorted(), warnings: warnings)
    }

    /// Every series with a value at the last step, without points, by number.
    func presentSeries() -> [LiveServerMessage.Series] {
        entries.filter { $0.value.isPresent }
            .map { .init(number: $0.value.number, columns: .init(labels: $0.key, timestamps: [], values: [])) }
            .sorted { $0.number < $1.number }
    }

    /// A new listener's snapshot: its own history, and the last step sent to others meanwhile.
    ///
    /// `end` is the last step of `history`. Gives the series by number, and the last step that they cover.
    mutating func snapshot(_ history: [SeriesColumns], end: Int64) -> (series: [LiveServerMessage.Series], time: Int64)
    {
        var series: [Int: SeriesColumns] = [:]
        for columns in history { series[number(of: columns.labels)] = columns }
        for present in presentSeries() where series[present.number] == nil { series[present.number] = present.columns }
        var time = end
        if let lastTime, lastTime > end {
            time = lastTime
            for value in lastValues {
                series[value.number]?.timestamps.append(lastTime)
                series[value.number]?.values.append(value.value)
            }
        }
        let sorted = series.sorted { $0.key < $1.key }.map {
            LiveServerMessage.Series(number: $0.key, columns: $0.value)
        }
        return (sorted, time)
    }

    private mutating func number(of labels: Labels) -> Int {
        if let entry = entries[labels] { return entry.number }
        let number = nextNumber
        entries[labels] = Entry(number: number)
        nextNumber += 1
        return number
    }
}
