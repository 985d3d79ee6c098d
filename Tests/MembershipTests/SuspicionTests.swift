import ByteCoding
import Membership
import Testing

@Suite("Suspicions") struct SuspicionTests {
    @Test(
        "confirmations shorten a suspicion by the logarithm of their number",
        arguments: [(0, 9_000_000), (1, 7_500_000), (2, 6_622_557), (3, 6_000_000), (9, 6_000_000)])
    func durations(confirmations: Int, expected: Int64) {
        let found = SuspicionTimeout.duration(
            confirmations: confirmations, wanted: 3, min: .seconds(6), max: .seconds(9))
        #expect(abs(found - expected) <= 1)
    }

    @Test("nobody to confirm makes the suspicion short at once")
    func noConfirmations() {
        #expect(SuspicionTimeout.duration(confirmations: 0, wanted: 0, min: 5, max: 50) == 5)
    }

    @Test(
        "the time is constant up to a thousand members and grows with their logarithm beyond",
        arguments: [(1, 6_000_000), (10, 6_000_000), (100, 6_000_000), (1_000, 6_000_000), (10_000, 8_000_000)])
    func times(members: Int, least: Int64) {
        let times = MembershipConfiguration().suspicionTimes(members: members)
        #expect(abs(times.min - least) <= 1)
        #expect(times.max == times.min * 3 / 2)
    }

    @Test("an accused member hears so with whatever is sent to it")
    func buddy() throws {
        var harness = try Harness(others: ["a", "b", "c"])
        let claim = Claim.suspect(name: try name("a"), version: 1, accuser: try name("b"))
        harness.hear(from: "b", claims: [claim])
        harness.pass(.seconds(2))
        let toSuspect = harness.sent.filter { $0.port == 2 }
        #expect(!toSuspect.isEmpty)
        #expect(toSuspect.allSatisfy { $0.datagram.claims.first == claim })
        harness.effects = []
        harness.hear(from: "a", .ping(sequence: 1, target: try name("me"), digest: 0))
        #expect(harness.sent.first?.datagram.claims.first == claim)
    }

    @Test(
        "a suspect that nobody hears is asked once more and then dead; independent accusers make it sooner",
        arguments: 0...4)
    func death(confirmations: Int) throws {
        var configuration = MembershipConfiguration()
        configuration.stallTolerance = 0
        var harness = try Harness(others: ["a", "b", "c", "d", "e", "f"], configuration: configuration)
        let accusers = ["b", "c", "d", "e", "f"]
        for accuser in accusers.prefix(confirmations + 1) {
            harness.hear(
                from: accuser, claims: [.suspect(name: try name("a"), version: 1, accuser: try name(accuser))])
        }
        let start = harness.now
        // This member's own probe of the suspect fails as well and is a further confirmation.
        let expected = SuspicionTimeout.duration(
            confirmations: min(confirmations + 1, 3), wanted: 3, min: .seconds(6), max: .seconds(9))
        harness.effects = []
        // Nobody else is probed into suspicion: all answers but those of the suspect come.
        while harness.now.since(start) < expected - .milliseconds(10) { harness.step(answering: accusers) }
        #expect(harness.member.liveness(of: try name("a")) == .suspect)
        while harness.now.since(start) < expected + .milliseconds(10) { harness.step(answering: accusers) }
        #expect(harness.member.liveness(of: try name("a")) == .dead)
        #expect(harness.notices.contains(.died(try name("a"))))
        let last = harness.sent.last { $0.port == 2 && $0.datagram.isPing }
        #expect(last?.datagram.claims.first?.isSuspicion == true)
    }

    @Test("one accuser counts once, however often it speaks")
    func independence() throws {
        var harness = try Harness(others: ["a", "b", "c", "d", "e"])
        for _ in 0..<5 {
            harness.hear(from: "b", claims: [.suspect(name: try name("a"), version: 1, accuser: try name("b"))])
        }
        let once = harness.member.wakeAt
        harness.hear(from: "c", claims: [.suspect(name: try name("a"), version: 1, accuser: try name("b"))])
        #expect(harness.member.wakeAt == once)
        #expect(harness.member.statistics.suspicions == 1)
    }

    @Test("a greater version refutes a suspicion and a death; an equal one does not")
    func refutation() throws {
        var harness = try Harness(others: ["a", "b"])
        let subject = try name("a")
        harness.hear(from: "b", claims: [.suspect(name: subject, version: 1, accuser: try name("b"))])
        harness.hear(from: "b", claims: [.record(try .sample("a", port: 2, version: 1))])
        #expect(harness.member.liveness(of: subject) == .suspect)
        harness.hear(from: "b", claims: [.record(try .sample("a", port: 2, version: 2))])
        #expect(harness.member.liveness(of: subject) == .alive)
        harness.hear(from: "b", claims: [.dead(name: subject, version: 1, accuser: try name("b"))])
        #expect(harness.member.liveness(of: subject) == .alive)
        harness.hear(from: "b", claims: [.dead(name: subject, version: 2, accuser: try name("b"))])
        #expect(harness.member.liveness(of: subject) == .dead)
        harness.hear(from: "b", claims: [.suspect(name: subject, version: 2, accuser: try name("b"))])
        #expect(harness.member.liveness(of: subject) == .dead)
        harness.hear(from: "b", claims: [.record(try .sample("a", port: 2, version: 3))])
        #expect(harness.member.liveness(of: subject) == .alive)
        #expect(
            harness.notices == [
                .suspected(subject), .recovered(subject), .died(subject), .recovered(subject),
            ])
    }

    @Test("a claim that overtook the record it is about holds once the record comes")
    func overtaken() throws {
        var harness = try Harness(others: ["a", "b"])
        let subject = try name("a")
        harness.hear(from: "b", claims: [.suspect(name: subject, version: 5, accuser: try name("b"))])
        #expect(harness.member.liveness(of: subject) == .suspect)
        harness.hear(from: "b", claims: [.record(try .sample("a", port: 2, version: 4))])
        harness.hear(from: "b", claims: [.record(try .sample("a", port: 2, version: 5))])
        #expect(harness.member.liveness(of: subject) == .suspect)
        #expect(harness.member.record(of: subject)?.version == 5)
        harness.hear(from: "b", claims: [.record(try .sample("a", port: 2, version: 6))])
        #expect(harness.member.liveness(of: subject) == .alive)
    }

    @Test("a member contradicts claims about itself by a greater version, once")
    func refutesItself() throws {
        var harness = try Harness(others: ["a", "b"])
        let me = try name("me")
        harness.hear(from: "a", claims: [.suspect(name: me, version: 1, accuser: try name("a"))])
        #expect(harness.member.me.version == 2)
        harness.hear(from: "b", claims: [.suspect(name: me, version: 1, accuser: try name("b"))])
        #expect(harness.member.me.version == 2)
        harness.hear(from: "b", claims: [.dead(name: me, version: 9, accuser: try name("b"))])
        #expect(harness.member.me.version == 10)
        #expect(harness.member.statistics.refutations == 2)
        #expect(harness.member.health.score == 2)
        harness.pass(.milliseconds(300))
        #expect(harness.sent.contains { $0.datagram.claims.contains(.record(harness.member.me)) })
    }

    @Test("a member that says itself that it stops is dead at once, and told apart from one that others gave up")
    func stopped() throws {
        var harness = try Harness(others: ["a", "b"])
        let (a, b) = (try name("a"), try name("b"))
        harness.hear(from: "b", claims: [.dead(name: a, version: 1, accuser: a)])
        #expect(harness.member.liveness(of: a) == .dead)
        #expect(harness.notices.contains(.stopped(a)) && !harness.notices.contains(.died(a)))
        harness.hear(from: "a", claims: [.dead(name: b, version: 1, accuser: a)])
        #expect(harness.notices.contains(.died(b)))
    }

    @Test("a member that was paused hears its datagrams first, and gives others as much longer")
    func stall() throws {
        var harness = try Harness(others: ["a", "b", "c"])
        let subject = try name("a")
        harness.hear(from: "b", claims: [.suspect(name: subject, version: 1, accuser: try name("b"))])
        // Everything is due long since; the refutation waits in the socket.
        harness.now = harness.now.advanced(by: .seconds(30))
        harness.hear(from: "b", claims: [.record(try .sample("c", port: 4, version: 2))])
        harness.member.tick(now: harness.now, into: &harness.effects)
        #expect(harness.member.liveness(of: subject) == .suspect)
        #expect(harness.member.statistics.stalls == 1)
        #expect(!harness.notices.contains(.died(subject)))
        harness.hear(from: "b", claims: [.record(try .sample("a", port: 2, version: 2))])
        #expect(harness.member.liveness(of: subject) == .alive)
    }

    @Test("a death does not grow old while this process is paused, and after a pause the others may speak first")
    func pausedRemoval() throws {
        var harness = try Harness(others: ["a", "b"])
        let (subject, delay) = (try name("a"), Int64.seconds(60))
        func isRefused(_ harness: inout Harness) -> Bool {
            do {
                try harness.member.forget(subject, deadFor: delay, now: harness.now, into: &harness.effects)
                return false
            } catch { return error.code == .notAllowed }
        }
        harness.hear(from: "b", claims: [.dead(name: subject, version: 1, accuser: try name("b"))])
        harness.pass(.seconds(50))
        harness.now = harness.now.advanced(by: .seconds(40))
        let atOnce = isRefused(&harness)
        harness.pass(.seconds(20))
        let beforeNews = isRefused(&harness)
        harness.pass(.seconds(11))
        let later = isRefused(&harness)
        #expect(atOnce && beforeNews && !later)
        #expect(harness.member.record(of: subject)?.state == .forgotten)
    }
}

extension Claim {
    fileprivate var isSuspicion: Bool { if case .suspect = self { true } else { false } }
}

extension Harness {
    /// Lets ten milliseconds pass, and the pings to `names` be answered.
    mutating func step(answering names: [String]) {
        let before = effects.count
        pass(.milliseconds(10))
        for effect in effects[before...] {
            guard case .send(let address, let contents) = effect,
                let datagram = try? GossipDatagram(decoding: contents.rawSpan),
                case .ping(let sequence, let target, _) = datagram.message, names.contains(target.text)
            else { continue }
            hear(
                from: target.text, .acknowledge(sequence: sequence, digest: member.viewDigest), port: address.port)
        }
    }
}
