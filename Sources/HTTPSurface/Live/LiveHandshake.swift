import MetricModel

/// Whether a WebSocket request may become a live connection: a pure function of its head.
struct LiveHandshake {
    enum Outcome: Equatable {
        /// Another path.
        case notLive
        /// A page of another site asks: browsers send cookies and reach private addresses for it.
        case forbidden(APIFailure)
        /// The tenant is not one.
        case refused(APIFailure)
        /// Welcome.
        case accepted(TenantID)
    }

    let outcome: Outcome

    /// - Parameters:
    ///   - path: with the query string.
    ///   - host: the `Host` field.
    ///   - origin: the `Origin` field, which browsers send and programs leave out.
    ///   - tenant: the `X-Scope-OrgID` field.
    init(path: String, host: String?, origin: String?, tenant: String?) {
        let target = RequestTarget(path)
        guard Route.find(method: "GET", path: target.path) == .live else {
            outcome = .notLive
            return
        }
        if let origin, LiveHandshake.authority(of: origin) != host?.lowercased() {
            outcome = .forbidden(
                APIFailure(.badData, "pages of \(origin) may not open live connections here: the origin is another"))
            return
        }
        do throws(APIFailure) {
            var parameters = RequestParameters()
            try parameters.add(urlEncoded: target.query.utf8)
            outcome = .accepted(try TenantChoice.tenant(header: tenant, parameters: parameters))
        } catch {
            outcome = .refused(error)
        }
    }

    /// `host:port` of `scheme://host:port`.
    private static func authority(of origin: String) -> String? {
        let parts = origin.lowercased().split(separator: "/", omittingEmptySubsequences: true)
        return parts.count == 2 ? String(parts[1]) : nil
    }
}
