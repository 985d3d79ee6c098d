import IngestFormats
import MetricModel
import SeededRandom
import Testing

/// Numbers are tested through the format: what a body says is what is stored, to the bit.
@Suite("JSON numbers and text")
struct JSONNumberTests {
    private func value(_ text: String) throws -> Double? {
        let body = #"{"server_id":"a","metric_type":"m","value":\#(text)}"#
        return try JSONPushFormat().parse(Array(body.utf8), seed: 1, limits: Limits()).samples.values.first
    }

    @Test("decimal numbers are the nearest double, as the standard library reads them")
    func exact() throws {
        var random = SplitMix64(seed: 42)
        for _ in 0..<20_000 {
            let digits = Int.random(in: 1...22, using: &random)
            var text = random.next() % 3 == 0 ? "-" : ""
            text += String(Int.random(in: 1...9, using: &random))
            for _ in 1..<max(digits, 2) { text += String(Int.random(in: 0...9, using: &random)) }
            if random.next() % 2 == 0 {
                text += "."
                for _ in 0..<Int.random(in: 1...24, using: &random) {
                    text += String(Int.random(in: 0...9, using: &random))
                }
            }
            if random.next() % 4 == 0 { text += "e\(Int.random(in: -330...300, using: &random))" }
            let expected = try #require(Double(text))
            #expect(try value(text)?.bitPattern == (expected.isFinite ? expected.bitPattern : nil), "\(text)")
        }
    }

    @Test("every double's own text reads back to the bit")
    func shortest() throws {
        var random = SplitMix64(seed: 43)
        for _ in 0..<20_000 {
            let double = Double(bitPattern: random.next())
            guard double.isFinite else { continue }
            #expect(try value("\(double)")?.bitPattern == double.bitPattern, "\(double)")
        }
    }

    @Test(
        "edges",
        arguments: [
            "0", "-0", "0.0", "-0.0", "9007199254740992", "9007199254740993", "9007199254740994", "1e22", "1e23",
            "0.0000000000000000000001", "123456789012345678", "1234567890123456789", "18446744073709551616",
            "2.2250738585072011e-308", "4.9e-324", "1.7976931348623157e308", "1E+2", "1e-2", "0.1",
            "0.30000000000000004",
        ])
    func edges(_ text: String) throws {
        #expect(try value(text)?.bitPattern == Double(text)?.bitPattern)
    }

    @Test(
        "what is no number in RFC 8259 is refused",
        arguments: [
            "01", "-", "+1", ".5", "1.", "1.e2", "1e", "1e+", "0x10", "NaN", "Infinity", "-01", "1_000", "--1", "1,5",
        ])
    func grammar(_ text: String) throws {
        #expect(try value(text) == nil)
    }

    @Test(
        "what is no string in RFC 8259, or not UTF-8, is refused",
        arguments: [
            #""\ud800""#, #""\udc00""#, #""\ud800\u0041""#, #""\ud800x""#, #""\u12g4""#, #""\u12"#, #""\a""#,
            "\"a\nb\"", "\"a\u{0}b\"",
        ])
    func strings(_ text: String) throws {
        let body = #"{"server_id":\#(text),"metric_type":"m","value":1}"#
        let write = try JSONPushFormat().parse(Array(body.utf8), seed: 1, limits: Limits())
        #expect(write.samples.count == 0)
        #expect(write.rejectedCount >= 1)
    }

    @Test(
        "bytes that are not UTF-8 are refused",
        arguments: [[0xFF], [0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF5, 0x80]] as [[UInt8]])
    func invalidUTF8(_ bytes: [UInt8]) throws {
        let body = Array(#"{"server_id":""#.utf8) + bytes + Array(#"","metric_type":"m","value":1}"#.utf8)
        let write = try JSONPushFormat().parse(body, seed: 1, limits: Limits())
        #expect(write.rejections.first?.reason.contains("invalid UTF-8") == true)
        let escaped = Array(#"{"server_id":"\n"#.utf8) + bytes + Array(#"","metric_type":"m","value":1}"#.utf8)
        #expect(try JSONPushFormat().parse(escaped, seed: 1, limits: Limits()).rejectedCount == 1)
    }
}
