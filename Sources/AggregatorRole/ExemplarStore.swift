package import MetricModel
internal import Synchronization

/// The exemplars of an aggregator: in memory alone, the newest of each series, bounded over all.
///
/// They are hints: a restart forgets them, and what is over a bound goes without a word, the oldest first. Owner of the state: the lock.
package final class ExemplarStore: Sendable {
    /// `exemplars_per_series_max`
    package static let perSeriesMax = 16
    /// `exemplars_max`: of all tenants together.
    package static let countMax = 100_000

    private struct Key: Hashable {
        var tenant: TenantID
        var labels: Labels
    }

    private struct State {
        var series: [TenantID: [Labels: [Exemplar]]] = [:]
        /// The series of each exemplar that is held, in the order of arrival; as many as there are exemplars from `first` on.
        var order: [Key] = []
        var first = 0

        var count: Int { order.count - first }
    }

    private let perSeriesMax: Int
    private let countMax: Int
    private let state = Mutex(State())

    /// An empty store; tests lower the bounds.
    package init(perSeriesMax: Int = ExemplarStore.perSeriesMax, countMax: Int = ExemplarStore.countMax) {
        self.perSeriesMax = perSeriesMax
        self.countMax = countMax
    }

    /// Exemplars held.
    package var count: Int { state.withLock { $0.count } }

    /// Keeps exemplars of one tenant. One that is not newer than the newest of its series is left out, as Prometheus does.
    package func keep(_ series: [SeriesExemplars], tenant: TenantID) {
        state.withLock { state in
            for one in series {
                var held = state.series[tenant]?[one.labels] ?? []
                for exemplar in one.exemplars {
                    if let newest = held.last, newest.timestamp >= exemplar.timestamp { continue }
                    held.append(exemplar)
                    if held.count > perSeriesMax {
                        // Its place in the order stands for the next one.
                        held.removeFirst()
                    } else {
                        state.order.append(Key(tenant: tenant, labels: one.labels))
                    }
                }
                state.series[tenant, default: [:]][one.labels] = held.isEmpty ? nil : held
                while state.count > countMax { ExemplarStore.forgetOldest(&state) }
            }
        }
    }

    /// The exemplars in a closed range of time, of the series that pass all matchers of any set; no sets: of all.
    package func select(tenant: TenantID, matcherSets: [[Matcher]], start: Int64, end: Int64) -> [SeriesExemplars] {
        let held = state.withLock { $0.series[tenant] ?? [:] }
        return held.compactMap { labels, exemplars in
            let passes =
                matcherSets.isEmpty
                || matcherSets.contains { set in set.allSatisfy { $0.matches(labels[$0.name] ?? "") } }
            guard passes else { return nil }
            let inside = exemplars.filter { start <= $0.timestamp && $0.timestamp <= end }
            return inside.isEmpty ? nil : SeriesExemplars(labels: labels, exemplars: inside)
        }
    }

    private static func forgetOldest(_ state: inout State) {
        let key = state.order[state.first]
        state.first += 1
        if state.first > state.order.count / 2 {
            state.order.removeFirst(state.first)
            state.first = 0
        }
        state.series[key.tenant]?[key.labels]?.removeFirst()
        if state.series[key.tenant]?[key.labels]?.isEmpty ?? false { state.series[key.tenant]?[key.labels] = nil }
        if state.series[key.tenant]?.isEmpty ?? false { state.series[key.tenant] = nil }
    }
}
