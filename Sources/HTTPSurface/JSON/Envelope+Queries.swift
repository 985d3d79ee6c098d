extension Envelope {
    /// Queries at work and slow ones; times in Unix seconds, durations in seconds.
    static func queries(
        atWork: [(number: UInt64, entry: QueryBoard.Entry)], slowest: [FinishedQuery], now: Int64
    ) -> JSONChunks {
        fixed { text in
            text.raw("\"atWork\":[")
            for (place, query) in atWork.enumerated() {
                text.raw(place == 0 ? "{\"id\":\(query.number)," : ",{\"id\":\(query.number),")
                text.members(of: query.entry.question)
                text.raw(query.entry.began == nil ? ",\"state\":\"waiting\"" : ",\"state\":\"running\"")
                text.time(",\"came\":", query.entry.came)
                text.time(",\"seconds\":", now - query.entry.came)
                text.raw("}")
            }
            text.raw("],\"slowest\":[")
            for (place, query) in slowest.enumerated() {
                text.raw(place == 0 ? "{" : ",{")
                text.members(of: query.question)
                text.time(",\"came\":", query.came)
                text.time(",\"waitedSeconds\":", query.waited)
                text.time(",\"seconds\":", query.took)
                text.raw(",\"failure\":")
                if let failure = query.failure { text.string(failure) } else { text.raw("null") }
                text.raw("}")
            }
            text.raw("]")
        }
    }
}

extension JSONText {
    fileprivate mutating func members(of question: Question) {
        raw("\"kind\":")
        string(question.kind)
        raw(",\"query\":")
        string(question.text)
        if let start = question.start { time(",\"start\":", start) }
        if let end = question.end { time(",\"end\":", end) }
        if let step = question.step { time(",\"step\":", step) }
    }

    /// A member whose value is milliseconds, shown as seconds.
    fileprivate mutating func time(_ name: String, _ milliseconds: Int64) {
        raw(name)
        time(milliseconds)
    }
}
