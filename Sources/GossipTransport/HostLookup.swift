import Glibc
package import Membership
import NIOPosix

/// The name or address of a seed with its port, as `--join` has it.
package struct SeedName: Hashable, Sendable, CustomStringConvertible {
    /// A DNS name, which may have many addresses, or an address.
    package let host: String
    /// The cluster port.
    package let port: UInt16

    /// A host, IPv6 without brackets, and a port.
    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// - Parameter text: `host:port` or `[v6 address]:port`.
    /// - Throws: `MembershipError.malformed` naming the text.
    package init(_ text: String) throws(MembershipError) {
        guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")),
            let port = UInt16(text[text.index(after: colon)...]),
            port > 0
        else { throw MembershipError(.malformed, in: "seed \"\(text)\", not host:port") }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        guard !host.isEmpty else { throw MembershipError(.malformed, in: "seed \"\(text)\", not host:port") }
        self.host = String(host)
        self.port = port
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// Finds the addresses of names by the system's resolver, on threads that may block.
package enum HostLookup {
    /// `seed_addresses_max`: of one name; further ones are passed over.
    static let addressesMax = 64

    /// What came of looking names up.
    package struct Finding: Sendable {
        /// All addresses of all names, each once, in the resolver's order.
        package var addresses: [NodeAddress]
        /// Names that have none.
        package var unfound: Int
    }

    /// All addresses of all seeds, and for how many of them there are none.
    package static func look(up seeds: [SeedName]) async -> Finding {
        let found = try? await NIOThreadPool.singleton.runIfActive { seeds.map { addresses(of: $0) } }
        guard let found else { return Finding(addresses: [], unfound: seeds.count) }
        var seen: Set<NodeAddress> = []
        return Finding(
            addresses: found.joined().filter { seen.insert($0).inserted }, unfound: found.count { $0.isEmpty })
    }

    /// All addresses of all seeds, each once; a name that is not found has none.
    package static func addresses(of seeds: [SeedName]) async -> [NodeAddress] { await look(up: seeds).addresses }

    private static func addresses(of seed: SeedName) -> [NodeAddress] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
        var first: UnsafeMutablePointer<addrinfo>?
        // SAFETY: getaddrinfo reads the strings and hints during the call and gives a list that is freed once below.
        guard unsafe getaddrinfo(seed.host, nil, &hints, &first) == 0, let list = unsafe first else { return [] }
        defer { unsafe freeaddrinfo(list) }
        var result: [NodeAddress] = []
        var next: UnsafeMutablePointer<addrinfo>? = unsafe list
        while let entry = unsafe next, result.count < addressesMax {
            // SAFETY: each entry of the list lives until freeaddrinfo; its address is of the family that it names, and as long.
            if let address = unsafe read(entry.pointee, port: seed.port) { result.append(address) }
            unsafe next = entry.pointee.ai_next
        }
        return result
    }

    private static func read(_ entry: addrinfo, port: UInt16) -> NodeAddress? {
        guard let address = unsafe UnsafeRawPointer(entry.ai_addr) else { return nil }
        switch unsafe entry.ai_family {
        case AF_INET:
            // SAFETY: an AF_INET address is a sockaddr_in, whose 4 bytes of address begin at offset 4.
            let v4 = unsafe address.loadUnaligned(fromByteOffset: 4, as: UInt32.self)
            return NodeAddress(v4: UInt32(bigEndian: v4), port: port)
        case AF_INET6:
            // SAFETY: an AF_INET6 address is a sockaddr_in6, whose 16 bytes of address begin at offset 8.
            let high = unsafe address.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
            let low = unsafe address.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
            return NodeAddress(high: UInt64(bigEndian: high), low: UInt64(bigEndian: low), port: port)
        default: return nil
        }
    }
}
