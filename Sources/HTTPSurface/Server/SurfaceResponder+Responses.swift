import HTTPTypes
import Hummingbird
import NIOCore

extension SurfaceResponder {
    /// JSON with status 200; in pieces when it is more than one, and `ticket` is left after the last.
    func json(_ chunks: JSONChunks, _ ticket: SharedAdmission.Ticket? = nil) -> Response {
        var chunks = chunks
        let first = chunks.nextChunk() ?? ByteBuffer()
        guard let second = chunks.nextChunk() else {
            ticket?.leave()
            return Response(status: .ok, headers: jsonHeaders, body: ResponseBody(byteBuffer: first))
        }
        let rest = chunks
        return Response(
            status: .ok, headers: jsonHeaders,
            body: ResponseBody { writer in
                defer { ticket?.leave() }
                var rest = rest
                try await writer.write(first)
                try await writer.write(second)
                while let chunk = rest.nextChunk() { try await writer.write(chunk) }
                try await writer.finish(nil)
            })
    }

    /// A failure in the Prometheus envelope, under its kind's status.
    func failure(_ failure: APIFailure, query: String?) -> Response {
        self.failure(failure, status: HTTPResponse.Status(code: failure.kind.status), query: query)
    }

    /// A failure in the Prometheus envelope, under a status of its own.
    func failure(_ failure: APIFailure, status: HTTPResponse.Status, query: String? = nil) -> Response {
        let body = ByteBuffer(bytes: Envelope.failure(failure, query: query).bytes)
        var response = Response(status: status, headers: jsonHeaders, body: ResponseBody(byteBuffer: body))
        if let seconds = failure.retryAfterSeconds { response.headers[.retryAfter] = String(seconds) }
        return response
    }

    /// 503 until the process is ready.
    func notReady() -> Response {
        let reasons = services.readiness.reasons.joined(separator: "; ")
        return failure(APIFailure(.unavailable, "not ready yet: \(reasons)", retryAfterSeconds: 1), query: nil)
    }

    /// A text.
    func plain(
        _ status: HTTPResponse.Status, _ body: ByteBuffer, type: String = "text/plain; charset=utf-8"
    ) -> Response {
        Response(status: status, headers: [.contentType: type], body: ResponseBody(byteBuffer: body))
    }

    private var jsonHeaders: HTTPFields { [.contentType: "application/json", .cacheControl: "no-store"] }
}
