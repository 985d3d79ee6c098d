package import MetricModel
package import NIOCore

/// One push as it came over HTTP: its body whole, not yet decompressed or parsed.
package struct IngestRequest: Sendable {
    /// The form that the path promises; the body is read accordingly.
    package enum Form: String, Sendable, CaseIterable {
        /// Prometheus remote write: `/api/v1/write`, `/api/v1/push`.
        case remoteWrite
        /// JSON push: `/api/metrics`.
        case json
    }

    /// Whose data it is; validated.
    package var tenant: TenantID
    /// The form that the path promises.
    package var form: Form
    /// `Content-Type` as sent, empty when absent.
    package var contentType: String
    /// `Content-Encoding` as sent, empty when absent.
    package var contentEncoding: String
    /// `X-Prometheus-Remote-Write-Version` as sent, nil when absent.
    package var remoteWriteVersion: String?
    /// `Idempotency-Key` as sent, nil when absent; at most 256 bytes.
    package var idempotencyKey: String?
    /// The body as received, within `ingest_body_bytes_max`.
    package var body: ByteBuffer
    /// When the request's body was complete, Unix milliseconds: the time of samples that carry none.
    package var arrival: Int64

    /// A push whose body is complete.
    package init(
        tenant: TenantID, form: Form, contentType: String = "", contentEncoding: String = "",
        remoteWriteVersion: String? = nil, idempotencyKey: String? = nil, body: ByteBuffer, arrival: Int64
    ) {
        self.tenant = tenant
        self.form = form
        self.contentType = contentType
        self.contentEncoding = contentEncoding
        self.remoteWriteVersion = remoteWriteVersion
        self.idempotencyKey = idempotencyKey
        self.body = body
        self.arrival = arrival
    }
}

/// What a push is answered with.
package struct IngestReply: Sendable, Equatable {
    /// HTTP status: 204 only when everything is stored.
    package var status: Int
    /// Body, nil for none.
    package var body: ByteBuffer?
    /// `Content-Type` of the body.
    package var contentType: String
    /// Seconds for `Retry-After` with 429 and 503.
    package var retryAfterSeconds: Int?

    /// A reply; the default is 204 without a body.
    package init(
        status: Int = 204, body: ByteBuffer? = nil, contentType: String = "text/plain; charset=utf-8",
        retryAfterSeconds: Int? = nil
    ) {
        self.status = status
        self.body = body
        self.contentType = contentType
        self.retryAfterSeconds = retryAfterSeconds
    }

    /// A reply with one line of text.
    package static func text(_ status: Int, _ message: String, retryAfterSeconds: Int? = nil) -> IngestReply {
        IngestReply(status: status, body: ByteBuffer(string: message + "\n"), retryAfterSeconds: retryAfterSeconds)
    }
}

/// Takes pushes. The router role implements it.
package protocol IngestService: Sendable {
    /// Stores what can be stored and says so; never throws, since each outcome is a reply.
    ///
    /// A 2xx means that every sample is acknowledged under the configured durability.
    func ingest(_ request: IngestRequest) async -> IngestReply
}
