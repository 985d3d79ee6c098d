/// An isolated set of data. Part of every series' identity and of every request between nodes.
package struct TenantID: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let name: String

    /// The tenant of requests that name none.
    package static let `default` = TenantID(unchecked: "default")

    /// Longest name, in bytes.
    package static let nameBytesMax = 150

    private init(unchecked name: String) {
        self.name = name
    }

    /// Takes a name of 1 ... 150 bytes out of ASCII letters, digits and `!-_.*'()`, other than `.` and `..`.
    ///
    /// The set is the one that Mimir and Loki accept, so that their clients' tenants work here.
    package init(validating name: String) throws(ModelError) {
        if name.isEmpty { throw .badTenant(name, reason: "it is empty") }
        if name.utf8.count > TenantID.nameBytesMax {
            throw .badTenant(String(name.prefix(40)) + "…", reason: "longer than \(TenantID.nameBytesMax) bytes")
        }
        if name == "." || name == ".." { throw .badTenant(name, reason: "reserved") }
        for byte in name.utf8 where !TenantID.isAllowed(byte) {
            throw .badTenant(name, reason: "allowed are letters, digits and !-_.*'()")
        }
        self.name = name
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        case UInt8(ascii: "!"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "*"),
            UInt8(ascii: "'"), UInt8(ascii: "("), UInt8(ascii: ")"):
            true
        default: false
        }
    }

    package static func < (left: TenantID, right: TenantID) -> Bool {
        left.name.utf8.lexicographicallyPrecedes(right.name.utf8)
    }

    package var description: String { name }
}
