import HTTPTypes
package import Hummingbird
package import Logging
import MetricModel
import NIOCore
import NIOHTTP1
import Synchronization

/// Answers every HTTP request: finds its route, lets it in or not, and hands it to the service whose it is.
///
/// What arrives is a request as Hummingbird reads it off the connection; what leaves is a response whose body may be
/// written in pieces. Next files: `SurfaceResponder+Query.swift`, `SurfaceResponder+Ingest.swift`.
package struct SurfaceResponder: HTTPResponder {
    /// What Hummingbird gives with each request: where it came from.
    package struct Context: InitializableFromSource, Sendable {
        /// The other end of its connection; nil without a server.
        let client: SocketAddress?

        /// As the server makes it.
        package init(source: ApplicationRequestContextSource) { client = source.channel.remoteAddress }

        /// Without a server.
        package init() { client = nil }
    }

    let configuration: SurfaceConfiguration
    let services: SurfaceServices
    let admission: SharedAdmission
    let board: QueryBoard
    private let metrics: SurfaceMetrics
    private let logger: Logger

    /// A responder for the services of one process.
    package init(configuration: SurfaceConfiguration, services: SurfaceServices, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        self.services = services
        admission = SharedAdmission(configuration)
        board = QueryBoard(configuration.queries, clock: services.clock)
        metrics = SurfaceMetrics(
            services.metrics, admission: admission, board: board, version: configuration.version)
    }

    /// Answers one request; throws only when the connection is beyond use.
    package func respond(to request: Request, context: Context) async throws -> Response {
        let started = ContinuousClock.now
        let target = RequestTarget(request.head.path ?? "/")
        let route = Route.find(method: request.method.rawValue, path: target.path)
        var response: Response
        do {
            response = try await self.response(to: request, target, route, context)
        } catch let error as HTTPParserError {
            throw error
        } catch {
            response = failure(APIFailure(error), query: nil)
        }
        if request.method == .head { response = response.createHeadResponse() }
        response.headers[.xContentTypeOptions] = "nosniff"
        let elapsed = ContinuousClock.now - started
        metrics.answered(route, status: response.status.code, elapsed)
        logger.debug(
            "request",
            metadata: [
                "method": .string(request.method.rawValue), "path": .string(target.path),
                "status": .stringConvertible(response.status.code),
                "milliseconds": .stringConvertible(elapsed / .milliseconds(1)),
            ])
        return response
    }

    private func response(
        to request: Request, _ target: RequestTarget, _ route: Route, _ context: Context
    ) async throws -> Response {
        if let upgrade = request.headers[.upgrade], upgrade.lowercased() == "websocket" {
            return refusedUpgrade(request, target, route)
        }
        switch route {
        case .ingest(let form):
            return try await ingest(request, target, form)
        case .instantQuery, .rangeQuery, .series, .labelNames, .labelValues, .metadata, .servers, .exemplars,
            .formatQuery, .parseQuery, .storeStatistics, .federate:
            return try await query(request, target, route)
        case .queries: return try await queries(request, target)
        case .killQuery: return try await killQuery(request, target)
        case .deleteSeries: return try await deleteSeries(request, target, client: context.client?.ipAddress)
        case .remoteRead: return try await remoteRead(request, target)
        case .emptyList(let list): return json(Envelope.fixed(list.json), for: request)
        case .status(let page): return json(status(page), for: request)
        case .cluster(let page): return try await cluster(page, for: request)
        case .clusterCommand(let command): return try await cluster(command, for: request)
        case .live:
            var response = failure(
                APIFailure(.badData, "\(target.path) is a WebSocket: send an upgrade request"), status: .upgradeRequired
            )
            response.headers[.upgrade] = "websocket"
            return response
        case .metrics:
            return plain(
                .ok, ByteBuffer(bytes: services.metrics.text()), type: "text/plain; version=0.0.4; charset=utf-8")
        case .healthy: return plain(.ok, ByteBuffer(string: "Murmuration is healthy.\n"))
        case .ready:
            if services.readiness.isReady { return plain(.ok, ByteBuffer(string: "Murmuration is ready.\n")) }
            let reasons = services.readiness.reasons.map { $0 + "\n" }.joined()
            return plain(.serviceUnavailable, ByteBuffer(string: "Murmuration is not ready.\n" + reasons))
        case .file(let path): return file(path, request)
        case .unknown: return failure(APIFailure(.notFound, "there is nothing at \(target.path)"), query: nil)
        case .methodNotAllowed(let allowed):
            let methods = allowed.joined(separator: ", ")
            var response = failure(
                APIFailure(.badData, "\(target.path) takes \(methods), not \(request.method.rawValue)"),
                status: .methodNotAllowed)
            response.headers[.allow] = methods
            return response
        }
    }

    /// Why a WebSocket request was not upgraded: the handshake left it to HTTP.
    private func refusedUpgrade(_ request: Request, _ target: RequestTarget, _ route: Route) -> Response {
        guard route == .live, services.query != nil else {
            return failure(APIFailure(.notFound, "there is no WebSocket at \(target.path)"), query: nil)
        }
        let handshake = LiveHandshake(
            path: request.head.path ?? "/", host: request.head.authority, origin: request.headers[.origin],
            tenant: request.headers[.scopeOrgID])
        switch handshake.outcome {
        case .forbidden(let failure): return self.failure(failure, status: .forbidden)
        case .refused(let failure): return self.failure(failure, query: nil)
        case .accepted where !services.readiness.isServing: return notReady()
        case .accepted:
            return failure(
                APIFailure(
                    .unavailable,
                    "the handshake is not WebSocket version 13 on a fresh connection, or there are "
                        + "\(configuration.live.connectionsMax) live connections (live_connections_max)",
                    retryAfterSeconds: 10), query: nil)
        case .notLive: return failure(APIFailure(.notFound, "there is no WebSocket at \(target.path)"), query: nil)
        }
    }

    private func file(_ path: String, _ request: Request) -> Response {
        guard let file = services.files.file(path: path) else { return notFound(request) }
        var headers: HTTPFields = [
            .contentType: file.contentType, .eTag: file.entityTag, .cacheControl: "no-cache",
            .contentSecurityPolicy: "frame-ancestors 'none'; object-src 'none'; base-uri 'self'",
        ]
        let known = request.headers[.ifNoneMatch] ?? ""
        if known == "*"
            || known.split(separator: ",").contains(where: {
                $0.drop { $0 == " " || $0 == "W" || $0 == "/" } == file.entityTag
            })
        {
            return Response(status: .notModified, headers: headers)
        }
        headers[.contentLength] = String(file.body.readableBytes)
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: file.body))
    }
}

/// The target of a request in its two parts.
struct RequestTarget {
    /// Before the `?`, still encoded.
    let path: String
    /// After it; empty when there is none.
    let query: Substring

    init(_ target: String) {
        let mark = target.firstIndex(of: "?") ?? target.endIndex
        path = String(target[..<mark])
        query = target[mark...].dropFirst()
    }
}

/// The guard against overload, shared by all requests.
final class SharedAdmission: Sendable {
    private let state: Mutex<Admission>

    init(_ configuration: SurfaceConfiguration) {
        state = Mutex(Admission(requestsMax: configuration.requestsMax, bytesMax: configuration.ingestInFlightBytesMax))
    }

    /// Requests and bytes of pushes at work.
    var load: (requests: Int, bytes: Int) { state.withLock { ($0.requests, $0.bytes) } }

    /// Lets a request in when there is room for it, else throws which limit is reached.
    func admit(bytes: Int = 0) throws(APIFailure) -> Ticket {
        if let refusal = state.withLock({ $0.enter(bytes: bytes) }) { throw refusal }
        return Ticket(admission: self, bytes: bytes)
    }

    /// A request's place among those at work: given back with `leave`, at the latest when nobody holds it any more.
    final class Ticket: Sendable {
        private let admission: SharedAdmission
        /// What it stands for; nil once it was given back.
        private let bytes: Mutex<Int?>

        fileprivate init(admission: SharedAdmission, bytes: Int) {
            self.admission = admission
            self.bytes = Mutex(bytes)
        }

        deinit {
            leave()
        }

        /// The request turns out to hold `size` bytes, at once; throws which limit is reached, and then holds what it held.
        func resize(to size: Int) throws(APIFailure) {
            let refusal = bytes.withLock { bytes -> APIFailure? in
                guard let held = bytes else { return nil }
                let refusal = admission.state.withLock { $0.resize(from: held, to: size) }
                if refusal == nil { bytes = size }
                return refusal
            }
            if let refusal { throw refusal }
        }

        /// The request is done; a second call does nothing.
        func leave() {
            bytes.withLock { bytes in
                guard let held = bytes else { return }
                admission.state.withLock { $0.leave(bytes: held) }
                bytes = nil
            }
        }
    }
}
