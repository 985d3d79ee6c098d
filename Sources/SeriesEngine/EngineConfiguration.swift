/// What an engine is told once, when it is made. Times are milliseconds.
package struct EngineConfiguration: Sendable {
    /// Names the life of all series references; never the same for two starts of one data directory.
    package var generation: UInt64
    /// `late_window`: how far behind its newest sample a series still takes samples.
    package var lateWindow: Int64 = 2 * 3_600_000
    /// `retention`: older samples are refused and dropped; 0 keeps all.
    package var retention: Int64 = 31 * 86_400_000
    /// `future_skew_max`: how far ahead of the clock a sample may be.
    package var futureSkewMax: Int64 = 600_000
    /// `series_max`: series in the table; a further one is rejected.
    package var seriesMax = 4_000_000
    /// `metadata_metrics_max`: metrics per tenant whose metadata is kept; further ones are not.
    package var metadataMetricsMax = 50_000
    /// Slot bits of the cluster, 1 ... 16.
    package var slotBits = 14
    /// The cluster's placement labels; `PlacementKey.labelIndex` counts in it.
    package var placementLabels = ["server_id", "instance", "host", "hostname", "host_name"]

    /// Defaults throughout, for this generation.
    package init(generation: UInt64) {
        self.generation = generation
    }

    /// Takes over all settings of `other` but its generation.
    package mutating func adopt(_ other: EngineConfiguration) {
        let own = generation
        self = other
        generation = own
    }

    /// Raw samples that an open buffer holds before they are encoded.
    static let openSamplesMax = 64
    /// Late samples of one series that are held raw before they are encoded.
    static let lateSamplesMax = 128
    /// Samples in one chunk of a block when it has to be encoded anew.
    static let chunkSamplesMax = 256
}
