package import MetricModel

/// The bodies of the query API: Prometheus' envelope round each kind of answer.
package enum Envelope {
    /// An instant or range result.
    package static func query(_ answer: Answer<QueryData>) -> JSONChunks {
        let end = "}" + ending(answer.warnings)
        switch answer.value {
        case .scalar(let timestamp, let value):
            return single("scalar", end) { text in text.point(time: timestamp, value: value) }
        case .string(let timestamp, let value):
            return single("string", end) { text in
                text.raw("[")
                text.time(timestamp)
                text.raw(",")
                text.string(value)
                text.raw("]")
            }
        case .vector(let samples):
            return result("vector", count: samples.count, end) { index, text in
                text.raw("{\"metric\":")
                text.object(samples[index].labels)
                text.raw(",\"value\":")
                text.point(time: samples[index].timestamp, value: samples[index].value)
                text.raw("}")
            }
        case .matrix(let series):
            return result("matrix", count: series.count, end) { index, text in
                text.raw("{\"metric\":")
                text.object(series[index].labels)
                text.raw(",\"values\":")
                text.points(series[index])
                text.raw("}")
            }
        }
    }

    /// An array of strings: label names or values.
    package static func strings(_ answer: Answer<[String]>) -> JSONChunks {
        let strings = answer.value
        return list(count: strings.count, answer.warnings) { index, text in text.string(strings[index]) }
    }

    /// An array of label sets.
    package static func series(_ answer: Answer<[Labels]>) -> JSONChunks {
        let series = answer.value
        return list(count: series.count, answer.warnings) { index, text in text.object(series[index]) }
    }

    /// Metadata: an object with an array for each metric.
    package static func metadata(_ answer: Answer<[MetricMetadata]>) -> JSONChunks {
        let groups = answer.value.chunked()
        return JSONChunks(
            beginning: success + "{", count: groups.count, end: "}" + ending(answer.warnings)
        ) { index, text in
            text.string(groups[index].first?.metric ?? "")
            for (position, metadata) in groups[index].enumerated() {
                text.raw(position == 0 ? ":[{\"type\":" : ",{\"type\":")
                text.string(metadata.type)
                text.raw(",\"help\":")
                text.string(metadata.help)
                text.raw(",\"unit\":")
                text.string(metadata.unit)
                text.raw("}")
            }
            text.raw("]")
        }
    }

    /// Servers, each with its placement label, last push and number of series.
    package static func servers(_ answer: Answer<ServersFound>) -> JSONChunks {
        let servers = answer.value.servers
        return JSONChunks(
            beginning: success + "{\"servers\":[", count: servers.count,
            end: "],\"total\":\(answer.value.total)}" + ending(answer.warnings)
        ) { index, text in
            text.raw("{\"id\":")
            text.string(servers[index].id)
            text.raw(",\"label\":")
            text.string(servers[index].label)
            text.raw(",\"lastPush\":")
            text.time(servers[index].lastPush)
            text.raw(",\"series\":")
            text.integer(servers[index].seriesCount)
            text.raw("}")
        }
    }

    /// JSON that needs no computing, as `data`.
    package static func fixed(_ data: String) -> JSONChunks {
        JSONChunks(beginning: success, count: 0, end: data + "}") { _, _ in }
    }

    /// A failure. `position` goes beyond Prometheus' envelope: UTF-16 units in the query, as browsers count.
    package static func failure(_ failure: APIFailure, query: String?) -> JSONText {
        var text = JSONText()
        text.raw("{\"status\":\"error\",\"errorType\":")
        text.string(failure.kind.rawValue)
        text.raw(",\"error\":")
        text.string(failure.message)
        if let position = failure.position, let query { text.position(position, in: query) }
        text.raw("}")
        return text
    }

    private static let success = "{\"status\":\"success\",\"data\":"

    private static func ending(_ warnings: [String]) -> String {
        if warnings.isEmpty { return "}" }
        var text = JSONText()
        text.raw(",\"warnings\":")
        text.array(warnings)
        text.raw("}")
        return String(decoding: text.bytes, as: UTF8.self)
    }

    private static func single(
        _ type: String, _ end: String, value: @escaping @Sendable (inout JSONText) -> Void
    ) -> JSONChunks {
        JSONChunks(beginning: success + "{\"resultType\":\"\(type)\",\"result\":", count: 1, end: end) { _, text in
            value(&text)
        }
    }

    private static func result(
        _ type: String, count: Int, _ end: String, element: @escaping @Sendable (Int, inout JSONText) -> Void
    ) -> JSONChunks {
        JSONChunks(
            beginning: success + "{\"resultType\":\"\(type)\",\"result\":[", count: count, end: "]" + end,
            element: element)
    }

    private static func list(
        count: Int, _ warnings: [String], element: @escaping @Sendable (Int, inout JSONText) -> Void
    ) -> JSONChunks {
        JSONChunks(beginning: success + "[", count: count, end: "]" + ending(warnings), element: element)
    }
}

extension JSONText {
    /// Appends `[[time,"value"],…]`.
    package mutating func points(_ series: SeriesColumns) {
        raw("[")
        for index in series.timestamps.indices {
            if index > 0 { raw(",") }
            point(time: series.timestamps[index], value: series.values[index])
        }
        raw("]")
    }

    /// Appends `,"position":{"offset":…,"length":…}` in UTF-16 units of `query`; nothing when the place is not in it.
    package mutating func position(_ position: APIFailure.Position, in query: String) {
        let utf8 = query.utf8
        guard let start = utf8.index(utf8.startIndex, offsetBy: position.offset, limitedBy: utf8.endIndex),
            let end = utf8.index(start, offsetBy: position.length, limitedBy: utf8.endIndex)
        else { return }
        let offset = query.utf16.distance(from: query.startIndex, to: start)
        let length = query.utf16.distance(from: start, to: end)
        raw(",\"position\":{\"offset\":\(offset),\"length\":\(length)}")
    }
}

extension [MetricMetadata] {
    /// Runs of one metric each; the metrics are in order.
    fileprivate func chunked() -> [ArraySlice<MetricMetadata>] {
        var groups: [ArraySlice<MetricMetadata>] = []
        var start = startIndex
        while start < endIndex {
            let metric = self[start].metric
            let end = self[start...].firstIndex { $0.metric != metric } ?? endIndex
            groups.append(self[start..<end])
            start = end
        }
        return groups
    }
}
