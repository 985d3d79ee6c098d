import IngestFormats
import MetricModel
import Testing

@Suite("JSON push")
struct JSONPushTests {
    private let format = JSONPushFormat()

    private func parse(_ text: String, limits: Limits = Limits()) throws -> ParsedWrite {
        try format.parse(Array(text.utf8), seed: 1, limits: limits)
    }

    private func labels(_ pairs: [String: String]) throws -> Labels {
        try Labels(pairs.map { Label($0.key, $0.value) })
    }

    // MARK: - What is taken

    @Test("the contract's example is cpu{server_id=\"1\"}, its unit metadata")
    func example() throws {
        let write = try parse(#"{"server_id":1,"metric_type":"cpu","value":42.5,"unit":"%"}"#)
        #expect(try write.labels(ofSeries: 0) == labels(["__name__": "cpu", "server_id": "1"]))
        #expect(write.samples.values == [42.5])
        #expect(write.hasUnstamped)
        #expect(write.samples.timestamps == [ParsedWrite.unstamped])
        #expect(write.metadata == [MetricMetadata(metric: "cpu", type: "unknown", unit: "%", help: "")])
        #expect(write.rejectedCount == 0)
    }

    @Test("one object, an array and one a line are the same")
    func shapes() throws {
        let one = #"{"server_id":"a","metric_type":"m","value":1,"timestamp":1}"#
        let two = #"{"server_id":"b","metric_type":"m","value":2,"timestamp":2}"#
        for text in ["[\(one),\(two)]", " [ \(one) , \(two) ]\n", "\(one)\n\(two)", "\(one)\r\n\r\n\(two)\n"] {
            let write = try parse(text)
            #expect(write.samples.values == [1, 2])
            #expect(write.samples.timestamps == [1_000, 2_000])
            #expect(write.series.map(\.element) == [0, 1])
        }
        #expect(try parse("[]").samples.count == 0)
        #expect(try parse(one.split(separator: ",").joined(separator: "\n,\n")).samples.values == [1])
    }

    @Test("tags become labels: text, numbers and booleans; null is no label")
    func tags() throws {
        let write = try parse(
            #"{"server_id":"a","metric_type":"m","value":1,"tags":{"t":"x","n":1.5,"i":7,"b":true,"z":null,"e":"","u":"\u00e9\ud83d\ude00"}}"#
        )
        #expect(
            try write.labels(ofSeries: 0)
                == labels([
                    "__name__": "m", "server_id": "a", "t": "x", "n": "1.5", "i": "7", "b": "true", "u": "é\u{1F600}",
                ]))
    }

    @Test(
        "a number as server_id is its integer text",
        arguments: [
            ("1", "1"), ("1.0", "1"), ("1e3", "1000"), ("-5", "-5"), ("1.5", "1.5"), ("0", "0"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
        ])
    func numericServer(_ json: String, _ expected: String) throws {
        let write = try parse(#"{"server_id":\#(json),"metric_type":"m","value":1}"#)
        #expect(try write.labels(ofSeries: 0)["server_id"] == expected)
    }

    @Test(
        "timestamps: seconds, milliseconds from 10^11, RFC 3339",
        arguments: [
            ("1763000000", 1_763_000_000_000), ("1763000000.25", 1_763_000_000_250),
            ("1763000000.123", 1_763_000_000_123),
            ("0", 0), ("-1.5", -1_500), ("99999999999", 99_999_999_999_000), ("100000000000", 100_000_000_000),
            ("1763000000123", 1_763_000_000_123), ("1.763e9", 1_763_000_000_000),
            ("\"2025-11-13T02:13:20Z\"", 1_763_000_000_000), ("\"2025-11-13T03:13:20.5+01:00\"", 1_763_000_000_500),
        ] as [(String, Int64)])
    func timestamps(_ json: String, _ expected: Int64) throws {
        let write = try parse(#"{"server_id":"a","metric_type":"m","value":1,"timestamp":\#(json)}"#)
        #expect(write.rejections.isEmpty)
        #expect(write.samples.timestamps == [expected])
        #expect(!write.hasUnstamped)
    }

    @Test("null timestamp and unit are as if absent")
    func nulls() throws {
        let write = try parse(
            #"{"server_id":"a","metric_type":"m","value":1,"timestamp":null,"unit":null,"tags":null}"#)
        #expect(write.samples.timestamps == [ParsedWrite.unstamped])
        #expect(write.metadata.isEmpty)
    }

    @Test("the values that JSON has no number for are text")
    func nonNumbers() throws {
        for (text, expected) in [("+Inf", Double.infinity), ("Inf", .infinity), ("-Inf", -.infinity)] {
            #expect(try parse(#"{"server_id":"a","metric_type":"m","value":"\#(text)"}"#).samples.values == [expected])
        }
        #expect(try parse(#"{"server_id":"a","metric_type":"m","value":"NaN"}"#).samples.values[0].isNaN)
    }

    @Test("unknown fields are skipped, keys may be escaped, order does not matter for the labels")
    func lenience() throws {
        let write = try parse(
            #"{"x":{"y":[1,"2",{}]},"val\u0075e":3,"tags":{"b":"1","a":"2"},"metric_type":"m","server_id":"s"}"#)
        #expect(write.samples.values == [3])
        #expect(try write.labels(ofSeries: 0) == labels(["__name__": "m", "server_id": "s", "a": "2", "b": "1"]))
    }

    @Test("each unit of a metric is said once")
    func unitOnce() throws {
        let line = #"{"server_id":"a","metric_type":"m","value":1,"unit":"s"}"#
        let write = try parse([line, line, line.replacing("\"s\"", with: "\"ms\"")].joined(separator: "\n"))
        #expect(write.metadata.map(\.unit) == ["s", "ms"])
    }

    // MARK: - What is refused

    @Test(
        "a bad element is named by its index and the good ones are kept",
        arguments: [
            (#"{"metric_type":"m","value":1}"#, "server_id is missing"),
            (#"{"server_id":"a","value":1}"#, "metric_type is missing"),
            (#"{"server_id":"a","metric_type":"m"}"#, "value is missing"),
            (#"{"server_id":"a","metric_type":"m","value":"12"}"#, "value must be a number"),
            (#"{"server_id":"a","metric_type":"m","value":null}"#, "value must be a number"),
            (#"{"server_id":"a","metric_type":"m","value":true}"#, "value must be a number"),
            (#"{"server_id":"a","metric_type":"m","value":1e999}"#, "too large"),
            (#"{"server_id":"","metric_type":"m","value":1}"#, "server_id is empty"),
            (#"{"server_id":"a","metric_type":"","value":1}"#, "metric_type is empty"),
            (#"{"server_id":[],"metric_type":"m","value":1}"#, "server_id must be text or a number"),
            (#"{"server_id":"a","metric_type":5,"value":1}"#, "metric_type must be text"),
            (#"{"server_id":"a","metric_type":"m","value":1,"unit":1}"#, "unit must be text"),
            (#"{"server_id":"a","metric_type":"m","value":1,"tags":[]}"#, "tags must be an object"),
            (#"{"server_id":"a","metric_type":"m","value":1,"tags":{"x":{}}}"#, "tag \"x\" must be"),
            (#"{"server_id":"a","metric_type":"m","value":1,"timestamp":"yesterday"}"#, "is not RFC 3339"),
            (#"{"server_id":"a","metric_type":"m","value":1,"timestamp":1763000000000000}"#, "years 1 to 9999"),
            (#"{"server_id":"a","metric_type":"m","value":1,"timestamp":true}"#, "timestamp must be"),
            (#"{"server_id":"a","metric_type":"m","value":1,"value":2}"#, "value is given twice"),
            ("5", "a number, not an object"), ("[]", "an array, not an object"), ("null", "null, not an object"),
        ])
    func badElement(_ bad: String, _ reason: String) throws {
        let good = #"{"server_id":"a","metric_type":"m","value":1}"#
        for text in ["[\(good),\(bad),\(good)]", "\(good)\n\(bad)\n\(good)\n"] {
            let write = try parse(text)
            #expect(write.samples.count == 2)
            #expect(write.series.map(\.element) == [0, 2])
            #expect(write.rejections.map(\.element) == [1])
            #expect(write.rejections.first?.reason.contains(reason) == true, "\(write.rejections)")
        }
    }

    @Test(
        "a line that is not JSON is one bad element, and the lines behind it keep their index",
        arguments: [
            "{", "garbage", #"{"server_id":"a""#, #"{"server_id":"a","metric_type"#, "}", #"{"a":1} x"#, "{'a':1}",
            #"{"server_id":"a","metric_type":"m","value":01}"#, #"{"server_id":"a","metric_type":"m","value":1},"#,
            #"{"server_id":"a","metric_type":"m","value":1}{"a":1}"#, #"{"a":"\#u{1}"}"#, #"{"a":"\x"}"#,
            "{\"a\":\"\t\"}",
        ])
    func brokenLine(_ bad: String) throws {
        let good = #"{"server_id":"a","metric_type":"m","value":1}"#
        let write = try parse("\(good)\n\(bad)\n\(good)\n\(good)")
        #expect(write.samples.count == 3)
        #expect(write.series.map(\.element) == [0, 2, 3])
        #expect(write.rejections.map(\.element) == [1])
    }

    @Test(
        "what is not JSON is said so, with what was found and where",
        arguments: [
            ("not json", #""not" is no JSON value: text stands in double quotes, at byte 0"#),
            ("nullify", #""nullify" is no JSON value: text stands in double quotes, at byte 0"#),
            ("server_id=1&value=2", #""server_id" is no JSON value: text stands in double quotes, at byte 0"#),
            (#"{"value":NaN}"#, #""NaN" is no JSON value: text stands in double quotes, at byte 9"#),
            (#"{"value":True}"#, #""True" is no JSON value: text stands in double quotes, at byte 9"#),
            (#"{"value":tru}"#, #""tru" is no JSON value: text stands in double quotes, at byte 9"#),
            (#"{"value":'x'}"#, "a single quote where a value should be: text stands in double quotes, at byte 9"),
            (#"{"value":+1}"#, "a value cannot begin with '+', at byte 9"),
            (#"{"value":.5}"#, "a value cannot begin with '.', at byte 9"),
            (#"{"value":}"#, "a value cannot begin with '}', at byte 9"),
            (#"{"value":01}"#, "a number with a leading zero, at byte 10"),
            (#"{"value":1.}"#, "a digit is missing in a number, at byte 11"),
            (#"{"value":0x10}"#, "'x' where ',' or '}' should be, at byte 10"),
            (#"{"value":1"#, "the text ends where ',' or '}' should be, at byte 10"),
            (#"{"value":1,}"#, "a comma with nothing behind it, at byte 11"),
            (#"{"value":1 "unit":""}"#, "a double quote where ',' or '}' should be, at byte 11"),
            (#"{"value" 1}"#, "'1' where ':' should be, at byte 9"),
            ("{'value':1}", "a single quote where a name in double quotes should be, at byte 1"),
            ("{value:1}", "'v' where a name in double quotes should be, at byte 1"),
            ("{", "the text ends where a name in double quotes should be, at byte 1"),
            (#"{"server_id":"a"#, "a string without its closing quote, at byte 13"),
            (#"{"server_id":"a\"#, "the text ends inside a string, at byte 16"),
            ("{\"server_id\":\"a\n\"}", "a line end inside a string, unescaped, at byte 15"),
            (#"{"server_id":"\x"}"#, "a backslash before 'x', at byte 14"),
            ("\u{FEFF}{}", "a byte order mark, which JSON has not, at byte 0"),
            ("é", "a value cannot begin with byte 0xc3, at byte 0"),
        ])
    func notJSON(_ text: String, _ reason: String) throws {
        let write = try parse(text)
        #expect(write.samples.count == 0)
        #expect(write.rejections.first?.reason == "not JSON: \(reason)")
        // In an array it is the whole body that is refused; places move by the bracket.
        if text.hasPrefix("\u{FEFF}") { return }
        let error = #expect(throws: IngestError.self) { try parse("[" + text) }
        let found = reason.prefix { $0 != "," }
        #expect(error?.description.hasPrefix("not JSON: ") == true)
        #expect(error?.description.contains(found) == true, "\(String(describing: error))")
    }

    @Test("JSON that is arranged or nested as it must not be is not called something else")
    func badForm() throws {
        let two = try parse(#"{} {}"#).rejections.first?.reason
        #expect(two == "'{' behind the element; elements stand one a line or in an array, at byte 3")
        let depth = 32
        let deep = #"{"x":"# + String(repeating: "[", count: depth) + String(repeating: "]", count: depth) + "}"
        #expect(try parse(deep).rejections.first?.reason == "nested deeper than \(depth), at byte \(4 + depth)")
        let error = #expect(throws: IngestError.self) { try parse("[\(deep)]") }
        #expect(error?.description.hasPrefix("nested deeper than \(depth), at byte ") == true)
    }

    @Test("a body that is refused whole is answered in JSON too")
    func refusedWhole() throws {
        let error = try #require(#expect(throws: IngestError.self) { try parse("[") })
        #expect(
            format.refusal(error).text
                == #"{"error":"not JSON: the text ends where a value should be, at byte 1; "#
                + #"nothing of the array is stored","stored":0,"rejected":[]}"# + "\n")
    }

    @Test("an array that is not JSON is refused whole")
    func brokenArray() {
        let good = #"{"server_id":"a","metric_type":"m","value":1}"#
        for text in ["[\(good)", "[\(good),]", "[\(good)] x", "[\(good) \(good)]", "[,]", "[\(good),{]", "[[[[", ""] {
            do {
                let write = try parse(text)
                Issue.record("\(text) was read as \(write.samples.count) samples")
            } catch let error as IngestError {
                #expect(error.status == 400)
            } catch {
                Issue.record("\(error)")
            }
        }
    }

    @Test("nesting beyond the limit ends with an error and not with the stack")
    func depth() {
        let deep = #"{"x":"# + String(repeating: "[", count: 200_000)
        #expect(throws: IngestError.self) { try parse("[\(deep)") }
    }

    @Test("limits name themselves")
    func limits() {
        let good = #"{"server_id":"a","metric_type":"m","value":1}"#
        var limits = Limits()
        limits.samplesPerRequestMax = 2
        #expect(throws: IngestError.limit(name: "samples_per_request_max", maximum: 2, found: 3)) {
            try parse("[\(good),\(good),\(good)]", limits: limits)
        }
        limits.ingestBodyBytesMax = 10
        #expect(throws: IngestError.limit(name: "ingest_body_bytes_max", maximum: 10, found: good.utf8.count)) {
            try parse(good, limits: limits)
        }
    }

    @Test("more rejections than are named are counted")
    func manyRejections() throws {
        let write = try parse("[" + [String](repeating: "0", count: 1_500).joined(separator: ",") + "]")
        #expect(write.rejectedCount == 1_500)
        #expect(write.rejections.count == ParsedWrite.rejectionsReportedMax)
    }

    @Test("the refusal is the contract's JSON")
    func refusal() {
        let report = WriteReport(
            stored: 50, rejectedCount: 1, rejections: [ElementRejection(element: 25, reason: "a \"b\"\n\u{1}")],
            exemplarsDropped: 0)
        #expect(
            format.refusal(report).text
                == #"{"error":"1 rejected, 50 samples stored: element 25: a \"b\"\n\u0001","stored":50,"#
                + #""rejected":[{"index":25,"error":"a \"b\"\n\u0001"}]}"# + "\n")
    }

    @Test("JSON types are taken, others are named an error")
    func headers() {
        for type in [nil, "application/json", "application/json; charset=utf-8", "application/x-ndjson", "text/plain"] {
            #expect(throws: Never.self) { try format.check(contentType: type, contentEncoding: nil) }
        }
        #expect(throws: IngestError.self) { try format.check(contentType: "application/xml", contentEncoding: nil) }
        #expect(throws: IngestError.self) { try format.check(contentType: "application/json", contentEncoding: "gzip") }
    }
}
