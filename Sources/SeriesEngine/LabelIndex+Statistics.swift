package import MetricModel

extension LabelIndex {
    /// What the index holds, without the head's times and chunks.
    ///
    /// - Parameter limit: entries of each list, at least 1.
    /// - Returns: numbers of series, values and bytes.
    /// - Complexity: one step for each pair of label and value.
    package func statistics(limit: Int) -> TenantStatistics {
        var result = TenantStatistics()
        result.seriesCount = seriesCount
        var values: [TenantStatistics.Count] = []
        var bytes: [TenantStatistics.Count] = []
        var metrics = GreatestCounts(limit: limit)
        var pairs = GreatestCounts(limit: limit)
        forEachName { name, list in
            var size = 0
            for (value, count) in list {
                // A series has each of its labels once, each text behind its length.
                size += count * (name.utf8.count + value.utf8.count + 2)
                if name == Labels.metricName { metrics.offer(count) { value } }
                pairs.offer(count) { name + "=" + value }
            }
            result.labelPairCount += list.count
            values.append(TenantStatistics.Count(name: name, value: list.count))
            bytes.append(TenantStatistics.Count(name: name, value: size))
        }
        result.seriesByMetric = metrics.finish()
        result.seriesByPair = pairs.finish()
        result.valuesByLabel = TenantStatistics.greatest(values, limit)
        result.bytesByLabel = TenantStatistics.greatest(bytes, limit)
        return result
    }
}

/// The greatest of many counts; names are made only for those that may be among them.
private struct GreatestCounts {
    private let limit: Int
    private var counts: [TenantStatistics.Count] = []
    /// Counts below it are out.
    private var floor = 0

    init(limit: Int) {
        self.limit = limit
    }

    mutating func offer(_ value: Int, name: () -> String) {
        if value < floor { return }
        counts.append(TenantStatistics.Count(name: name(), value: value))
        if counts.count < 4 * limit { return }
        counts = TenantStatistics.greatest(counts, limit)
        floor = counts.last?.value ?? 0
    }

    func finish() -> [TenantStatistics.Count] { TenantStatistics.greatest(counts, limit) }
}
