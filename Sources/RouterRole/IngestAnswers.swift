import HTTPSurface
import IngestFormats
import IngestRouting
import NIOCore
import WireProtocol

/// What the sender of a push is told: 204 only when everything is stored.
enum IngestAnswers {
    /// Seconds after which a push that found no room or no aggregator is worth another try.
    private static let retryAfterSeconds = 1

    static func reply(to report: WriteReport, format: any IngestFormat) -> IngestReply {
        if report.isComplete { return IngestReply() }
        return reply(400, format.refusal(report))
    }

    private static func reply(_ status: Int, _ body: IngestReplyBody) -> IngestReply {
        IngestReply(status: status, body: ByteBuffer(string: body.text), contentType: body.contentType)
    }

    static func reply(to error: any Error, format: any IngestFormat) -> IngestReply {
        switch error {
        case let error as IngestError: reply(error.status, format.refusal(error))
        case let error as RoutingError: reply(to: error)
        case let error as TypedError: reply(to: error)
        case is CancellationError: .text(503, "the server is stopping", retryAfterSeconds: retryAfterSeconds)
        default: .text(500, "internal error: \(error)")
        }
    }

    private static func reply(to error: RoutingError) -> IngestReply {
        switch error {
        case .overloaded: .text(429, error.description, retryAfterSeconds: retryAfterSeconds)
        case .referencesLost: .text(503, error.description, retryAfterSeconds: retryAfterSeconds)
        case .idempotencyKeyTooLong: .text(400, error.description)
        }
    }

    /// An aggregator's error. Whatever happened there, the same push may be sent again: a sample counts once.
    private static func reply(to error: TypedError) -> IngestReply {
        let wait = error.retryAfterMilliseconds.map { Int(($0 + 999) / 1000) } ?? retryAfterSeconds
        return switch error.code {
        case .badRequest, .notFound, .unknownReference, .internal, .evaluation:
            .text(500, "aggregator: \(error.message)")
        case .tooLarge: .text(413, "aggregator: \(error.message)")
        // A member with another version is on its way to ours, or we to its.
        case .overloaded, .unavailable, .deadlineExceeded, .cancelled, .versionMismatch:
            .text(503, "aggregator: \(error.message)", retryAfterSeconds: wait)
        }
    }
}
