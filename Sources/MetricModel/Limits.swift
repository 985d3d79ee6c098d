/// Limits on what one series, request or query may be. Each has the name under which errors, settings and metrics know it.
package struct Limits: Hashable, Sendable {
    /// `labels_per_series_max`
    package var labelsPerSeriesMax = 64
    /// `label_name_bytes_max`
    package var labelNameBytesMax = 1024
    /// `label_value_bytes_max`
    package var labelValueBytesMax = 4096
    /// `series_per_request_max`
    package var seriesPerRequestMax = 200_000
    /// `samples_per_request_max`
    package var samplesPerRequestMax = 1_000_000
    /// `ingest_body_bytes_max`: as received.
    package var ingestBodyBytesMax = 16 << 20
    /// `ingest_decoded_bytes_max`: after decompression.
    package var ingestDecodedBytesMax = 64 << 20
    /// `query_bytes_max`: length of an expression.
    package var queryBytesMax = 64 * 1024
    /// `query_series_max`: series that one query may read.
    package var querySeriesMax = 1_000_000
    /// `query_samples_max`: samples that one query may read.
    package var querySamplesMax = 50_000_000
    /// `query_steps_max`: points per series in a range query, as in Prometheus.
    package var queryStepsMax = 11_000
    /// `metadata_results_max`: names, values, series or servers in one answer.
    package var metadataResultsMax = 1_000_000

    package init() {}
}
