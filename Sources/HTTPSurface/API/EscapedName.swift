/// Label names as they stand in a path when they are more than letters, digits and underscores.
///
/// `U__` begins such a name; `__` stands for an underscore, and `_2e_` for the scalar of that hexadecimal number.
/// Source: Prometheus' docs, "UTF-8 support", values escaping; `UnescapeName` in its common library.
package enum EscapedName {
    private static let prefix = "U__"
    /// Hexadecimal digits of the greatest scalar, U+10FFFF.
    private static let digitsMax = 6

    /// The name that an escaped one stands for; the text itself where it is none.
    package static func decode(_ text: String) -> String {
        guard text.hasPrefix(prefix) else { return text }
        var name = ""
        var rest = text.unicodeScalars.dropFirst(prefix.count)
        while let scalar = rest.popFirst() {
            guard scalar == "_" else {
                name.unicodeScalars.append(scalar)
                continue
            }
            guard let end = rest.firstIndex(of: "_") else { return text }
            let digits = rest[..<end]
            rest = rest[rest.index(after: end)...]
            if digits.isEmpty {
                name.append("_")
                continue
            }
            guard digits.count <= digitsMax, digits.allSatisfy(\.properties.isASCIIHexDigit),
                let number = UInt32(String(digits), radix: 16), let decoded = Unicode.Scalar(number)
            else { return text }
            name.unicodeScalars.append(decoded)
        }
        return name
    }
}
