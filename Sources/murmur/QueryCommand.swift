import Foundation
import HTTPSurface
import MetricModel
import Settings

/// `murmur query`: asks an expression over the HTTP API and prints the answer.
enum QueryCommand {
    static func run(_ values: SettingValues) async throws {
        guard let expression = values.argument else {
            throw UsageError(message: "an expression is needed: murmur query EXPR", help: "murmur query --help")
        }
        if values.isOn("explain") && values.isOn("csv") {
            throw UsageError(message: "--explain and --csv exclude each other", help: "murmur query --help")
        }
        if values.isOn("json") && values.isOn("csv") {
            throw UsageError(message: "--json and --csv exclude each other", help: "murmur query --help")
        }
        let path = try target(expression, values, now: SurfaceClock.milliseconds())
        let timeout = values.milliseconds("timeout")
        let reply: HTTPPushClient.Reply
        do {
            let client = try HTTPPushClient(url: values.text("endpoint"))
            let headers = values.optionalText("tenant").map { [("x-scope-orgid", $0)] } ?? []
            // A second more than the server has: its own answer about the timeout says more than ours.
            reply = try await client.get(path: path, headers: headers, timeout: .milliseconds(timeout + 1_000))
            await client.close()
        } catch let error as HTTPClientError {
            throw CommandFailure(message: error.description, hint: "name the server with --endpoint http://HOST:PORT")
        }
        if reply.status == 200 && values.isOn("json") { return Terminal.print(reply.text + "\n") }
        guard let answer = try? JSONDecoder().decode(QueryReply.self, from: Data(reply.body)) else {
            throw CommandFailure(
                message: "\(values.text("endpoint")) does not answer as a query API does (status \(reply.status))",
                hint: "name the HTTP address of a coordinator or a standalone with --endpoint")
        }
        for warning in answer.warnings ?? [] { Terminal.note("murmur: warning: \(warning)\n") }
        for info in answer.infos ?? [] { Terminal.note("murmur: info: \(info)\n") }
        if let explained = answer.data?.explain { return Terminal.print(ExplainText.text(explained)) }
        guard let result = answer.data?.result else {
            throw CommandFailure(message: Caret.message(answer, expression: expression), hint: nil)
        }
        let table = ResultTable(result)
        Terminal.print(values.isOn("csv") ? table.csv : table.text)
    }

    /// Path and query string of the question.
    private static func target(_ expression: String, _ values: SettingValues, now: Int64) throws -> String {
        let timeout = "&timeout=\(values.milliseconds("timeout"))ms"
        let query = "query=" + encoded(expression) + timeout + (values.isOn("explain") ? "&explain=analyze" : "")
        guard let start = try time("start", values, now: now) else {
            if values.optionalText("end") != nil || values.optionalMilliseconds("step") != nil {
                throw UsageError(message: "--end and --step need --start", help: "murmur query --help")
            }
            let time = try time("time", values, now: now) ?? now
            return "/api/v1/query?\(query)&time=\(seconds(time))"
        }
        let end = try time("end", values, now: now) ?? now
        let step = values.optionalMilliseconds("step") ?? max(1_000, (end - start) / 60_000 * 1_000)
        return "/api/v1/query_range?\(query)&start=\(seconds(start))&end=\(seconds(end))&step=\(seconds(step))"
    }

    /// Unix seconds, RFC 3339, or an age such as `5m`.
    private static func time(_ name: String, _ values: SettingValues, now: Int64) throws -> Int64? {
        guard let text = values.optionalText(name) else { return nil }
        if let time = QueryParameters.time(text) { return time }
        if let age = DurationText.milliseconds(text) { return now - age }
        let expected = "Unix seconds, RFC 3339 such as 2026-05-01T12:00:00Z, or an age such as 5m"
        throw UsageError(
            SettingsError.badValue(setting: name, value: text, from: values.origin(of: name), expected: expected),
            command: "query")
    }

    private static func seconds(_ milliseconds: Int64) -> String {
        "\(milliseconds / 1_000)." + String(1_000 + milliseconds % 1_000).dropFirst()
    }

    private static func encoded(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default: result += (byte < 16 ? "%0" : "%") + String(byte, radix: 16, uppercase: true)
            }
        }
        return result
    }
}

/// Points at the place of an error.
enum Caret {
    /// The error's text, and below it the line of the expression that it is about with the place marked.
    static func message(_ reply: QueryReply, expression: String) -> String {
        let text = "\(reply.errorType ?? "error"): \(reply.error ?? "the server gave no reason")"
        guard let position = reply.position else { return text }
        let units = Array(expression.utf16)
        guard position.offset <= units.count else { return text }
        let newline = UInt16(0x0A)
        let start = units[..<position.offset].lastIndex(of: newline).map { $0 + 1 } ?? 0
        let end = units[position.offset...].firstIndex(of: newline) ?? units.count
        let line = String(decoding: units[start..<end], as: UTF16.self)
        let column = String(decoding: units[start..<position.offset], as: UTF16.self).count
        let place = units[position.offset..<min(end, position.offset + position.length)]
        let marks = max(1, String(decoding: place, as: UTF16.self).count)
        return text + "\n  \(line)\n  " + String(repeating: " ", count: column) + String(repeating: "^", count: marks)
    }
}
