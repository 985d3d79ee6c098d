internal import MetricModel

/// Metadata by tenant and metric; the newest wins.
struct MetadataTable: Sendable {
    private var metrics: [TenantID: [ExactString: MetricMetadata]] = [:]

    /// Whether `entry` would change anything, within `limit` metrics per tenant.
    func isNews(_ entry: TenantMetadata, limit: Int) -> Bool {
        let known = metrics[entry.tenant]
        guard let old = known?[ExactString(entry.metadata.metric)] else { return (known?.count ?? 0) < limit }
        return old != entry.metadata
    }

    mutating func set(_ entry: TenantMetadata) {
        metrics[entry.tenant, default: [:]][ExactString(entry.metadata.metric)] = entry.metadata
    }

    /// One metric's metadata.
    func metadata(tenant: TenantID, metric: String) -> MetricMetadata? {
        metrics[tenant]?[ExactString(metric)]
    }

    /// A tenant's metadata, sorted by metric.
    func all(tenant: TenantID) -> [MetricMetadata] {
        (metrics[tenant] ?? [:]).values.sorted { $0.metric.utf8.lexicographicallyPrecedes($1.metric.utf8) }
    }

    /// Everything, sorted by tenant and metric.
    var entries: [TenantMetadata] {
        metrics.keys.sorted().flatMap { tenant in
            all(tenant: tenant).map { TenantMetadata(tenant: tenant, metadata: $0) }
        }
    }
}
