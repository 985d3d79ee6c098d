import HTTPTypes
import Hummingbird
import IngestFormats
import MetricModel
import NIOCore

extension SurfaceResponder {
    /// Takes a push: its body whole, within the limit, then the service's word.
    func ingest(_ request: Request, _ target: RequestTarget, _ form: IngestRequest.Form) async throws -> Response {
        guard let service = services.ingest else {
            return failure(APIFailure(.notFound, "this node takes no pushes"), query: nil)
        }
        if !services.readiness.isServing { return notReady() }
        var parameters = RequestParameters()
        try parameters.add(urlEncoded: target.query.utf8)
        let tenant = try TenantChoice.tenant(header: request.headers[.scopeOrgID], parameters: parameters)
        let key = request.headers[.idempotencyKey]
        if let key, key.utf8.count > 256 {
            throw APIFailure(.badData, "Idempotency-Key is longer than 256 bytes")
        }
        let bytesMax = configuration.bounds.limits.ingestBodyBytesMax
        let announced = request.headers[.contentLength].flatMap { Int($0) }
        if let announced, announced > bytesMax { return tooLarge(bytesMax, announced) }
        let ticket = try admission.admit(bytes: announced ?? bytesMax)
        defer { ticket.leave() }
        let body: ByteBuffer
        do {
            body = try await request.body.collect(upTo: bytesMax)
        } catch is NIOTooManyBytesError {
            return tooLarge(bytesMax, nil)
        }
        try ticket.resize(to: body.readableBytes + decodedBytes(of: body, form))
        let reply = await service.ingest(
            IngestRequest(
                tenant: tenant, form: form, contentType: request.headers[.contentType] ?? "",
                contentEncoding: request.headers[.contentEncoding] ?? "",
                remoteWriteVersion: request.headers[.remoteWriteVersion], idempotencyKey: key, body: body,
                arrival: services.clock()))
        return response(reply)
    }

    /// Bytes that the service will unpack the body to: what a compressed body declares in its head.
    ///
    /// 0 for a body that declares more than `ingest_decoded_bytes_max`, or nothing: the service refuses these unopened.
    private func decodedBytes(of body: ByteBuffer, _ form: IngestRequest.Form) -> Int {
        switch form {
        case .remoteWrite:
            let head = Array(body.readableBytesView.prefix(SnappyBlock.headBytesMax))
            guard let declared = try? SnappyBlock.declaredLength(of: head) else { return 0 }
            return declared > configuration.bounds.limits.ingestDecodedBytesMax ? 0 : declared
        case .json: return 0
        }
    }

    private func response(_ reply: IngestReply) -> Response {
        var response = Response(status: HTTPResponse.Status(code: reply.status))
        if let body = reply.body {
            response = plain(response.status, body, type: reply.contentType)
        } else if reply.status == 204 {
            // A 204 has no body, and no length of it either (RFC 9110, section 8.6).
            response.headers[.contentLength] = nil
        }
        if let seconds = reply.retryAfterSeconds { response.headers[.retryAfter] = String(seconds) }
        return response
    }

    private func tooLarge(_ bytesMax: Int, _ announced: Int?) -> Response {
        let found = announced.map { ", this one has \($0)" } ?? ""
        var response = plain(
            .contentTooLarge,
            ByteBuffer(string: "a push may have \(bytesMax) bytes (ingest_body_bytes_max)\(found)\n"))
        // The rest of a body that is far too large is not worth reading: the connection ends.
        if announced ?? Int.max > 4 * bytesMax { response.headers[.connection] = "close" }
        return response
    }
}
