package import MetricModel

// The way of a push through this target: HTTP hands a format the headers and the body; the format answers with a `ParsedWrite`
// (ParsedWrite.swift), columns of samples and raw, hashed label runs (LabelRun.swift); IngestRouting looks the series up, sends
// the batches and fills a `WriteReport` (WriteReport.swift), which the format turns into its reply.
//
// A further format is one file: a type that conforms to `IngestFormat` and fills a `ParsedWrite`. RemoteWriteFormat.swift reads
// labels in place, JSONPushFormat.swift writes them into the arena; whichever is nearer is the one to look at first.

/// A way of writing samples into a request's body.
package protocol IngestFormat: Sendable {
    /// The format's name in logs and in the `format` label of our own metrics.
    var name: String { get }

    /// Looks at the headers before the body is collected.
    ///
    /// - Parameters:
    ///   - contentType: the `Content-Type` header as sent, nil when absent.
    ///   - contentEncoding: the `Content-Encoding` header as sent, nil when absent.
    /// - Throws: `IngestError.unsupportedMediaType`, which names what is accepted.
    func check(contentType: String?, contentEncoding: String?) throws(IngestError)

    /// Parses a whole body: pass 1 of 2, which touches only memory that it reads in order.
    ///
    /// - Parameters:
    ///   - body: the body as sent, still compressed.
    ///   - seed: mixed into each series' hash; of this tenant and this process.
    ///   - limits: what a request may contain.
    /// - Returns: columns of what can be stored, and a rejection by index for what cannot.
    /// - Throws: `IngestError` when nothing of the body can be used.
    func parse(_ body: [UInt8], seed: UInt64, limits: Limits) throws(IngestError) -> ParsedWrite

    /// The answer to a push of which something could not be stored.
    func refusal(_ report: WriteReport) -> IngestReplyBody

    /// The answer to a push of which nothing could be used.
    func refusal(_ error: IngestError) -> IngestReplyBody
}

/// The body of an answer and its media type.
package struct IngestReplyBody: Equatable, Sendable {
    /// The `Content-Type`.
    package var contentType: String
    /// The text, UTF-8.
    package var text: String

    /// Puts a text beside its media type.
    package init(contentType: String, text: String) {
        self.contentType = contentType
        self.text = text
    }
}

/// Why a whole push was refused. Single bad elements are rejections in `ParsedWrite`, not errors.
package enum IngestError: Error, Equatable, Sendable, CustomStringConvertible {
    /// 415: the headers announce something that this format does not read.
    case unsupportedMediaType(String)
    /// 413: a limit on the request as a whole; `name` is the setting.
    case limit(name: String, maximum: Int, found: Int)
    /// 400: the body is not what the headers say.
    case malformed(String)

    /// The HTTP status that stands for it.
    package var status: Int {
        switch self {
        case .unsupportedMediaType: 415
        case .limit: 413
        case .malformed: 400
        }
    }

    /// The error in words, as the reply carries it.
    package var description: String {
        switch self {
        case .unsupportedMediaType(let reason), .malformed(let reason): reason
        case .limit(let name, let maximum, let found): "\(name) is \(maximum), found \(found)"
        }
    }
}

/// A media type taken apart: `type/subtype; parameter=value`.
struct MediaType {
    /// Lower case, without parameters.
    let essence: String
    /// Names in lower case; values without quotes.
    let parameters: [String: String]

    init(_ header: String) {
        let parts = header.split(separator: ";", omittingEmptySubsequences: false)
        essence = MediaType.trimmed(parts.first ?? "").lowercased()
        var parameters: [String: String] = [:]
        for part in parts.dropFirst() {
            let pair = part.split(separator: "=", maxSplits: 1)
            guard pair.count == 2 else { continue }
            var value = MediaType.trimmed(pair[1])
            if value.count >= 2, value.first == "\"", value.last == "\"" { value = value.dropFirst().dropLast() }
            parameters[MediaType.trimmed(pair[0]).lowercased()] = String(value)
        }
        self.parameters = parameters
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return text
    }
}
