package import Membership
package import NIOCore

extension NodeAddress {
    /// The address of a socket; nil for one that is not IP.
    package init?(_ address: SocketAddress) {
        guard let port = address.port.flatMap(UInt16.init(exactly:)) else { return nil }
        guard let text = address.ipAddress, let packed = try? PackedAddress(text) else { return nil }
        self.init(high: packed.high, low: packed.low, port: port)
    }

    /// The address as a socket takes it.
    ///
    /// - Throws: NIO's error when the bytes are no address, which none of 4 or 16 is.
    package func socketAddress() throws -> SocketAddress {
        var buffer = ByteBuffer()
        if let v4 {
            buffer.writeInteger(v4)
        } else {
            buffer.writeInteger(high)
            buffer.writeInteger(low)
        }
        return try SocketAddress(packedIPAddress: buffer, port: Int(port))
    }
}

/// The 16 bytes of an address, from its text: IPv4 with points, or eight groups at most, one run of zero groups left out.
private struct PackedAddress {
    var high: UInt64 = 0
    var low: UInt64 = 0

    init(_ text: String) throws {
        if !text.utf8.contains(UInt8(ascii: ":")) {
            let bytes = text.split(separator: ".").compactMap { UInt8($0) }
            guard bytes.count == 4 else { throw MembershipError(.malformed, in: "address \(text)") }
            low = bytes.reduce(0xFFFF) { $0 << 8 | UInt64($1) }
            return
        }
        // A zone behind a percent sign names an interface of this machine and is no part of the address.
        let address = text.prefix { $0 != "%" }
        let halves = address.split(separator: "::", maxSplits: 1, omittingEmptySubsequences: false)
        let front = Self.groups(halves[0])
        let back = halves.count > 1 ? Self.groups(halves[1]) : []
        let zeros = [UInt64](repeating: 0, count: max(0, 8 - front.count - back.count))
        let groups = front + zeros + back
        guard groups.count == 8 else { throw MembershipError(.malformed, in: "address \(text)") }
        high = groups[..<4].reduce(0) { $0 << 16 | $1 }
        low = groups[4...].reduce(0) { $0 << 16 | $1 }
    }

    private static func groups(_ text: Substring) -> [UInt64] {
        text.split(separator: ":").flatMap { group -> [UInt64] in
            let parts = group.split(separator: ".").compactMap { UInt64($0) }
            if parts.count == 4 { return [parts[0] << 8 | parts[1], parts[2] << 8 | parts[3]] }
            return UInt64(group, radix: 16).map { [$0] } ?? []
        }
    }
}
