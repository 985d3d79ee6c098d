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

    /// 404 for a path where a file could be: a page for those who look at it, a line for programs.
    func notFound(_ request: Request) -> Response {
        let hasApplication = !services.files.isEmpty
        guard request.headers[.accept]?.lowercased().contains("text/html") == true else {
            let hint = hasApplication ? "the web application is at /" : "this node serves no web application"
            return plain(.notFound, ByteBuffer(string: "there is nothing at this path; \(hint)\n"))
        }
        let hint =
            hasApplication
            ? "<a href=\"/\">Go to Murmuration</a>"
            : "This node serves no web application; its HTTP API is under /api/v1."
        let page = """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><title>Not found · Murmuration</title>
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <style>body { font: 16px/1.5 system-ui, sans-serif; margin: 20vh 24px; text-align: center }</style></head>
            <body><h1>There is nothing here</h1><p>\(hint)</p></body></html>

            """
        var response = plain(.notFound, ByteBuffer(string: page), type: "text/html; charset=utf-8")
        response.headers[.contentSecurityPolicy] =
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
        return response
    }

    /// A text.
    func plain(
        _ status: HTTPResponse.Status, _ body: ByteBuffer, type: String = "text/plain; charset=utf-8"
    ) -> Response {
        Response(status: status, headers: [.contentType: type], body: ResponseBody(byteBuffer: body))
    }

    private var jsonHeaders: HTTPFields { [.contentType: "application/json", .cacheControl: "no-store"] }
}
