/// Why a push as a whole is not routed. Nothing of it is stored, or what is may be sent again without harm.
package enum RoutingError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A limit on work under way is reached; `name` is the setting. Answered with 429 and Retry-After.
    case overloaded(name: String, maximum: Int)
    /// The `Idempotency-Key` is too long.
    case idempotencyKeyTooLong(bytesMax: Int)
    /// An aggregator forgot its references `attempts` times in a row. Answered with 503 and Retry-After.
    case referencesLost(attempts: Int)

    /// The error in words, as the reply carries it.
    package var description: String {
        switch self {
        case .overloaded(let name, let maximum): "overloaded: \(name) (\(maximum)) is reached"
        case .idempotencyKeyTooLong(let bytesMax): "Idempotency-Key is longer than \(bytesMax) bytes"
        case .referencesLost(let attempts):
            "the aggregator did not know its own series references \(attempts) times in a row"
        }
    }
}

/// What the router may hold.
package struct RouterLimits: Sendable, Equatable {
    /// `series_cache_entries_max`: series whose references are remembered; 32 to 92 bytes each.
    package var seriesCacheEntriesMax = 1_000_000
    /// `in_flight_requests_max`: pushes routed and not yet acknowledged.
    package var inFlightRequestsMax = 1_024
    /// `in_flight_samples_max`: samples in them.
    package var inFlightSamplesMax = 8_000_000
    /// `idempotency_keys_max`: keys remembered.
    package var idempotencyKeysMax = 65_536
    /// `metadata_memory_max`: metadata entries known to be stored.
    package var metadataMemoryMax = 65_536
    /// `tenants_max`: tenants that the series cache tells apart; beyond it the cache begins anew.
    package var tenantsMax = 65_536
    /// `batch_rows_max`: samples in one batch; a greater push makes several.
    package var batchRowsMax = 1 << 18
    /// `batch_definition_bytes_max`: bytes of the labels that one batch defines and of its histograms.
    package var batchDefinitionBytesMax = 6 << 20
    /// `batch_metadata_bytes_max`: metadata in one batch.
    package var batchMetadataBytesMax = 2 << 20

    /// The longest `Idempotency-Key`, in UTF-8 bytes.
    package static let idempotencyKeyBytesMax = 256
    /// How often a batch is sent again because its aggregator restarted meanwhile.
    package static let attemptsMax = 4

    /// The defaults.
    package init() {}
}
