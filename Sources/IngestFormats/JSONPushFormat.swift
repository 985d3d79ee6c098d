package import MetricModel

/// JSON push: one object, an array of objects, or one object a line (NDJSON).
///
///     {"server_id":1,"metric_type":"cpu","value":42.5,"unit":"%","tags":{"core":"0"},"timestamp":1763000000.25}
///
/// The fields, and what is decided where the contract leaves it open, stand in docs/ingest.md. JSONPushParser.swift does the work.
package struct JSONPushFormat: IngestFormat {
    /// The format has no settings.
    package init() {}

    /// `json`.
    package var name: String { "json" }

    private static let acceptedTypes: Set<String> = [
        "application/json", "application/x-ndjson", "application/ndjson", "application/jsonl",
        "application/x-jsonlines",
        "text/json", "text/plain",
        // What curl -d announces unless told otherwise.
        "application/x-www-form-urlencoded",
    ]

    /// Takes JSON and NDJSON, not compressed; an absent type is taken for JSON.
    package func check(contentType: String?, contentEncoding: String?) throws(IngestError) {
        let accepted = "accepted is application/json or application/x-ndjson, not compressed"
        if let contentType, !JSONPushFormat.acceptedTypes.contains(MediaType(contentType).essence) {
            throw .unsupportedMediaType("Content-Type \"\(contentType.prefix(128))\" is not read here; \(accepted)")
        }
        if let contentEncoding, contentEncoding.lowercased() != "identity" {
            throw .unsupportedMediaType(
                "Content-Encoding \"\(contentEncoding.prefix(128))\" is not read here; \(accepted)")
        }
    }

    /// Reads the elements one after the other; bad ones are rejected by index.
    package func parse(_ body: [UInt8], seed: UInt64, limits: Limits) throws(IngestError) -> ParsedWrite {
        guard body.count <= limits.ingestBodyBytesMax else {
            throw .limit(name: "ingest_body_bytes_max", maximum: limits.ingestBodyBytesMax, found: body.count)
        }
        var parser = JSONPushParser(body, seed: seed, limits: limits)
        return try parser.parse()
    }

    /// `{"error":…,"stored":50,"rejected":[{"index":25,"error":…}]}`.
    package func refusal(_ report: WriteReport) -> IngestReplyBody {
        refusal(report.summary(noun: "element"), stored: report.stored, rejections: report.rejections)
    }

    /// The same, without a rejection: `{"error":…,"stored":0,"rejected":[]}`.
    package func refusal(_ error: IngestError) -> IngestReplyBody {
        refusal(error.description, stored: 0, rejections: [])
    }

    private func refusal(_ error: String, stored: Int, rejections: [ElementRejection]) -> IngestReplyBody {
        var text = "{\"error\":"
        JSONText.appendString(error, to: &text)
        text += ",\"stored\":\(stored),\"rejected\":["
        for (position, rejection) in rejections.enumerated() {
            if position > 0 { text += "," }
            text += "{\"index\":\(rejection.element),\"error\":"
            JSONText.appendString(rejection.reason, to: &text)
            text += "}"
        }
        text += "]}\n"
        return IngestReplyBody(contentType: "application/json", text: text)
    }
}
