import Foundation
import Logging

/// Writes each log message as one line to standard error: logfmt for people and tools, or JSON.
///
/// The message is fixed text; what varies stands in the metadata, sorted by name.
struct LineLogHandler: LogHandler {
    /// How a line is written.
    enum Format: String {
        /// `time=… level=info message="…" key=value`
        case logfmt
        /// `{"time":"…","level":"info",…}`
        case json
    }

    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    private let label: String
    private let format: Format
    private let write: @Sendable (String) -> Void

    /// - Parameters:
    ///   - label: the part of the program that speaks.
    ///   - level: the least important messages that are written.
    ///   - format: how a line is written.
    ///   - write: takes each line with its end.
    init(
        label: String, level: Logger.Level, format: Format, write: @escaping @Sendable (String) -> Void = Terminal.note
    ) {
        self.label = label
        logLevel = level
        self.format = format
        self.write = write
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
        var fields = [
            ("time", Date().formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))),
            ("level", event.level.rawValue), ("part", label), ("message", event.message.description),
        ]
        for (name, value) in all.sorted(by: { $0.key < $1.key }) { fields.append((name, value.description)) }
        switch format {
        case .logfmt: write(fields.map { "\($0)=\(LineLogHandler.quoted($1))" }.joined(separator: " ") + "\n")
        case .json:
            write(
                "{" + fields.map { "\(LineLogHandler.json($0)):\(LineLogHandler.json($1))" }.joined(separator: ",")
                    + "}\n")
        }
    }

    /// A logfmt value: in quotes unless it is one plain word.
    private static func quoted(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy {
            $0 > 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "=") && $0 < 0x7f
        }
        return isPlain && !text.isEmpty ? text : json(text)
    }

    private static func json(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case "\u{0}"..<" ": result += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
