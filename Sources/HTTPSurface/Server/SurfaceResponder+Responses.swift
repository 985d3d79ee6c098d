import HTTPTypes
import Hummingbird
import NIOCore

extension SurfaceResponder {
    /// JSON with status 200; in pieces when it is more than one, and `ticket` is left after the last.
    func json(_ chunks: JSONChunks, for request: Request, _ ticket: SharedAdmission.Ticket? = nil) -> Response {
        document(chunks, jsonHeaders, for: request, ticket)
    }

    /// A document with status 200; in pieces when it is more than one, compressed when the client takes that and it is worth it, and
    /// `ticket` is left after the last piece.
    func document(
        _ chunks: JSONChunks, _ headers: HTTPFields, for request: Request, _ ticket: SharedAdmission.Ticket? = nil
    ) -> Response {
        var chunks = chunks
        var headers = headers
        let first = chunks.nextChunk() ?? ByteBuffer()
        let second = chunks.nextChunk()
        let isShort = second == nil && first.readableBytes < ContentCoding.bytesMin
        let coding = isShort ? nil : ContentCoding.chosen(by: request.headers[.acceptEncoding])
        headers[.vary] = "Accept-Encoding"
        headers[.contentEncoding] = coding?.rawValue
        guard let second else {
            ticket?.leave()
            let body = coding.map { DeflateStream($0).compress(first, isLast: true) } ?? first
            return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: body))
        }
        let rest = chunks
        return Response(
            status: .ok, headers: headers,
            body: ResponseBody { writer in
                defer { ticket?.leave() }
                var rest = rest
                let stream = coding.map(DeflateStream.init)
                for piece in [first, second] {
                    try await writer.write(stream?.compress(piece, isLast: false) ?? piece)
                }
                while let piece = rest.nextChunk() {
                    try await writer.write(stream?.compress(piece, isLast: false) ?? piece)
                }
                if let stream { try await writer.write(stream.compress(ByteBuffer(), isLast: true)) }
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
