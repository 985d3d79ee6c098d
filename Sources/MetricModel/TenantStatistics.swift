/// What one tenant's newest data is made of: the series of the head, which have had samples lately.
package struct TenantStatistics: Equatable, Sendable {
    /// A number with what it is the number of.
    package struct Count: Equatable, Sendable {
        /// A metric, a label, or `label=value`.
        package var name: String
        /// How many, or how many bytes.
        package var value: Int

        /// A number with its name.
        package init(name: String, value: Int) {
            self.name = name
            self.value = value
        }
    }

    /// Series.
    package var seriesCount = 0
    /// Distinct pairs of label and value.
    package var labelPairCount = 0
    /// Runs of samples in memory, the open ones included.
    package var chunkCount = 0
    /// Time of the oldest sample in memory, Unix milliseconds; nil when there is none.
    package var minTime: Int64?
    /// Time of the newest sample, Unix milliseconds; nil when there is none.
    package var maxTime: Int64?
    /// The metrics with the most series, most first.
    package var seriesByMetric: [Count] = []
    /// The labels with the most values, most first.
    package var valuesByLabel: [Count] = []
    /// The labels that take the most bytes over all series, most first.
    package var bytesByLabel: [Count] = []
    /// The pairs `label=value` with the most series, most first.
    package var seriesByPair: [Count] = []

    /// Most entries that each of the lists may be asked for.
    package static let limitMax = 1_000

    /// Of no series.
    package init() {}

    /// Adds what another node holds, and keeps the first `limit` of each list.
    ///
    /// Series of different nodes are different, so their numbers add up; values may be the same, so that of the node with the most
    /// stands.
    package mutating func merge(_ other: TenantStatistics, limit: Int) {
        seriesCount += other.seriesCount
        labelPairCount = max(labelPairCount, other.labelPairCount)
        chunkCount += other.chunkCount
        minTime = [minTime, other.minTime].compactMap(\.self).min()
        maxTime = [maxTime, other.maxTime].compactMap(\.self).max()
        seriesByMetric = Self.merged(seriesByMetric, other.seriesByMetric, limit, +)
        valuesByLabel = Self.merged(valuesByLabel, other.valuesByLabel, limit, max)
        bytesByLabel = Self.merged(bytesByLabel, other.bytesByLabel, limit, +)
        seriesByPair = Self.merged(seriesByPair, other.seriesByPair, limit, +)
    }

    private static func merged(
        _ left: [Count], _ right: [Count], _ limit: Int, _ combine: (Int, Int) -> Int
    ) -> [Count] {
        var values: [[UInt8]: Int] = [:]
        for count in left + right {
            let key = Array(count.name.utf8)
            values[key] = values[key].map { combine($0, count.value) } ?? count.value
        }
        return greatest(
            values.map { Count(name: String(decoding: $0, as: UTF8.self), value: $1) }, limit)
    }

    /// The greatest `limit` of a list, greatest first; of equal ones the first by name.
    package static func greatest(_ counts: [Count], _ limit: Int) -> [Count] {
        let sorted = counts.sorted { left, right in
            left.value == right.value
                ? left.name.utf8.lexicographicallyPrecedes(right.name.utf8) : left.value > right.value
        }
        return Array(sorted.prefix(limit))
    }
}
