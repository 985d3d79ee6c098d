package import MetricModel

/// A wish that samples be shown to nobody any more.
package struct DeletionRequest: Hashable, Sendable {
    /// Whose samples.
    package var tenant: TenantID
    /// The `match[]` parameters as sent, each a series selector; at least one.
    package var selectors: [String]
    /// Unix milliseconds, inclusive.
    package var start: Int64
    /// Unix milliseconds, inclusive; what is stamped later than the moment of the deletion stays.
    package var end: Int64
    /// Where the request came from, for the log.
    package var client: String

    /// A wish about the series that match any of `selectors`.
    package init(tenant: TenantID, selectors: [String], start: Int64, end: Int64, client: String) {
        self.tenant = tenant
        self.selectors = selectors
        self.start = start
        self.end = end
        self.client = client
    }
}

/// Deletes samples. The coordinator role implements it.
package protocol DeletionService: Sendable {
    /// Returns once no answer of any coordinator shows the samples; another call for the same does no harm.
    ///
    /// - Throws: `APIFailure`: `badData` for a selector that is none, `execution` naming a limit, `unavailable` while not all who must know can be told.
    func delete(_ request: DeletionRequest) async throws
}
