import Hummingbird
import MetricModel

extension SurfaceResponder {
    /// The asking tenant's queries at work, and its slowest of the last hour.
    func queries(_ request: Request, _ target: RequestTarget) async throws -> Response {
        let parameters = try await parameters(of: request, target)
        let tenant = try TenantChoice.tenant(header: request.headers[.scopeOrgID], parameters: parameters)
        let found = board.queries(of: tenant)
        return json(Envelope.queries(atWork: found.atWork, slowest: found.slowest, now: services.clock()), for: request)
    }

    /// Ends the query that `id` names, if it is the asking tenant's.
    func killQuery(_ request: Request, _ target: RequestTarget) async throws -> Response {
        let parameters = try await parameters(of: request, target)
        let tenant = try TenantChoice.tenant(header: request.headers[.scopeOrgID], parameters: parameters)
        guard let text = parameters["id"], let number = UInt64(text) else {
            throw APIFailure(.badData, "parameter id must be the number of a query; /api/v1/status/queries lists them")
        }
        guard board.kill(number, of: tenant) else {
            throw APIFailure(.notFound, "no query \(number) of tenant \(tenant) is at work")
        }
        return json(Envelope.fixed("{\"killed\":\(number)}"), for: request)
    }
}
