package import HTTPSurface
internal import QueryRouting
internal import Synchronization

/// How reads went lately, shared by all of a process: when slow questions are hedged, and figures about it.
package final class ReadPace: Sendable {
    private struct State {
        var pacer: HedgePacer?
        var hedges = 0
        var hedgesWon = 0
        var failures = 0
    }

    private let state: Mutex<State>

    /// - Parameter hedgeDelay: `query-hedge-delay`, milliseconds; 0 for no hedges.
    package init(hedgeDelay: Int64) {
        state = Mutex(State(pacer: hedgeDelay > 0 ? HedgePacer(delayMin: hedgeDelay * 1_000) : nil))
    }

    /// What holds for a read that begins now; nil for no hedges.
    var rule: HedgeRule? { state.withLock { $0.pacer?.rule } }

    /// How many hedges all reads together may ask now.
    var allowance: Int { state.withLock { $0.pacer?.allowance ?? 0 } }

    func answered(after time: Int64) { state.withLock { $0.pacer?.answered(after: time) } }

    func hedged() {
        state.withLock { state in
            state.pacer?.asked()
            state.hedges += 1
        }
    }

    func hedgeWon() { state.withLock { $0.hedgesWon += 1 } }

    func failed() { state.withLock { $0.failures += 1 } }

    /// Has `metrics` tell the figures; docs/operating.md lists them.
    package func register(in metrics: MetricsRegistry) {
        metrics.counter("murmur_query_hedges_total", help: "Questions put to a further replica because one was slow.") {
            Double(self.state.withLock { $0.hedges })
        }
        metrics.counter("murmur_query_hedges_won_total", help: "Answers of further replicas that were used.") {
            Double(self.state.withLock { $0.hedgesWon })
        }
        metrics.counter("murmur_query_reads_failed_total", help: "Questions that an aggregator did not answer.") {
            Double(self.state.withLock { $0.failures })
        }
    }
}
