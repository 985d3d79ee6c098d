/// An IP address and a port, TCP and UDP alike.
package struct NodeAddress: Hashable, Comparable, Sendable, BitwiseCopyable, CustomStringConvertible {
    /// The first 8 bytes of the IPv6 address; 0 for IPv4.
    package let high: UInt64
    /// The last 8 bytes of the IPv6 address; an IPv4 address `a.b.c.d` is `::ffff:a.b.c.d`.
    package let low: UInt64
    /// The port.
    package let port: UInt16

    /// The IPv6 address whose bytes in network order are `high`, `low`; IPv4 as `::ffff:a.b.c.d`.
    package init(high: UInt64, low: UInt64, port: UInt16) {
        self.high = high
        self.low = low
        self.port = port
    }

    /// The IPv4 address `a.b.c.d` as one big-endian number.
    package init(v4 address: UInt32, port: UInt16) {
        self.init(high: 0, low: 0xFFFF_0000_0000 | UInt64(address), port: port)
    }

    /// The IPv4 address as one big-endian number; nil for IPv6.
    package var v4: UInt32? {
        high == 0 && low >> 32 == 0xFFFF ? UInt32(truncatingIfNeeded: low) : nil
    }

    package static func < (left: NodeAddress, right: NodeAddress) -> Bool {
        (left.high, left.low, left.port) < (right.high, right.low, right.port)
    }

    /// `10.0.0.1:7481`, or `[fd00:0:0:0:0:0:0:1]:7481`.
    package var description: String {
        if let v4 { return "\(v4 >> 24).\(v4 >> 16 & 255).\(v4 >> 8 & 255).\(v4 & 255):\(port)" }
        let groups = [high, low].flatMap { word in
            [48, 32, 16, 0].map { String(word >> $0 & 0xFFFF, radix: 16) }
        }
        return "[\(groups.joined(separator: ":"))]:\(port)"
    }
}
