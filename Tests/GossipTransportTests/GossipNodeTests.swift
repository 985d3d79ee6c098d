import ClusterTransport
import GossipTransport
import Membership
import NIOPosix
import Testing

@Suite("Members on loopback", .serialized) struct GossipNodeTests {
    private func cluster(_ count: Int) async throws -> [TestMember] {
        var members = [try await TestMember.start("n0", seeds: [], directory: try TestMember.directory())]
        for number in 1..<count {
            // Any member is a seed.
            let seed = members[number / 2]
            members.append(
                try await TestMember.start(
                    "n\(number)", seeds: ["localhost:\(seed.port)"], directory: try TestMember.directory()))
        }
        return members
    }

    private func agree(_ members: [TestMember], on names: [String]) async throws -> Bool {
        for member in members where try await member.alive() != names { return false }
        return true
    }

    @Test("five members find each other, one is killed and found dead, and comes back as the next start of its disk")
    func killAndReturn() async throws {
        var members = try await cluster(5)
        let all = ["n0", "n1", "n2", "n3", "n4"]
        #expect(try await TestMember.wait { try await agree(members, on: all) })

        let killed = members.remove(at: 2)
        await killed.crash()
        #expect(
            try await TestMember.wait {
                for member in members {
                    let view = try await member.node.members().first { $0.record.name.text == "n2" }
                    if view?.liveness != .dead { return false }
                }
                return true
            })
        // Killed, it kept what its last write of the peers file had; a seed is all it needs.
        let returned = try await TestMember.start(
            "n2", seeds: ["127.0.0.1:\(members[0].port)"], directory: killed.directory)
        members.append(returned)
        #expect(try await TestMember.wait { try await agree(members, on: all) })
        let view = try await members[0].node.members().first { $0.record.name.text == "n2" }
        #expect(view?.record.instance.boot == 2)
        for member in members { await member.stop() }
        for member in members { member.clean() }
    }

    @Test("a process whose port is open before it takes part declines nobody")
    func notBegun() async throws {
        let early = try await TestMember.start("n0", seeds: [], directory: try TestMember.directory(), begins: false)
        let member = try await TestMember.start(
            "n1", seeds: ["127.0.0.1:\(early.port)"], directory: try TestMember.directory())
        #expect(try await TestMember.wait { try await member.node.envelopeCounts().refused >= 2 })
        #expect(try await member.node.envelopeCounts().declined == 0)
        for member in [early, member] {
            await member.crash()
            member.clean()
        }
    }

    @Test("who stops or leaves is known to do so at once")
    func stopAndLeave() async throws {
        var members = try await cluster(3)
        #expect(try await TestMember.wait { try await agree(members, on: ["n0", "n1", "n2"]) })
        let leaving = members.removeLast()
        await leaving.node.leave()
        #expect(
            try await TestMember.wait {
                for member in members {
                    let view = try await member.node.members().first { $0.record.name.text == "n2" }
                    if view?.record.state != .left { return false }
                }
                return true
            })
        let stopping = members.removeLast()
        await stopping.node.stop()
        #expect(
            try await TestMember.wait {
                try await members[0].node.members().contains { $0.record.name.text == "n1" && $0.liveness == .dead }
            })
        await members[0].stop()
        for member in members + [leaving, stopping] {
            await member.server.stop(grace: .zero)
            member.clean()
        }
    }

    @Test("after a full stop members find each other by their peers files alone")
    func fullStop() async throws {
        let members = try await cluster(3)
        #expect(try await TestMember.wait { try await agree(members, on: ["n0", "n1", "n2"]) })
        let settings = try await members[0].node.read { $0.settings }
        for member in members { await member.stop() }
        var again: [TestMember] = []
        for (number, member) in members.enumerated() {
            again.append(
                try await TestMember.start("n\(number)", seeds: [], directory: member.directory, port: member.port))
        }
        #expect(try await TestMember.wait { try await agree(again, on: ["n0", "n1", "n2"]) })
        for member in again {
            #expect(try await member.node.read { $0.settings } == settings)
            await member.stop()
            member.clean()
        }
    }

    @Test("a second live instance of a name gets an error, and the first one stays")
    func names() async throws {
        let members = try await cluster(2)
        #expect(try await TestMember.wait { try await agree(members, on: ["n0", "n1"]) })
        let impostor = try await TestMember.start(
            "n1", seeds: ["127.0.0.1:\(members[0].port)"], directory: try TestMember.directory())
        var reason: ExpulsionReason?
        for await notice in impostor.node.notices {
            if case .expelled(let why) = notice { reason = why }
        }
        guard case .nameTaken(let record)? = reason else {
            Issue.record("the newcomer was told \(String(describing: reason))")
            return
        }
        #expect(Int(record.address.port) == members[1].port)
        #expect(try await agree(members, on: ["n0", "n1"]))
        for member in members + [impostor] {
            await member.stop()
            member.clean()
        }
    }

    @Test("a member of another cluster, or without the key, learns nothing and is not heard")
    func strangers() async throws {
        let home = try await TestMember.start("home", seeds: [], directory: try TestMember.directory())
        let seed = "127.0.0.1:\(home.port)"
        // Another cluster that was founded apart, of the same name and with the same key.
        let other = try await TestMember.start(
            "other", seeds: [], directory: try TestMember.directory(), settings: TestMember.settings(id: 99))
        let address = NodeAddress(v4: 0x7F00_0001, port: UInt16(home.port))
        let name = try MemberName("home")
        #expect(try await home.node.stranger() == nil)
        try await other.node.command { _, _, effects in
            let datagram = GossipDatagram(
                sender: try MemberName("x"), message: .ping(sequence: 1, target: name, digest: 0))
            for _ in 0..<3 { effects.append(.send(to: address, contents: datagram.encoded)) }
        }
        #expect(try await TestMember.wait { try await home.node.envelopeCounts().wrongCluster == 3 })
        let seen = try #require(try await home.node.stranger())
        let theirs = try #require(try await other.node.read { $0.settings }).id
        #expect(seen.sender.port == UInt16(other.port) && seen.reason == .otherCluster(theirs))

        let keyless = try await TestMember.start(
            "keyless", seeds: [seed], directory: try TestMember.directory(), keyring: Keyring(keys: [TestMember.key(2)])
        )
        #expect(try await TestMember.wait { try await home.node.envelopeCounts().refused > 0 })
        #expect(try await keyless.node.read { $0.settings } == nil)
        #expect(try await home.alive() == ["home"])
        for member in [home, other, keyless] {
            await member.crash()
            member.clean()
        }
    }

    @Test("whose datagrams no key opens is known")
    func otherKeys() async throws {
        let members = try await cluster(2)
        #expect(try await TestMember.wait { try await agree(members, on: ["n0", "n1"]) })
        #expect(try await members[0].node.stranger() == nil)
        try await members[1].node.setKeyring(try Keyring(keys: [TestMember.key(2)]))
        #expect(try await TestMember.wait { try await members[0].node.stranger() != nil })
        let seen = try #require(try await members[0].node.stranger())
        #expect(seen.sender.port == UInt16(members[1].port) && seen.microsecondsAgo >= 0)
        #expect(seen.reason == .otherKeys)
        for member in members {
            await member.crash()
            member.clean()
        }
    }

    @Test("the keyring is rotated while members talk")
    func rotation() async throws {
        let members = try await cluster(3)
        let all = ["n0", "n1", "n2"]
        #expect(try await TestMember.wait { try await agree(members, on: all) })
        var keyring = try Keyring(keys: [TestMember.key(1)])
        for step in 0..<3 {
            switch step {
            case 0: try keyring.add(TestMember.key(2))
            case 1: try keyring.use(TestMember.key(2))
            default: try keyring.remove(TestMember.key(1))
            }
            for member in members { try await member.node.setKeyring(keyring) }
            let before = try await members[0].node.envelopeCounts().accepted
            #expect(try await TestMember.wait { try await members[0].node.envelopeCounts().accepted > before + 20 })
        }
        #expect(try await agree(members, on: all))
        for member in members {
            #expect(try await member.node.envelopeCounts().wrongCluster == 0)
            await member.stop()
            member.clean()
        }
    }
}
