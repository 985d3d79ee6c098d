import HTTPTypes
import Hummingbird
import MetricModel
import NIOCore

extension SurfaceResponder {
    /// `/federate`: the newest sample of each series that a `match[]` names, in Prometheus' text format.
    ///
    /// Failures are plain text, as scrapers expect.
    func federate(
        _ request: Request, _ reader: QueryParameters, _ service: any QueryService, _ ticket: SharedAdmission.Ticket
    ) async -> Response {
        do {
            let query = SelectionQuery(
                tenant: reader.tenant, matcherSets: try reader.selectors().map { try service.parseSelector($0) },
                start: reader.now - service.lookbackMilliseconds, end: reader.now,
                timeoutMilliseconds: reader.bounds.timeoutMilliseconds)
            let found = try await Deadline.run(query.timeoutMilliseconds) { try await service.select(query) }
            let allowsUTF8 = request.headers[.accept]?.contains("escaping=allow-utf-8") ?? false
            let lines = Federation.lines(found.value, allowsUTF8: allowsUTF8)
            let escaping = allowsUTF8 ? "allow-utf-8" : "underscores"
            return document(
                lines, [.contentType: "text/plain; version=0.0.4; charset=utf-8; escaping=\(escaping)"],
                for: request, ticket)
        } catch {
            let failure = APIFailure(error)
            return plain(
                HTTPResponse.Status(code: failure.kind.status), ByteBuffer(string: failure.message + "\n"))
        }
    }
}

/// Samples in Prometheus' text format (source: its documentation of exposition formats, version 0.0.4).
enum Federation {
    private struct Line {
        var name: String
        var labels: Labels
        var time: Int64
        var value: Double
    }

    /// The newest sample of each series, by metric and labels; those that have ended (a stale marker), those without a name and native
    /// histograms are left out, since the format cannot tell them.
    static func lines(_ selections: [[SeriesColumns]], allowsUTF8: Bool) -> JSONChunks {
        var seen: Set<Labels> = []
        var lines: [Line] = []
        for series in selections.joined() where seen.insert(series.labels).inserted {
            guard let time = series.timestamps.last, let value = series.values.last, !value.isStaleMarker,
                series.histograms.timestamps.last.map({ $0 < time }) ?? true,
                let name = series.labels.metricName
            else { continue }
            lines.append(Line(name: name, labels: series.labels, time: time, value: value))
        }
        lines.sort { left, right in
            if left.name.hasSameBytes(as: right.name) {
                return left.labels.bytes.lexicographicallyPrecedes(right.labels.bytes)
            }
            return left.name.utf8.lexicographicallyPrecedes(right.name.utf8)
        }
        let sorted = lines
        return JSONChunks(beginning: "", count: sorted.count, separator: "", end: "") { index, text in
            let line = sorted[index]
            if index == 0 || !sorted[index - 1].name.hasSameBytes(as: line.name) {
                text.raw("# TYPE ")
                text.expositionName(line.name, allowsUTF8: allowsUTF8, allowsColon: true)
                text.raw(" untyped\n")
            }
            text.exposition(line.name, line.labels, allowsUTF8: allowsUTF8)
            text.raw(" ")
            text.number(line.value)
            text.raw(" \(line.time)\n")
        }
    }
}

extension JSONText {
    /// Appends `name{label="value",…}`; a series without `instance` gets an empty one, as in Prometheus, so that whoever scrapes this
    /// does not put its own in its place.
    fileprivate mutating func exposition(_ name: String, _ labels: Labels, allowsUTF8: Bool) {
        let isPlain = !allowsUTF8 || JSONText.isPlainName(name, allowsColon: true)
        if isPlain { expositionName(name, allowsUTF8: false, allowsColon: true) }
        raw("{")
        var separator = ""
        if !isPlain {
            expositionName(name, allowsUTF8: true, allowsColon: true)
            separator = ","
        }
        var hasInstance = false
        for label in labels.labels where label.name != Labels.metricName {
            hasInstance = hasInstance || label.name == "instance"
            raw(separator)
            expositionName(label.name, allowsUTF8: allowsUTF8, allowsColon: false)
            raw("=")
            expositionText(label.value)
            separator = ","
        }
        if !hasInstance { raw(separator + "instance=\"\"") }
        raw("}")
    }

    /// Appends a name: as it is where the format's old rules allow that, else in quotes, or with underscores for those who do not know
    /// of quotes.
    fileprivate mutating func expositionName(_ name: String, allowsUTF8: Bool, allowsColon: Bool) {
        if JSONText.isPlainName(name, allowsColon: allowsColon) { return raw(name) }
        if allowsUTF8 { return expositionText(name) }
        for (index, scalar) in name.unicodeScalars.enumerated() {
            let isAllowed =
                scalar.isASCII
                && JSONText.isPlain(UInt8(ascii: scalar), isFirst: index == 0, allowsColon: allowsColon)
            raw(isAllowed ? String(scalar) : "_")
        }
    }

    private mutating func expositionText(_ text: String) {
        raw("\"")
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): raw("\\\\")
            case UInt8(ascii: "\""): raw("\\\"")
            case UInt8(ascii: "\n"): raw("\\n")
            default: self.byte(byte)
            }
        }
        raw("\"")
    }

    private static func isPlainName(_ name: String, allowsColon: Bool) -> Bool {
        !name.isEmpty
            && name.utf8.enumerated().allSatisfy {
                isPlain($0.element, isFirst: $0.offset == 0, allowsColon: allowsColon)
            }
    }

    private static func isPlain(_ byte: UInt8, isFirst: Bool, allowsColon: Bool) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"): !isFirst
        case UInt8(ascii: ":"): allowsColon
        default: false
        }
    }
}
