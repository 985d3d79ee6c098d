import Membership
import Testing

@Suite("Probes") struct ProbeTests {
    @Test("a ping for this member is acknowledged to where it came from, one for another is not")
    func acknowledges() throws {
        var harness = try Harness(others: ["a"])
        harness.hear(from: "a", .ping(sequence: 7, target: try name("me"), digest: 0), port: 99)
        #expect(harness.sent.count == 1)
        #expect(harness.sent.first?.port == 99)
        #expect(harness.sent.first?.datagram.message == .acknowledge(sequence: 7, digest: harness.member.viewDigest))
        harness.effects = []
        harness.hear(from: "a", .ping(sequence: 8, target: try name("other"), digest: 0))
        #expect(harness.sent.isEmpty)
        #expect(harness.member.statistics.misdirected == 1)
    }

    @Test("each member is probed once in each pass over the list")
    func roundRobin() throws {
        let others = ["a", "b", "c", "d", "e"]
        var harness = try Harness(others: others)
        var targets: [String] = []
        while targets.count < 20 {
            harness.pass(.milliseconds(10))
            for (port, datagram) in harness.sent {
                guard case .ping(let sequence, let target, _) = datagram.message else { continue }
                targets.append(target.text)
                harness.effects = []
                harness.hear(from: target.text, .acknowledge(sequence: sequence, digest: 0), port: port)
            }
            harness.effects = []
        }
        for pass in 0..<4 { #expect(Set(targets[pass * 5..<pass * 5 + 5]) == Set(others)) }
    }

    @Test("a silent target is asked through others and on a stream, then suspected")
    func indirect() throws {
        var harness = try Harness(others: ["a", "b", "c", "d", "e"])
        while !harness.sent.contains(where: { $0.datagram.isPing }) { harness.pass(.milliseconds(1)) }
        guard
            case .ping(let sequence, let target, _)? = harness.sent.first(where: { $0.datagram.isPing })?.datagram
                .message
        else { return }
        harness.effects = []
        harness.pass(harness.member.configuration.probeTimeout)
        let asked = harness.sent.filter {
            if case .pingRequest(sequence, target, _) = $0.datagram.message { true } else { false }
        }
        #expect(asked.count == 3)
        #expect(harness.exchanges.map(\.message) == [.ping(target: target)])
        #expect(!harness.notices.contains(.suspected(target)))
        harness.pass(.milliseconds(301))
        #expect(harness.notices.contains(.suspected(target)))
        #expect(harness.member.liveness(of: target) == .suspect)
    }

    @Test("an answer on the stream is as good as one by datagram")
    func stream() throws {
        var harness = try Harness(others: ["a"])
        while harness.exchanges.isEmpty { harness.pass(.milliseconds(1)) }
        guard let exchange = harness.exchanges.first else { return }
        harness.member.answered(exchange.id, SyncMessage.same.encoded, now: harness.now, into: &harness.effects)
        harness.pass(.milliseconds(200))
        #expect(harness.member.liveness(of: try name("a")) == .alive)
        #expect(harness.member.statistics.probesFailed == 0)
    }

    @Test("a proxy passes the acknowledgement on, or says in time that there is none")
    func relay() throws {
        var harness = try Harness(others: ["a", "b"])
        let address = NodeAddress(v4: 0x7F00_0001, port: 3)
        harness.hear(from: "a", .pingRequest(sequence: 70, target: try name("b"), address: address))
        guard case .ping(let own, _, _)? = harness.sent.first?.datagram.message else {
            Issue.record("no ping to the target")
            return
        }
        #expect(harness.sent.first?.port == 3)
        harness.effects = []
        harness.hear(from: "b", .acknowledge(sequence: own, digest: 0), port: 3)
        #expect(harness.sent.map(\.datagram.message) == [.acknowledge(sequence: 70, digest: harness.member.viewDigest)])
        #expect(harness.sent.first?.port == 2)

        harness.hear(from: "a", .pingRequest(sequence: 71, target: try name("b"), address: address))
        harness.effects = []
        harness.pass(harness.member.configuration.probeTimeout)
        #expect(harness.sent.contains { $0.port == 2 && $0.datagram.message == .notAcknowledged(sequence: 71) })
    }

    @Test("ping requests beyond the limit are dropped and counted")
    func relayLimit() throws {
        var configuration = MembershipConfiguration()
        configuration.relaysMax = 2
        var harness = try Harness(others: ["a", "b"], configuration: configuration)
        for sequence in 1...5 as ClosedRange<UInt32> {
            harness.hear(
                from: "a",
                .pingRequest(sequence: sequence, target: try name("b"), address: NodeAddress(v4: 1, port: 3)))
        }
        #expect(harness.member.statistics.relaysRefused == 3)
        #expect(harness.sent.count == 2)
    }

    @Test("failed probes without nacks worsen the local health, answered ones mend it, and it stretches the probes")
    func localHealth() throws {
        var configuration = MembershipConfiguration()
        configuration.streamProbe = false
        var harness = try Harness(others: ["a", "b", "c", "d", "e"], configuration: configuration)
        harness.pass(.seconds(20))
        #expect(harness.member.health.score == 8)
        // At the worst health a probe takes nine intervals.
        let before = harness.member.statistics.probes
        harness.hear(from: "a", claims: [.record(try .sample("z", port: 9))])
        harness.pass(.seconds(9))
        #expect(harness.member.statistics.probes - before <= 3)
    }
}

extension GossipDatagram {
    var isPing: Bool { if case .ping = message { true } else { false } }
}
