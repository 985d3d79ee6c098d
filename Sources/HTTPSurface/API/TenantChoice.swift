package import HTTPTypes
package import MetricModel

extension HTTPField.Name {
    /// `X-Scope-OrgID`: the tenant, as Mimir, Loki and Cortex name it.
    package static let scopeOrgID = named("X-Scope-OrgID")
    /// `Idempotency-Key`.
    package static let idempotencyKey = named("Idempotency-Key")
    /// `X-Prometheus-Remote-Write-Version`.
    package static let remoteWriteVersion = named("X-Prometheus-Remote-Write-Version")

    private static func named(_ text: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(text) else { preconditionFailure("\(text) is no field name") }
        return name
    }
}

/// Which tenant a request is about.
package enum TenantChoice {
    /// The tenant of the header `X-Scope-OrgID` or of the parameter `tenant`; `default` when neither is given.
    ///
    /// An empty parameter is none. Named more than once, in the URL, the form and the header, it must be the same each time:
    /// whichever won, somebody would read or write another tenant's data unawares.
    ///
    /// - Throws: `bad_data` when two of them differ, naming both, or the name is not a tenant's.
    package static func tenant(header: String?, parameters: RequestParameters) throws(APIFailure) -> TenantID {
        let given = parameters.all("tenant").filter { !$0.isEmpty }
        if let first = given.first, let other = given.first(where: { !$0.hasSameBytes(as: first) }) {
            throw APIFailure(.badData, "the parameter tenant is given as \"\(first)\" and as \"\(other)\"")
        }
        if let header, let parameter = given.first, !header.hasSameBytes(as: parameter) {
            throw APIFailure(
                .badData,
                "the header X-Scope-OrgID names tenant \"\(header)\" and the parameter tenant \"\(parameter)\"")
        }
        guard let name = header ?? given.first else { return .default }
        do throws(ModelError) {
            return try TenantID(validating: name)
        } catch {
            throw APIFailure(.badData, error.description)
        }
    }
}
