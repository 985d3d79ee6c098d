import ByteCoding
import Foundation
import GossipTransport
import Membership
import Testing

/// The bytes in docs/membership.md are what this program writes and reads: page and program change together or not at all.
@Suite("Golden vectors of docs/membership.md") struct GoldenVectorTests {
    private static let cluster = ClusterID(high: 0x0102_0304_0506_0708, low: 0x090A_0B0C_0D0E_0F10)

    private func ping() throws -> GossipDatagram {
        let first = try MemberName("node-1")
        let second = try MemberName("node-2")
        return GossipDatagram(
            sender: first, message: .ping(sequence: 1, target: second, digest: 0x0102_0304_0506_0708),
            claims: [.suspect(name: second, version: 300, accuser: first)])
    }

    private func gossip() throws -> GossipDatagram {
        var record = MemberRecord(
            name: try MemberName("node-2"), version: 300, instance: MemberInstance(high: 0xA1, low: 2, boot: 7),
            roles: .aggregator, address: NodeAddress(v4: 0x0A00_0002, port: 7481))
        record.state = .active
        record.zone = "eu-1"
        record.weight = 200
        return GossipDatagram(sender: try MemberName("node-1"), message: .gossip, claims: [.record(record)])
    }

    private func envelope(sealed: Bool) throws -> Envelope {
        let key = try Keyring.Key(secret: Array(0..<32))
        return Envelope(
            cluster: Self.cluster, keyring: try Keyring(keys: sealed ? [key] : []), cipher: LibCryptoCipher(),
            salt: (1, 2))
    }

    /// The page's vectors: blocks that begin with "```hex NAME".
    private func documented() throws -> [String: [UInt8]] {
        let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("docs/membership.md")
        var result: [String: [UInt8]] = [:]
        var name: String?
        var digits: [UInt8] = []
        for line in try String(contentsOf: page, encoding: .utf8).split(separator: "\n") {
            if line.hasPrefix("```hex ") {
                name = String(line.dropFirst(7))
                digits = []
            } else if line == "```", let ended = name {
                result[ended] = digits
                name = nil
            } else if name != nil {
                // Behind a semicolon stands what the bytes mean.
                digits += line.prefix { $0 != ";" }.split(separator: " ").compactMap { UInt8($0, radix: 16) }
            }
        }
        return result
    }

    @Test("each vector is what this program writes, reads back, and none is missing")
    func vectors() throws {
        let documented = try documented()
        let contents = try ping().encoded
        var clear = try envelope(sealed: false)
        var sealed = try envelope(sealed: true)
        let compare = SyncMessage.compare(sender: try MemberName("node-1"), digest: 77).encoded
        let expected = [
            "ping": contents, "gossip": try gossip().encoded, "compare": compare,
            "clear": clear.wrap(contents, as: .datagram), "sealed": sealed.wrap(contents, as: .datagram),
        ]
        #expect(documented == expected)
        let bytes = documented["gossip"] ?? []
        let read = try GossipDatagram(decoding: bytes.rawSpan)
        #expect(try read == gossip())
        var receiver = try envelope(sealed: true)
        #expect(try receiver.unwrap(documented["sealed"] ?? [], as: .datagram) == contents)
    }
}
