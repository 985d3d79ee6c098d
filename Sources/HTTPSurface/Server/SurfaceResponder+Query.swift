import HTTPTypes
import Hummingbird
import MetricModel
import NIOCore
import QueryLanguage

extension SurfaceResponder {
    /// Answers a question of the query API.
    func query(_ request: Request, _ target: RequestTarget, _ route: Route) async throws -> Response {
        guard let service = services.query else {
            return failure(APIFailure(.notFound, "this node answers no queries"), query: nil)
        }
        if !services.readiness.isServing { return notReady() }
        // The answer keeps it until its last piece is written, and whatever throws lets go of it.
        let ticket = try admission.admit()
        let parameters = try await parameters(of: request, target)
        let tenant = try TenantChoice.tenant(header: request.headers[.scopeOrgID], parameters: parameters)
        let reader = QueryParameters(parameters, tenant: tenant, now: services.clock(), bounds: configuration.bounds)
        do {
            if route == .federate { return await federate(request, reader, service, ticket) }
            return json(try await answer(route, reader, service), for: request, ticket)
        } catch {
            return failure(APIFailure(error), query: parameters["query"])
        }
    }

    func parameters(of request: Request, _ target: RequestTarget) async throws -> RequestParameters {
        var parameters = RequestParameters()
        if request.method == .post || request.method == .put { try await addForm(of: request, to: &parameters) }
        try parameters.add(urlEncoded: target.query.utf8)
        return parameters
    }

    /// The form comes before the URL, as in Prometheus: of a parameter in both, the form's is taken.
    private func addForm(of request: Request, to parameters: inout RequestParameters) async throws {
        let type = request.headers[.contentType] ?? ""
        guard type.lowercased().hasPrefix("application/x-www-form-urlencoded") else {
            if type.isEmpty { return }
            throw APIFailure(.badData, "a query is sent as application/x-www-form-urlencoded, not as \(type)")
        }
        do {
            let form = try await request.body.collect(upTo: configuration.formBytesMax)
            try parameters.add(urlEncoded: form.readableBytesView)
        } catch is NIOTooManyBytesError {
            throw APIFailure(
                .badData, "the form is larger than \(configuration.formBytesMax) bytes (http_form_bytes_max)")
        }
    }

    private func answer(
        _ route: Route, _ reader: QueryParameters, _ service: any QueryService
    ) async throws -> JSONChunks {
        switch route {
        case .instantQuery:
            let query = try reader.instant()
            let question = Question(
                tenant: query.tenant, kind: route.name, text: query.query, start: query.time, end: query.time)
            return Envelope.query(
                try await board.run(question, milliseconds: query.options.timeoutMilliseconds) {
                    try await service.instant(query)
                })
        case .rangeQuery:
            let query = try reader.range()
            let question = Question(
                tenant: query.tenant, kind: route.name, text: query.query, start: query.start, end: query.end,
                step: query.step)
            return Envelope.query(
                try await board.run(question, milliseconds: query.options.timeoutMilliseconds) {
                    try await service.range(query)
                })
        case .series:
            let query = try reader.labels(needsSelector: true)
            return Envelope.series(
                try await Deadline.run(query.timeoutMilliseconds) { try await service.series(query) })
        case .labelNames:
            let query = try reader.labels()
            return Envelope.strings(
                try await Deadline.run(query.timeoutMilliseconds) { try await service.labelNames(query) })
        case .labelValues(let encoded):
            let query = try reader.labels()
            let name = EscapedName.decode(try RequestParameters.decode(encoded.utf8))
            return Envelope.strings(
                try await Deadline.run(query.timeoutMilliseconds) { try await service.labelValues(name, query) })
        case .metadata:
            let query = try reader.metadata()
            return Envelope.metadata(
                try await Deadline.run(query.timeoutMilliseconds) { try await service.metadata(query) })
        case .servers:
            let query = try reader.servers()
            return Envelope.servers(
                try await Deadline.run(query.timeoutMilliseconds) { try await service.servers(query) })
        case .storeStatistics:
            let query = try reader.storeStatistics()
            return Envelope.statistics(
                try await Deadline.run(query.timeoutMilliseconds) { try await service.statistics(query) })
        case .exemplars:
            let query = try reader.exemplars()
            return Envelope.exemplars(
                try await Deadline.run(query.timeoutMilliseconds) { try await service.exemplars(query) })
        case .formatQuery:
            return Envelope.string(PrettyPrinter.text(try service.parse(try reader.query())))
        case .parseQuery: return Envelope.tree(try service.parse(try reader.query()))
        case .ingest, .federate, .remoteRead, .queries, .killQuery, .deleteSeries, .emptyList, .status, .cluster,
            .clusterCommand,
            .live,
            .metrics, .healthy, .ready, .file, .unknown, .methodNotAllowed:
            preconditionFailure("\(route.name) is not a query")
        }
    }
}
