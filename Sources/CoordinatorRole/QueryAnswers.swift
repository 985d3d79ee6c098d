import HTTPSurface
import MetricModel
import QueryEngine
import WireProtocol

/// Evaluated results in the form that the HTTP surface renders.
enum QueryAnswers {
    /// - Parameters:
    ///   - result: what the evaluator found.
    ///   - seriesMax: the caller's limit, 0 for none; more series are cut, with a warning.
    /// - Returns: the same, as the API tells it.
    static func answer(_ result: QueryResult, seriesMax: Int) -> Answer<QueryData> {
        var warnings = result.warnings
        let data: QueryData
        switch result.value {
        case .scalar(let time, let value):
            data = .scalar(timestamp: time, value: value)
        case .string(let time, let value):
            data = .string(timestamp: time, value: value)
        case .vector(let time, let elements):
            let kept = cut(elements, to: seriesMax, &warnings)
            data = .vector(
                kept.map {
                    VectorSample(labels: $0.labels, timestamp: time, value: $0.value, histogram: $0.histogram)
                })
        case .matrix(let series):
            data = .matrix(cut(series, to: seriesMax, &warnings))
        }
        return Answer(data, warnings: warnings, infos: result.infos)
    }

    /// What the caller asked to know of an evaluation; nil for nothing.
    static func statistics(
        _ result: QueryResult, _ detail: StatisticsDetail, preparation: Duration, evaluation: Duration
    ) -> QueryStatistics? {
        guard detail != .none, let counts = result.sampleCounts else { return nil }
        return QueryStatistics(
            preparation: preparation, evaluation: evaluation, samples: counts.reduce(0) { $0 + $1.samples },
            samplesPeak: result.samplesRead, perStep: detail == .perStep ? counts : nil)
    }

    private static func cut<Element>(_ list: [Element], to seriesMax: Int, _ warnings: inout [String]) -> [Element] {
        guard seriesMax > 0, list.count > seriesMax else { return list }
        warnings.append("results truncated due to limit")
        return Array(list.prefix(seriesMax))
    }
}

/// Unites the servers that aggregators know.
enum ServersMerge {
    /// - Returns: each server once with its newest push, sorted by ID; what is united of several holds the same series, so the greater count stands.
    static func merge(_ answers: [Fanout.PagedAnswer], serversMax: Int) -> ServersFound {
        var whole = 0
        var raw = 0
        var found: [[UInt8]: ServerSummary] = [:]
        for answer in answers {
            guard case .servers(let first) = answer.pages.first else { continue }
            // Whole answers are of slots of their own, united ones of the same.
            if answer.isRaw { raw = max(raw, first.total) } else { whole += first.total }
        }
        for case .servers(let page) in answers.flatMap(\.pages) {
            for server in page.servers {
                let key = Array(server.label.utf8) + [0] + Array(server.id.utf8)
                guard var known = found[key] else {
                    found[key] = server
                    continue
                }
                known.lastPush = max(known.lastPush, server.lastPush)
                known.seriesCount = max(known.seriesCount, server.seriesCount)
                found[key] = known
            }
        }
        let sorted = found.values.sorted {
            ($0.id, $0.label) < ($1.id, $1.label)
        }
        return ServersFound(servers: Array(sorted.prefix(serversMax)), total: max(whole + raw, found.count))
    }
}

/// Unites what aggregators count.
enum StatisticsMerge {
    /// - Parameters:
    ///   - pages: of all members; each counts all series that it has.
    ///   - copies: on how many members each series lies; at least 1.
    ///   - limit: entries of each list.
    /// - Returns: the numbers of the series, not of their copies; what is not on all its owners yet counts a little less.
    static func merge(_ pages: [QueryPage], copies: Int, limit: Int) -> TenantStatistics {
        var found = TenantStatistics()
        // What is not among the first of one node may be among those of all.
        for case .statistics(let page) in pages { found.merge(page.statistics, limit: TenantStatistics.limitMax) }
        func share(_ value: Int) -> Int { (value + copies - 1) / copies }
        func shares(_ counts: [TenantStatistics.Count]) -> [TenantStatistics.Count] {
            counts.prefix(limit).map { TenantStatistics.Count(name: $0.name, value: share($0.value)) }
        }
        found.seriesCount = share(found.seriesCount)
        found.chunkCount = share(found.chunkCount)
        found.seriesByMetric = shares(found.seriesByMetric)
        found.bytesByLabel = shares(found.bytesByLabel)
        found.seriesByPair = shares(found.seriesByPair)
        found.valuesByLabel = Array(found.valuesByLabel.prefix(limit))
        return found
    }
}
