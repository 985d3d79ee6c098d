import ByteCoding
package import MetricModel

/// JSON written straight into bytes, without a tree of values in between.
///
/// The caller writes the punctuation; this type knows how strings, numbers and times look in Prometheus' API.
package struct JSONText: Sendable {
    /// UTF-8 written so far.
    package private(set) var bytes: [UInt8] = []

    /// An empty text.
    package init() {}

    /// Appends JSON as it stands.
    package mutating func raw(_ text: String) {
        bytes.append(contentsOf: text.utf8)
    }

    /// Appends JSON as it stands, in one copy.
    mutating func raw(_ text: [UInt8]) {
        bytes.append(contentsOf: text)
    }

    /// Appends a string in quotes, escaped as RFC 8259 (section 7) demands and no more.
    package mutating func string(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        let utf8 = text.utf8
        if utf8.contains(where: JSONText.needsEscape) {
            for byte in utf8 { escape(byte) }
        } else {
            bytes.append(contentsOf: utf8)
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Appends a label's bytes as a string; what is not UTF-8 becomes U+FFFD.
    package mutating func string(_ text: RawSpan) {
        if text.isPlain(without: UInt8(ascii: "\""), UInt8(ascii: "\\")) {
            bytes.append(UInt8(ascii: "\""))
            bytes.append(span: text)
            bytes.append(UInt8(ascii: "\""))
            return
        }
        string(text.string() ?? String(decoding: text.copied(), as: UTF8.self))
    }

    /// Appends `{"name":"value",…}` in canonical order.
    package mutating func object(_ labels: Labels) {
        var separator = UInt8(ascii: "{")
        labels.forEach { name, value in
            bytes.append(separator)
            string(name)
            bytes.append(UInt8(ascii: ":"))
            string(value)
            separator = UInt8(ascii: ",")
        }
        if separator == UInt8(ascii: "{") { bytes.append(separator) }
        bytes.append(UInt8(ascii: "}"))
    }

    /// Appends a number as the API writes it, not in quotes.
    package mutating func number(_ value: Double) {
        bytes.append(prometheus: value)
    }

    /// Appends a byte as it is.
    package mutating func byte(_ byte: UInt8) {
        bytes.append(byte)
    }

    /// Appends an array of strings.
    package mutating func array(_ texts: [String]) {
        bytes.append(UInt8(ascii: "["))
        for (index, text) in texts.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            string(text)
        }
        bytes.append(UInt8(ascii: "]"))
    }

    /// Appends an integer.
    package mutating func integer(_ value: Int) {
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        bytes.append(decimal: UInt64(value.magnitude))
    }

    /// Appends Unix milliseconds as seconds: `1763.1` is written `1763.100`, a whole second without a point.
    ///
    /// Source: `MarshalTimestamp` in Prometheus' util/jsonutil.
    package mutating func time(_ milliseconds: Int64) {
        let magnitude = milliseconds.magnitude
        if milliseconds < 0 { bytes.append(UInt8(ascii: "-")) }
        bytes.append(decimal: magnitude / 1_000)
        let fraction = magnitude % 1_000
        if fraction == 0 { return }
        bytes.append(UInt8(ascii: "."))
        if fraction < 100 { bytes.append(UInt8(ascii: "0")) }
        if fraction < 10 { bytes.append(UInt8(ascii: "0")) }
        bytes.append(decimal: fraction)
    }

    /// Appends a sample's value: a string, since JSON has no infinities.
    package mutating func value(_ value: Double) {
        bytes.append(UInt8(ascii: "\""))
        bytes.append(prometheus: value)
        bytes.append(UInt8(ascii: "\""))
    }

    /// Appends `[time,"value"]`.
    package mutating func point(time milliseconds: Int64, value number: Double) {
        bytes.append(UInt8(ascii: "["))
        time(milliseconds)
        bytes.append(UInt8(ascii: ","))
        value(number)
        bytes.append(UInt8(ascii: "]"))
    }

    /// Takes what was written and leaves the text empty, its memory kept for more.
    package mutating func take() -> [UInt8] {
        let result = bytes
        bytes.removeAll(keepingCapacity: true)
        return result
    }

    private static func needsEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private mutating func escape(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
            bytes.append(UInt8(ascii: "\\"))
            bytes.append(byte)
        case UInt8(ascii: "\n"): raw("\\n")
        case UInt8(ascii: "\r"): raw("\\r")
        case UInt8(ascii: "\t"): raw("\\t")
        case 0..<0x20:
            raw(byte < 0x10 ? "\\u000" : "\\u00")
            raw(String(byte, radix: 16))
        default: bytes.append(byte)
        }
    }
}
