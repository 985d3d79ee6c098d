package import HTTPSurface
import IngestRouting

/// The router's figures among the process' own metrics; docs/operating.md lists them.
package enum RouterMetrics {
    /// Has `metrics` tell what `router` does.
    package static func register(_ router: IngestRouter, in metrics: MetricsRegistry) {
        metrics.counter("murmur_router_cache_hits_total", help: "Series of pushes that were known.") {
            Double(router.figures.cacheHits)
        }
        metrics.counter("murmur_router_cache_misses_total", help: "Series of pushes that were defined anew.") {
            Double(router.figures.cacheMisses)
        }
        metrics.counter("murmur_router_cache_evictions_total", help: "Series forgotten because the cache was full.") {
            Double(router.figures.cacheEvictions)
        }
        metrics.gauge("murmur_router_cache_entries", help: "Series remembered.") {
            Double(router.figures.cacheEntries)
        }
        metrics.gauge("murmur_router_in_flight_samples", help: "Samples of pushes not yet acknowledged.") {
            Double(router.figures.inFlightSamples)
        }
        metrics.counter("murmur_router_samples_stored_total", help: "Samples of pushes that were acknowledged.") {
            Double(router.figures.samplesStored)
        }
        metrics.counter("murmur_router_exemplars_dropped_total", help: "Exemplars left out of pushes.") {
            Double(router.figures.exemplarsDropped)
        }
        metrics.counter(
            "murmur_router_retried_batches_total", help: "Batches sent again because references were not known."
        ) { Double(router.figures.retriedBatches) }
    }
}
