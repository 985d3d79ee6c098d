/// The parameters of a request, out of its query string and its form, in the order they came.
package struct RequestParameters: Sendable, Equatable {
    /// Most parameters in one request.
    package static let countMax = 1_000

    private var items: [(name: String, value: String)] = []

    /// None.
    package init() {}

    /// Adds the parameters of a query string or an `application/x-www-form-urlencoded` body.
    ///
    /// - Throws: `bad_data` for a broken percent escape, for bytes that are not UTF-8, and beyond `countMax`.
    package mutating func add(urlEncoded text: some Sequence<UInt8>) throws(APIFailure) {
        for item in Array(text).split(separator: UInt8(ascii: "&")) {
            let equals = item.firstIndex(of: UInt8(ascii: "=")) ?? item.endIndex
            let name = try RequestParameters.decode(item[..<equals])
            let value = try RequestParameters.decode(item[equals...].dropFirst())
            if items.count == RequestParameters.countMax {
                throw APIFailure(.badData, "more than \(RequestParameters.countMax) parameters")
            }
            items.append((name, value))
        }
    }

    /// The first value of a parameter; nil when it is absent or empty, as Prometheus takes it.
    package subscript(name: String) -> String? {
        guard let value = items.first(where: { $0.name == name })?.value, !value.isEmpty else { return nil }
        return value
    }

    /// All values of a parameter.
    package func all(_ name: String) -> [String] {
        items.lazy.filter { $0.name == name }.map(\.value)
    }

    /// Decodes `%41` and `+`, the form of HTML's urlencoded serialising.
    package static func decode(_ text: some Collection<UInt8>) throws(APIFailure) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var rest = text[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"): bytes.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                guard let high = rest.popFirst().flatMap(hexDigit), let low = rest.popFirst().flatMap(hexDigit) else {
                    throw APIFailure(.badData, "a parameter has a % that two hexadecimal digits do not follow")
                }
                bytes.append(high << 4 | low)
            default: bytes.append(byte)
            }
        }
        guard let decoded = String(validating: bytes, as: UTF8.self) else {
            throw APIFailure(.badData, "a parameter is not UTF-8")
        }
        return decoded
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// Equal when the same parameters came in the same order.
    package static func == (left: RequestParameters, right: RequestParameters) -> Bool {
        left.items.elementsEqual(right.items) { $0.name == $1.name && $0.value == $1.value }
    }
}
