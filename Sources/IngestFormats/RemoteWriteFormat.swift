import ByteCoding
package import MetricModel

/// Prometheus remote write 1.0: a protobuf `WriteRequest`, snappy block format.
///
/// Source: prometheus.io/docs/specs/remote_write_spec. Numbers, stale markers and other NaN payloads are kept to the bit.
/// Exemplars are found, and read by the router. Where native histograms are not taken they are rejected by series, and the samples beside
/// them are kept.
package struct RemoteWriteFormat: IngestFormat {
    /// The media type that remote write announces.
    package static let contentType = "application/x-protobuf"
    /// The protobuf message that version 1.0 sends, where the media type names one.
    static let message = "prometheus.WriteRequest"

    private let takesHistograms: Bool

    /// - Parameter takesHistograms: whether native histograms are stored.
    package init(takesHistograms: Bool = false) {
        self.takesHistograms = takesHistograms
    }

    /// `remote_write`.
    package var name: String { "remote_write" }

    /// Takes protobuf in snappy; headers that are absent are taken for these, as old senders leave them out.
    package func check(contentType: String?, contentEncoding: String?) throws(IngestError) {
        let accepted =
            "accepted is \(RemoteWriteFormat.contentType) (proto=\(RemoteWriteFormat.message)) with "
            + "Content-Encoding: snappy"
        if let contentType {
            let type = MediaType(contentType)
            guard type.essence == RemoteWriteFormat.contentType else {
                throw .unsupportedMediaType("Content-Type \"\(contentType.prefix(128))\" is not read here; \(accepted)")
            }
            if let message = type.parameters["proto"], message != RemoteWriteFormat.message {
                throw .unsupportedMediaType(
                    "remote-write message \"\(message.prefix(128))\" is not read here; \(accepted)")
            }
        }
        if let contentEncoding, contentEncoding.lowercased() != "snappy" {
            throw .unsupportedMediaType(
                "Content-Encoding \"\(contentEncoding.prefix(128))\" is not read here; \(accepted)")
        }
    }

    /// Unpacks and skims the request; label runs stay in place.
    package func parse(_ body: [UInt8], seed: UInt64, limits: Limits) throws(IngestError) -> ParsedWrite {
        guard body.count <= limits.ingestBodyBytesMax else {
            throw .limit(name: "ingest_body_bytes_max", maximum: limits.ingestBodyBytesMax, found: body.count)
        }
        let request: [UInt8]
        do throws(SnappyBlock.Failure) {
            request = try SnappyBlock.decompress(body, bytesMax: limits.ingestDecodedBytesMax)
        } catch {
            switch error {
            case .corrupt: throw .malformed("the body is not a snappy block")
            case .tooLarge(let declared):
                throw .limit(name: "ingest_decoded_bytes_max", maximum: limits.ingestDecodedBytesMax, found: declared)
            }
        }
        return try parse(decompressed: request, seed: seed, limits: limits)
    }

    /// The same over a request that is not compressed.
    package func parse(
        decompressed request: [UInt8], seed: UInt64, limits: Limits
    ) throws(IngestError) -> ParsedWrite {
        var write = ParsedWrite()
        var spilled: [UInt8] = []
        do throws(RemoteWriteScanner.Failure) {
            var scanner = RemoteWriteScanner(request, seed: seed, limits: limits, takesHistograms: takesHistograms)
            try scanner.scan(into: &write, spill: &spilled)
        } catch {
            switch error {
            case .bytes(let error): throw .malformed("not a remote-write request: \(error)")
            case .limit(let name, let maximum, let found): throw .limit(name: name, maximum: maximum, found: found)
            }
        }
        write.bytes = request
        // Even appending nothing would copy an array that the scan still shares.
        if !spilled.isEmpty { write.bytes.append(contentsOf: spilled) }
        return write
    }

    /// One line of text, which Prometheus copies into its log.
    package func refusal(_ report: WriteReport) -> IngestReplyBody {
        line(report.summary(noun: "series"))
    }

    /// One line of text, likewise.
    package func refusal(_ error: IngestError) -> IngestReplyBody { line(error.description) }

    private func line(_ text: String) -> IngestReplyBody {
        IngestReplyBody(contentType: "text/plain; charset=utf-8", text: text + "\n")
    }
}
