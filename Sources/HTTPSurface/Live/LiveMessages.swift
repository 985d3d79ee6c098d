import FoundationEssentials
package import MetricModel
package import NIOCore

/// What a client of `/api/v1/live` says; docs/live.md, "From the client".
package enum LiveClientMessage: Hashable, Sendable {
    /// Wants the values of an expression at every multiple of a step, and some of the past: milliseconds.
    case subscribe(id: String, query: String, step: Int64, history: Int64)
    /// Wants no more of a subscription.
    case unsubscribe(id: String)

    private struct Fields: Decodable {
        var type: String?
        var id: String?
        var query: String?
        var step: Double?
        var history: Double?
    }

    /// Reads one text message.
    ///
    /// - Throws: `bad_data` when it is not JSON, of unknown type, or a field is missing or of the wrong type.
    package init(decoding text: ByteBuffer) throws(APIFailure) {
        let fields: Fields
        do {
            fields = try JSONDecoder().decode(Fields.self, from: Data(text.readableBytesView))
        } catch {
            throw APIFailure(.badData, "the message is not a JSON object with the fields of docs/live.md")
        }
        switch (fields.type, fields.id) {
        case ("subscribe", let id?):
            guard let query = fields.query else { throw APIFailure(.badData, "subscribe: \"query\" is missing") }
            self = .subscribe(
                id: id, query: query, step: try LiveClientMessage.milliseconds(fields.step ?? 1, "step"),
                history: try LiveClientMessage.milliseconds(fields.history ?? 0, "history"))
        case ("unsubscribe", let id?): self = .unsubscribe(id: id)
        case ("subscribe", nil), ("unsubscribe", nil): throw APIFailure(.badData, "\"id\" is missing")
        case (let type?, _): throw APIFailure(.badData, "unknown message type \"\(type.prefix(40))\"")
        case (nil, _): throw APIFailure(.badData, "\"type\" is missing")
        }
    }

    private static func milliseconds(_ seconds: Double, _ name: String) throws(APIFailure) -> Int64 {
        guard let milliseconds = Int64(exactly: (seconds * 1_000).rounded()) else {
            throw APIFailure(.badData, "\"\(name)\" is not a number of seconds")
        }
        return milliseconds
    }
}

/// What the server says; docs/live.md, "From the server". Times are Unix milliseconds here.
package enum LiveServerMessage: Equatable, Sendable {
    /// One series and its number in the stream.
    package struct Series: Equatable, Sendable {
        /// Number in the stream.
        package var number: Int
        /// Its labels and, in a snapshot, its points.
        package var columns: SeriesColumns

        /// A series under its number.
        package init(number: Int, columns: SeriesColumns) {
            self.number = number
            self.columns = columns
        }
    }

    /// An earlier step of a stream, as far as it is not what was sent: samples came late.
    package struct Correction: Equatable, Sendable {
        /// The step.
        package var time: Int64
        /// The series whose value at the step is new or another, by number.
        package var values: [LiveValue]
        /// Numbers of series that have no value at the step any more.
        package var gone: [Int]

        /// What became of the step at `time`.
        package init(time: Int64, values: [LiveValue], gone: [Int]) {
            self.time = time
            self.values = values
            self.gone = gone
        }
    }

    /// One step of a stream.
    package struct Step: Equatable, Sendable {
        /// The stream.
        package var key: Int
        /// The step evaluated.
        package var time: Int64
        /// Series that a reader of the step before does not know; without points.
        package var new: [Series]
        /// Every series with a value, by number.
        package var values: [LiveValue]
        /// Numbers of series that had a value at the step before.
        package var gone: [Int]
        /// Earlier steps that are not what was sent, ascending.
        package var corrected: [Correction]
        /// What is missing from the step.
        package var warnings: [String]

        /// One step of the stream `key`.
        package init(
            key: Int, time: Int64, new: [Series], values: [LiveValue], gone: [Int], corrected: [Correction] = [],
            warnings: [String]
        ) {
            self.key = key
            self.time = time
            self.new = new
            self.values = values
            self.gone = gone
            self.corrected = corrected
            self.warnings = warnings
        }
    }

    /// What an error or an end is about.
    package enum Subject: Hashable, Sendable {
        /// One subscription, by the client's name for it.
        case subscription(String)
        /// All of the connection's subscriptions of a stream.
        case stream(Int)
        /// A message that was not understood.
        case message
    }

    /// The answer to `subscribe`.
    case subscribed(id: String, key: Int, step: Int64, time: Int64, series: [Series], warnings: [String])
    /// One step.
    case data(Step)
    /// A failure; `query` is the text that its position is in.
    case error(Subject, APIFailure, query: String?)
    /// Data frames were left out.
    case dropped(key: Int, frames: Int)
    /// A subscription is over without the client's asking.
    case end(Subject, reason: String)

    /// The message as JSON.
    package func encoded() -> ByteBuffer {
        var text = JSONText()
        switch self {
        case .subscribed(let id, let key, let step, let time, let series, let warnings):
            text.raw("{\"type\":\"subscribed\",\"id\":")
            text.string(id)
            text.raw(",\"key\":\(key),\"step\":")
            text.time(step)
            text.raw(",\"time\":")
            text.time(time)
            text.raw(",\"series\":[")
            text.series(series, withPoints: true)
            text.raw("],\"warnings\":")
            text.array(warnings)
        case .data(let step): text.fields(of: step)
        case .error(let subject, let failure, let query):
            text.raw("{\"type\":\"error\"")
            text.subject(subject)
            text.raw(",\"errorType\":")
            text.string(failure.kind.rawValue)
            text.raw(",\"error\":")
            text.string(failure.message)
            if let position = failure.position, let query { text.position(position, in: query) }
        case .dropped(let key, let frames):
            text.raw("{\"type\":\"dropped\",\"key\":\(key),\"frames\":\(frames)")
        case .end(let subject, let reason):
            text.raw("{\"type\":\"end\"")
            text.subject(subject)
            text.raw(",\"reason\":")
            text.string(reason)
        }
        text.raw("}")
        return ByteBuffer(bytes: text.bytes)
    }
}

/// What one series has at one step.
package struct LiveValue: Equatable, Sendable {
    /// The series' number in the stream.
    package var number: Int
    /// What it has.
    package var content: LiveContent

    /// What the series `number` has.
    package init(number: Int, content: LiveContent) {
        self.number = number
        self.content = content
    }

    /// A number of the series `number`.
    package init(number: Int, value: Double) {
        self.init(number: number, content: .number(value))
    }
}

extension JSONText {
    fileprivate mutating func fields(of step: LiveServerMessage.Step) {
        raw("{\"type\":\"data\",\"key\":\(step.key),\"time\":")
        time(step.time)
        if !step.new.isEmpty {
            raw(",\"new\":[")
            series(step.new, withPoints: false)
            raw("]")
        }
        values(step.values, gone: step.gone)
        for (index, correction) in step.corrected.enumerated() {
            raw(index == 0 ? ",\"corrected\":[{\"time\":" : ",{\"time\":")
            time(correction.time)
            values(correction.values, gone: correction.gone)
            raw("}")
        }
        if !step.corrected.isEmpty { raw("]") }
        if !step.warnings.isEmpty {
            raw(",\"warnings\":")
            array(step.warnings)
        }
    }

    private mutating func values(_ values: [LiveValue], gone: [Int]) {
        raw(",\"values\":[")
        var separator = "["
        for item in values {
            guard case .number(let number) = item.content else { continue }
            raw(separator)
            integer(item.number)
            raw(",")
            value(number)
            raw("]")
            separator = ",["
        }
        raw("]")
        separator = ",\"histograms\":[["
        for item in values {
            guard case .histogram(let histogram) = item.content else { continue }
            raw(separator)
            integer(item.number)
            raw(",")
            self.histogram(histogram)
            raw("]")
            separator = ",["
        }
        if separator == ",[" { raw("]") }
        if !gone.isEmpty { raw(",\"gone\":[" + gone.map(String.init).joined(separator: ",") + "]") }
    }

    fileprivate mutating func series(_ list: [LiveServerMessage.Series], withPoints: Bool) {
        for (index, series) in list.enumerated() {
            raw(index == 0 ? "{\"s\":" : ",{\"s\":")
            integer(series.number)
            raw(",\"metric\":")
            object(series.columns.labels)
            if withPoints {
                raw(",\"values\":")
                points(series.columns)
                if !series.columns.histograms.isEmpty {
                    raw(",\"histograms\":")
                    points(series.columns.histograms)
                }
            }
            raw("}")
        }
    }

    fileprivate mutating func subject(_ subject: LiveServerMessage.Subject) {
        switch subject {
        case .subscription(let id):
            raw(",\"id\":")
            string(id)
        case .stream(let key): raw(",\"key\":\(key)")
        case .message: break
        }
    }
}
