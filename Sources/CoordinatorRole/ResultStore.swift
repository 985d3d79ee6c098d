package import HTTPSurface
internal import QueryEngine
internal import Synchronization

/// The kept results of a process' range queries, and figures about them.
package final class ResultStore: Sendable {
    /// A result with the state of the data that it is of.
    struct Entry: Sendable {
        var extent: ResultExtent
        var state: DataState
    }

    /// What became of a query that may use it.
    enum Use: String, Sendable {
        /// All steps were kept.
        case hit
        /// Some were.
        case partial
        /// None was.
        case miss
        /// It could not be asked what changed, or something may be missing.
        case unknown
    }

    private struct State {
        var cache: ResultCache<Entry>
        var uses: [Use: Int] = [:]
        var stepsKept = 0
        var stepsComputed = 0
    }

    private let state: Mutex<State>
    /// Whether anything is kept at all.
    let isOn: Bool

    /// - Parameter bytesMax: `result-cache-bytes-max`; 0 for none.
    package init(bytesMax: Int) {
        isOn = bytesMax > 0
        state = Mutex(State(cache: ResultCache(bytesMax: bytesMax)))
    }

    func entry(_ key: ResultKey) -> Entry? { state.withLock { $0.cache.entry(key) } }

    func keep(_ entry: Entry, _ key: ResultKey) {
        state.withLock { $0.cache.keep(entry, key, bytes: entry.extent.memorySize + entry.state.memorySize) }
    }

    func note(_ use: Use, kept: Int, computed: Int) {
        state.withLock { state in
            state.uses[use, default: 0] += 1
            state.stepsKept += kept
            state.stepsComputed += computed
        }
    }

    /// Has `metrics` tell the figures; docs/operating.md lists them.
    package func register(in metrics: MetricsRegistry) {
        for (use, name, help) in [
            (Use.hit, "hits", "Range queries all of whose steps were kept."),
            (.partial, "partial_hits", "Range queries some of whose steps were kept."),
            (.miss, "misses", "Range queries none of whose steps were kept."),
            (.unknown, "bypasses", "Range queries of which it could not be told what changed."),
        ] {
            metrics.counter("murmur_result_cache_\(name)_total", help: help) {
                Double(self.state.withLock { $0.uses[use] ?? 0 })
            }
        }
        metrics.counter("murmur_result_cache_steps_kept_total", help: "Steps of range queries that were kept.") {
            Double(self.state.withLock { $0.stepsKept })
        }
        metrics.counter(
            "murmur_result_cache_steps_computed_total", help: "Steps of such queries that were computed."
        ) { Double(self.state.withLock { $0.stepsComputed }) }
        metrics.counter("murmur_result_cache_evictions_total", help: "Results forgotten for want of room.") {
            Double(self.state.withLock { $0.cache.evictions })
        }
        metrics.gauge("murmur_result_cache_bytes", help: "Memory of kept results.") {
            Double(self.state.withLock { $0.cache.bytes })
        }
        metrics.gauge("murmur_result_cache_entries", help: "Kept results.") {
            Double(self.state.withLock { $0.cache.count })
        }
    }
}
