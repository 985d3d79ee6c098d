package import MetricModel
package import QueryLanguage

/// The bodies of the query API: Prometheus' envelope round each kind of answer.
package enum Envelope {
    /// An instant or range result.
    package static func query(_ answer: Answer<QueryData>) -> JSONChunks {
        let end = statistics(answer.statistics) + explanation(answer.explanation) + "}" + ending(answer)
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
                text.raw(metricKey)
                text.object(samples[index].labels)
                if let histogram = samples[index].histogram {
                    text.raw(",\"histogram\":")
                    text.point(time: samples[index].timestamp, histogram: histogram)
                } else {
                    text.raw(valueKey)
                    text.point(time: samples[index].timestamp, value: samples[index].value)
                }
                text.raw("}")
            }
        case .matrix(let series):
            return result("matrix", count: series.count, end) { index, text in
                text.raw("{\"metric\":")
                text.object(series[index].labels)
                if !series[index].timestamps.isEmpty || series[index].histograms.isEmpty {
                    text.raw(",\"values\":")
                    text.points(series[index])
                }
                if !series[index].histograms.isEmpty {
                    text.raw(",\"histograms\":")
                    text.points(series[index].histograms)
                }
                text.raw("}")
            }
        }
    }

    /// An array of strings: label names or values.
    package static func strings(_ answer: Answer<[String]>) -> JSONChunks {
        let strings = answer.value
        return list(count: strings.count, answer) { index, text in text.string(strings[index]) }
    }

    /// An array of label sets.
    package static func series(_ answer: Answer<[Labels]>) -> JSONChunks {
        let series = answer.value
        return list(count: series.count, answer) { index, text in text.object(series[index]) }
    }

    /// Exemplars by series.
    package static func exemplars(_ answer: Answer<[SeriesExemplars]>) -> JSONChunks {
        let series = answer.value
        return list(count: series.count, answer) { index, text in
            text.raw("{\"seriesLabels\":")
            text.object(series[index].labels)
            text.raw(",\"exemplars\":[")
            for (position, exemplar) in series[index].exemplars.enumerated() {
                text.raw(position == 0 ? "{\"labels\":" : ",{\"labels\":")
                text.object(exemplar.labels)
                text.raw(",\"value\":")
                text.value(exemplar.value)
                text.raw(",\"timestamp\":")
                text.time(exemplar.timestamp)
                text.raw("}")
            }
            text.raw("]}")
        }
    }

    /// Metadata: an object with an array for each metric.
    package static func metadata(_ answer: Answer<[MetricMetadata]>) -> JSONChunks {
        let groups = answer.value.chunked()
        return JSONChunks(
            beginning: success + "{", count: groups.count, end: "}" + ending(answer)
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
            end: "],\"total\":\(answer.value.total)}" + ending(answer)
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

    /// The tree of an expression, as `parse_query` answers it.
    package static func tree(_ expression: Expression) -> JSONChunks {
        JSONChunks(beginning: success, count: 1, end: "}") { _, text in text.tree(expression) }
    }

    /// One text.
    package static func string(_ string: String) -> JSONChunks {
        JSONChunks(beginning: success, count: 1, end: "}") { _, text in text.string(string) }
    }

    /// An object of texts by name, in the order given.
    package static func object(_ members: [(name: String, value: String)]) -> JSONChunks {
        JSONChunks(beginning: success + "{", count: members.count, end: "}}") { index, text in
            text.string(members[index].name)
            text.raw(":")
            text.string(members[index].value)
        }
    }

    /// JSON that needs no computing, as `data`.
    package static func fixed(_ data: String) -> JSONChunks {
        JSONChunks(beginning: success, count: 0, end: data + "}") { _, _ in }
    }

    /// An object with the members that `write` appends.
    package static func fixed(_ write: (inout JSONText) -> Void) -> JSONChunks {
        fixed(
            written { text in
                text.raw("{")
                write(&text)
                text.raw("}")
            })
    }

    /// Statistics of a store, with the members of Prometheus' `status/tsdb`. Without samples the times are those of an empty head there.
    package static func statistics(_ answer: Answer<TenantStatistics>) -> JSONChunks {
        let statistics = answer.value
        let data = written { text in
            text.raw("{\"headStats\":{\"numSeries\":\(statistics.seriesCount),")
            text.raw(
                "\"numLabelPairs\":\(statistics.labelPairCount),\"chunkCount\":\(statistics.chunkCount),")
            text.raw(
                "\"minTime\":\(statistics.minTime ?? .max),\"maxTime\":\(statistics.maxTime ?? .min)}")
            for (name, list) in [
                ("seriesCountByMetricName", statistics.seriesByMetric),
                ("labelValueCountByLabelName", statistics.valuesByLabel),
                ("memoryInBytesByLabelName", statistics.bytesByLabel),
                ("seriesCountByLabelValuePair", statistics.seriesByPair),
            ] {
                text.raw(",\"\(name)\":[")
                for (index, count) in list.enumerated() {
                    text.raw(index == 0 ? "{\"name\":" : ",{\"name\":")
                    text.string(count.name)
                    text.raw(",\"value\":\(count.value)}")
                }
                text.raw("]")
            }
        }
        return JSONChunks(beginning: success + data, count: 0, end: "}" + ending(answer)) { _, _ in }
    }

    /// Objects of truths by category.
    package static func features(_ features: [(category: String, members: [(name: String, isOn: Bool)])]) -> JSONChunks
    {
        fixed { text in
            for (index, feature) in features.enumerated() {
                text.raw(index == 0 ? "\"\(feature.category)\":{" : "},\"\(feature.category)\":{")
                for (index, member) in feature.members.enumerated() {
                    text.raw(index == 0 ? "\"\(member.name)\":\(member.isOn)" : ",\"\(member.name)\":\(member.isOn)")
                }
            }
            text.raw("}")
        }
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

    private static let metricKey = Array("{\"metric\":".utf8)
    private static let valueKey = Array(",\"value\":".utf8)
    private static let success = "{\"status\":\"success\",\"data\":"

    private static func ending<Value>(_ answer: Answer<Value>) -> String {
        written { text in
            for (name, notes) in [("warnings", answer.warnings), ("infos", answer.infos)] where !notes.isEmpty {
                text.raw(",\"\(name)\":")
                text.array(notes)
            }
            text.raw("}")
        }
    }

    private static func statistics(_ statistics: QueryStatistics?) -> String {
        guard let statistics else { return "" }
        return written { text in
            text.raw(",\"stats\":")
            text.statistics(statistics)
        }
    }

    private static func explanation(_ explanation: Explanation?) -> String {
        guard let explanation else { return "" }
        return written { text in
            text.raw(",\"explain\":")
            text.explanation(explanation)
        }
    }

    private static func written(_ write: (inout JSONText) -> Void) -> String {
        var text = JSONText()
        write(&text)
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
        count: Int, _ answer: Answer<some Sendable>, element: @escaping @Sendable (Int, inout JSONText) -> Void
    ) -> JSONChunks {
        JSONChunks(beginning: success + "[", count: count, end: "]" + ending(answer), element: element)
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
