import ByteCoding
import Foundation
import GossipTransport
import Membership
import NIOCore
import Testing

@Suite("What a member keeps") struct PeersFileTests {
    @Test("the peers file is read as it was written; none is none, a damaged one is an error")
    func peers() throws {
        let directory = try TestMember.directory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        #expect(try PeersFile.read(in: directory) == nil)
        let record = MemberRecord(
            name: try MemberName("a"), instance: MemberInstance(high: 1, low: 2, boot: 3), roles: .router,
            address: NodeAddress(v4: 0x7F00_0001, port: 9))
        let snapshot = MembershipSnapshot(settings: TestMember.settings(), me: record, members: [])
        try PeersFile.write(snapshot, in: directory)
        try PeersFile.write(snapshot, in: directory)
        #expect(try PeersFile.read(in: directory) == snapshot)
        let file = URL(fileURLWithPath: directory).appendingPathComponent(PeersFile.name)
        try Data(contentsOf: file).dropLast().write(to: file)
        #expect(throws: DataFileError.self) { try PeersFile.read(in: directory) }
    }

    @Test("seeds are names or addresses with a port")
    func seeds() throws {
        #expect(try SeedName("murmur.default.svc:7481").host == "murmur.default.svc")
        #expect(try SeedName("[fd00::1]:7481").host == "fd00::1")
        #expect(try SeedName("[fd00::1]:7481").description == "[fd00::1]:7481")
        for bad in ["", "host", "host:", "host:0", "host:70000", ":7481"] {
            #expect(throws: MembershipError.self) { try SeedName(bad) }
        }
    }
}

@Suite("Addresses of sockets") struct SocketAddressTests {
    @Test(
        "an address is the same to NIO and to members",
        arguments: ["127.0.0.1", "10.255.0.9", "::1", "fd00::1f", "2001:db8:1:2:3:4:5:6", "::ffff:10.0.0.1"])
    func roundTrip(text: String) throws {
        let socket = try SocketAddress(ipAddress: text, port: 7481)
        let address = NodeAddress(socket)
        let back = try address?.socketAddress()
        #expect(back?.port == 7481)
        // An IPv4 address has one form here, whichever the socket uses.
        #expect(back.flatMap { NodeAddress($0) } == address)
        if !text.hasPrefix("::ffff") { #expect(back == socket) }
    }
}
