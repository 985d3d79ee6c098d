import HTTPTypes
import Hummingbird
import MetricModel

extension SurfaceResponder {
    /// Deletes series, as Prometheus' API does: 204 without a body, or an error in the envelope.
    func deleteSeries(_ request: Request, _ target: RequestTarget, client: String?) async throws -> Response {
        guard let service = services.deletions else {
            return failure(APIFailure(.notFound, "this node answers no queries, and so deletes nothing"), query: nil)
        }
        guard configuration.adminAPI else {
            // Prometheus' text and status.
            return failure(APIFailure(.unavailable, "admin APIs disabled"), status: .internalServerError)
        }
        // A page of another origin could send a form without being asked for permission.
        if let origin = request.headers[.origin], let authority = request.head.authority,
            origin.split(separator: "/").last.map(String.init)?.lowercased() != authority.lowercased()
        {
            return failure(APIFailure(.badData, "a page of \(origin) may not delete here"), status: .forbidden)
        }
        if !services.readiness.isServing { return notReady() }
        let ticket = try admission.admit()
        defer { ticket.leave() }
        let parameters = try await parameters(of: request, target)
        let tenant = try TenantChoice.tenant(header: request.headers[.scopeOrgID], parameters: parameters)
        let reader = QueryParameters(parameters, tenant: tenant, now: services.clock(), bounds: configuration.bounds)
        try await service.delete(try reader.deletion(client: client ?? "unknown"))
        return Response(status: .noContent)
    }
}
