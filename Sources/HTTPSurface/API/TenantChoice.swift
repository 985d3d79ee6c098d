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
    /// - Throws: `bad_data` when both are given and differ, or the name is not a tenant's.
    package static func tenant(header: String?, parameter: String?) throws(APIFailure) -> TenantID {
        if let header, let parameter, !header.utf8.elementsEqual(parameter.utf8) {
            throw APIFailure(
                .badData,
                "the header X-Scope-OrgID names tenant \"\(header)\" and the parameter tenant \"\(parameter)\"")
        }
        guard let name = header ?? parameter else { return .default }
        do throws(ModelError) {
            return try TenantID(validating: name)
        } catch {
            throw APIFailure(.badData, error.description)
        }
    }
}
