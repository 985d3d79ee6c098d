import HTTPTypes
import Hummingbird
import IngestFormats
import MetricModel
import NIOCore

extension SurfaceResponder {
    /// `remote_read_bytes_max`: an answer that is not streamed, before compression.
    private static let answerBytesMax = 256 << 20

    /// `/api/v1/read`: raw samples for Prometheus and its kin. Failures are plain text, as they expect.
    func remoteRead(_ request: Request, _ target: RequestTarget) async throws -> Response {
        guard let service = services.query else {
            return plain(.notFound, ByteBuffer(string: "this node answers no queries\n"))
        }
        if !services.readiness.isServing { return notReady() }
        let ticket = try admission.admit()
        do {
            var parameters = RequestParameters()
            try parameters.add(urlEncoded: target.query.utf8)
            let tenant = try TenantChoice.tenant(header: request.headers[.scopeOrgID], parameters: parameters)
            let read = try RemoteReadRequest(try await message(of: request))
            var results: [[SeriesColumns]] = []
            for query in read.queries {
                let selection = SelectionQuery(
                    tenant: tenant, matcherSets: [query.matchers], start: query.start, end: query.end,
                    timeoutMilliseconds: configuration.bounds.timeoutMilliseconds)
                let found = try await Deadline.run(selection.timeoutMilliseconds) {
                    try await service.select(selection)
                }
                results.append(RemoteReadResponse.sorted(found.value[0].filter { !$0.isEmpty }))
            }
            switch read.responseType {
            case .samples: return try samples(results, ticket)
            case .streamedChunks: return streamed(results, ticket)
            }
        } catch {
            let failure = APIFailure(error)
            return plain(
                HTTPResponse.Status(code: failure.kind.status), ByteBuffer(string: failure.message + "\n"))
        }
    }

    private func message(of request: Request) async throws -> [UInt8] {
        let body: ByteBuffer
        do {
            body = try await request.body.collect(upTo: configuration.formBytesMax)
        } catch is NIOTooManyBytesError {
            throw APIFailure(
                .badData, "the body is larger than \(configuration.formBytesMax) bytes (http_form_bytes_max)")
        }
        do throws(SnappyBlock.Failure) {
            return try SnappyBlock.decompress(
                Array(body.readableBytesView), bytesMax: configuration.formBytesMax)
        } catch {
            throw APIFailure(.badData, "the body is not a snappy block of at most \(configuration.formBytesMax) bytes")
        }
    }

    private func samples(_ results: [[SeriesColumns]], _ ticket: SharedAdmission.Ticket) throws -> Response {
        let message = try RemoteReadResponse.samples(results, bytesMax: SurfaceResponder.answerBytesMax)
        let body = ByteBuffer(bytes: SnappyBlock.compress(message))
        ticket.leave()
        return Response(
            status: .ok, headers: [.contentType: "application/x-protobuf", .contentEncoding: "snappy"],
            body: ResponseBody(byteBuffer: body))
    }

    private func streamed(_ results: [[SeriesColumns]], _ ticket: SharedAdmission.Ticket) -> Response {
        Response(
            status: .ok,
            headers: [.contentType: "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse"],
            body: ResponseBody { writer in
                defer { ticket.leave() }
                var stream = RemoteReadStream(results)
                while let frame = stream.nextFrame() { try await writer.write(frame) }
                try await writer.finish(nil)
            })
    }
}
