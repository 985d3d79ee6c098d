import ByteCoding
import Membership
import SeededRandom
import Testing

@Suite("Joining, leaving, exchanging") struct JoinTests {
    private let start = MembershipInstant(microseconds: 5_000_000)
    private let seed = NodeAddress(v4: 0x7F00_0001, port: 3)

    private func newcomer(
        _ text: String = "new", port: UInt16 = 7, disk: UInt64 = 7, settings: ClusterSettings? = nil
    ) throws -> Membership {
        Membership(
            record: try .sample(text, port: port, disk: disk), settings: settings,
            configuration: MembershipConfiguration(), seed: 9)
    }

    /// Gives each exchange of `member` to `peer` and the answer back, until none is left.
    private func converse(
        _ member: inout Membership, _ effects: inout [MembershipEffect], with peer: inout Harness,
        now: MembershipInstant
    ) {
        var pending = effects
        effects = []
        for _ in 0..<10 where !pending.isEmpty {
            var next: [MembershipEffect] = []
            for effect in pending {
                guard case .exchange(let id, _, let contents) = effect else {
                    effects.append(effect)
                    continue
                }
                if let answer = peer.member.answer(contents, now: peer.now, into: &peer.effects) {
                    member.answered(id, answer, now: now, into: &next)
                } else {
                    member.failed(id, now: now, into: &next)
                }
            }
            pending = next
        }
        effects.append(contentsOf: pending)
    }

    @Test("a newcomer takes settings and members from a seed, and the seed learns of it")
    func joins() throws {
        var peer = try Harness(others: ["a", "b"])
        var member = try newcomer()
        var effects: [MembershipEffect] = []
        member.start(seeds: [seed], cluster: "murmur", founding: nil, now: start, into: &effects)
        #expect(member.phase == .joining)
        converse(&member, &effects, with: &peer, now: start)
        #expect(member.phase == .member)
        #expect(member.settings == .sample)
        #expect(member.members(now: start).map(\.record.name.text) == ["a", "b", "me", "new"])
        #expect(peer.member.liveness(of: try name("new")) == .alive)
        #expect(member.viewDigest == peer.member.viewDigest)
        #expect(effects.contains(.notify(.joined)))
    }

    @Test("a seed of another cluster name refuses; a newcomer whose seeds are all of another cluster gives up")
    func otherCluster() throws {
        var peer = try Harness()
        var member = try newcomer()
        var effects: [MembershipEffect] = []
        member.start(seeds: [seed], cluster: "other", founding: nil, now: start, into: &effects)
        converse(&member, &effects, with: &peer, now: start)
        #expect(effects.contains(.notify(.expelled(.otherCluster("murmur")))))
        #expect(member.phase == .silent)
    }

    @Test("of two live instances of a name the known one stays, and the newcomer gets an error")
    func nameTaken() throws {
        var peer = try Harness(others: ["a", "b"])
        var member = try newcomer("a", port: 9, disk: 77)
        var effects: [MembershipEffect] = []
        var now = start
        member.start(seeds: [seed], cluster: "murmur", founding: nil, now: now, into: &effects)
        var rounds = 0
        while member.phase == .joining, rounds < 100 {
            converse(&member, &effects, with: &peer, now: now)
            now = max(now, member.wakeAt)
            member.tick(now: now, into: &effects)
            rounds += 1
        }
        #expect(now.since(start) >= MembershipConfiguration().namePatience)
        let taken = try MemberRecord.sample("a", port: 2)
        #expect(effects.contains(.notify(.expelled(.nameTaken(taken)))))
        #expect(peer.member.record(of: try name("a")) == taken)
    }

    enum Predecessor: CaseIterable { case dead, left, sameAddress, sameDisk }

    @Test("a new instance takes the name over when the old one is over", arguments: Predecessor.allCases)
    func takesOver(_ predecessor: Predecessor) throws {
        var peer = try Harness(others: ["a", "b"])
        var boot: UInt64 = 1
        switch predecessor {
        case .dead:
            peer.hear(from: "b", claims: [.dead(name: try name("a"), version: 1, accuser: try name("b"))])
        case .left:
            var record = try MemberRecord.sample("a", port: 2, version: 3)
            record.state = .left
            peer.hear(from: "b", claims: [.record(record)])
        case .sameAddress: break
        case .sameDisk: boot = 2
        }
        var record = try MemberRecord.sample(
            "a", port: predecessor == .sameAddress ? 2 : 9, disk: predecessor == .sameDisk ? 2 : 77, boot: boot)
        record.weight = 4
        var member = Membership(
            record: record, settings: nil, configuration: MembershipConfiguration(), seed: 4)
        var effects: [MembershipEffect] = []
        member.start(seeds: [seed], cluster: "murmur", founding: nil, now: start, into: &effects)
        converse(&member, &effects, with: &peer, now: start)
        #expect(member.phase == .member)
        // Its boot number is greater than the old one's, whose was 1.
        let next = MemberInstance(high: record.instance.high, low: record.instance.low, boot: 2)
        #expect(peer.member.record(of: try name("a"))?.instance == next)
        #expect(peer.member.record(of: try name("a"))?.weight == 4)
        #expect(peer.member.liveness(of: try name("a")) == .alive)
    }

    @Test(
        "a new disk under a dead member's name keeps its place in the ring, and its boot number is greater",
        arguments: [(1, 10), (9, 10), (10, 10), (30, 30)] as [(UInt64, UInt64)])
    func lostDisk(boot: UInt64, expected: UInt64) throws {
        var peer = try Harness(others: ["b"])
        peer.hear(from: "b", claims: [.record(try .sample("a", port: 9, boot: 9))])
        peer.hear(from: "b", claims: [.dead(name: try name("a"), version: 1, accuser: try name("b"))])
        var record = try MemberRecord.sample("a", port: 9, disk: 77, boot: boot)
        record.state = .joining
        var member = Membership(
            record: record, settings: nil, configuration: MembershipConfiguration(), seed: 4)
        var effects: [MembershipEffect] = []
        member.start(seeds: [seed], cluster: "murmur", founding: nil, now: start, into: &effects)
        converse(&member, &effects, with: &peer, now: start)
        #expect(member.me.instance == MemberInstance(high: 0xA1, low: 77, boot: expected))
        #expect(member.me.state == .active)
        #expect(peer.member.record(of: try name("a")) == member.me)
        #expect(peer.member.liveness(of: try name("a")) == .alive)
    }

    @Test(
        "a directory that was put back to an older copy gets a number above the start that came after the copy",
        arguments: [8, 9] as [UInt64])
    func olderCopy(boot: UInt64) throws {
        var peer = try Harness(others: ["b"])
        peer.hear(from: "b", claims: [.record(try .sample("a", port: 9, disk: 77, boot: 9))])
        peer.hear(from: "b", claims: [.dead(name: try name("a"), version: 1, accuser: try name("b"))])
        var member = Membership(
            record: try .sample("a", port: 9, disk: 77, boot: boot), settings: nil,
            configuration: MembershipConfiguration(), seed: 4)
        var effects: [MembershipEffect] = []
        member.start(seeds: [seed], cluster: "murmur", founding: nil, now: start, into: &effects)
        converse(&member, &effects, with: &peer, now: start)
        #expect(member.me.instance == MemberInstance(high: 0xA1, low: 77, boot: 10))
        #expect(peer.member.record(of: try name("a")) == member.me)
    }

    @Test(
        "a directory that was put back to an older copy and found no seed ends when it hears of the start that came after",
        arguments: [9, 10] as [UInt64], [false, true])
    func olderCopyAlone(known: UInt64, asks: Bool) throws {
        var peer = try Harness(others: ["b"])
        let former = try MemberRecord.sample("a", port: 9, version: 3, disk: 77, boot: known)
        peer.hear(from: "b", claims: [.record(former)])
        var member = Membership(
            record: try .sample("a", port: 9, disk: 77, boot: 9), settings: .sample,
            configuration: MembershipConfiguration(), seed: 4)
        var effects: [MembershipEffect] = []
        var now = start
        member.start(
            seeds: [seed], cluster: "murmur", founding: nil, known: [try .sample("b", port: 2)], now: now,
            into: &effects)
        for _ in 0..<200 where member.phase == .joining {
            for case .exchange(let id, _, _) in effects { member.failed(id, now: now, into: &effects) }
            effects = []
            now = max(now, member.wakeAt)
            member.tick(now: now, into: &effects)
        }
        #expect(member.phase == .member && member.me.instance.boot == 9)
        if asks {
            for _ in 0..<200 where member.phase == .member {
                converse(&member, &effects, with: &peer, now: now)
                if member.phase == .silent { break }
                effects = []
                now = max(now, member.wakeAt)
                member.tick(now: now, into: &effects)
            }
        } else {
            let claims = GossipDatagram(sender: try name("b"), message: .gossip, claims: [.record(former)])
            member.receive(claims.encoded, from: NodeAddress(v4: 0x7F00_0001, port: 2), now: now, into: &effects)
        }
        #expect(member.phase == .silent)
        #expect(effects.contains(.notify(.expelled(.outlived(former)))))
    }

    @Test("who may not found a cluster does not keep others from founding it, whatever its name")
    func foundersAlone() throws {
        var router = try newcomer("a", port: 3)
        var effects: [MembershipEffect] = []
        router.start(
            seeds: [NodeAddress(v4: 0x7F00_0001, port: 7)], cluster: "murmur", founding: nil, now: start,
            into: &effects)
        var peer = try Harness()
        peer.member = router
        var aggregator = try newcomer("z")
        aggregator.start(
            seeds: [seed], cluster: "murmur", founding: Founding(settings: .sample, membersMin: 1), now: start,
            into: &effects)
        effects.removeAll { if case .exchange(_, let to, _) = $0 { to != seed } else { true } }
        converse(&aggregator, &effects, with: &peer, now: start)
        #expect(aggregator.phase == .member)
        #expect(aggregator.settings == .sample)
    }

    @Test("nobody founds a cluster while a seed's name has no address: a cluster may be behind it")
    func unfoundSeeds() throws {
        var member = try newcomer("a")
        var effects: [MembershipEffect] = []
        member.start(
            seeds: [], unfound: 1, cluster: "murmur", founding: Founding(settings: .sample, membersMin: 1), now: start,
            into: &effects)
        var now = start
        for _ in 0..<20 {
            now = now.advanced(by: .seconds(10))
            member.tick(now: now, into: &effects)
        }
        #expect(member.phase == .joining)
        #expect(effects.contains { if case .resolveSeeds = $0 { true } else { false } })
        // The name's only address is its own: nobody else is there.
        member.setSeeds([member.me.address], unfound: 0)
        member.tick(now: now.advanced(by: .seconds(20)), into: &effects)
        #expect(member.phase == .member)
        #expect(member.settings == .sample)
    }

    @Test("a member whose name a newer instance took over falls silent; an older start of its own disk is outranked")
    func superseded() throws {
        var harness = try Harness(others: ["a"])
        harness.hear(from: "a", claims: [.record(try .sample("me", port: 50, version: 4, disk: 1, boot: 0))])
        #expect(harness.member.phase == .member)
        #expect(harness.member.me.version == 5)
        let successor = try MemberRecord.sample("me", port: 51, version: 9, disk: 12)
        harness.hear(from: "a", claims: [.record(successor)])
        #expect(harness.member.phase == .silent)
        #expect(harness.notices.contains(.expelled(.superseded(successor))))
        harness.effects = []
        harness.hear(from: "a", .ping(sequence: 1, target: try name("me"), digest: 0))
        harness.pass(.seconds(60))
        #expect(harness.effects.isEmpty)
    }

    @Test("of several members without a cluster the one with the least name founds it, once enough know of each other")
    func founding() throws {
        let founding = Founding(settings: .sample, membersMin: 3)
        func candidate(_ text: String, _ port: UInt16) throws -> Membership {
            Membership(
                record: try .sample(text, port: port), settings: nil, configuration: MembershipConfiguration(),
                seed: UInt64(port))
        }
        var members = [try candidate("n0", 1), try candidate("n1", 2), try candidate("n2", 3)]
        let seeds = (1...3).map { NodeAddress(v4: 0x7F00_0001, port: UInt16($0)) }
        var effects: [[MembershipEffect]] = [[], [], []]
        var now = start
        var running = 2
        for round in 0..<60 {
            // The third one comes later; two alone must not found anything.
            if round == 20 {
                #expect(members[0].phase == .joining && members[1].phase == .joining)
                running = 3
            }
            for node in 0..<running {
                if members[node].phase == .idle {
                    members[node].start(
                        seeds: seeds, cluster: "murmur", founding: founding, now: now, into: &effects[node])
                }
                members[node].tick(now: now, into: &effects[node])
            }
            for _ in 0..<4 {
                for node in 0..<running {
                    let pending = effects[node]
                    effects[node] = []
                    for case .exchange(let id, let address, let contents) in pending {
                        let peer = Int(address.port) - 1
                        let answer =
                            peer < running ? members[peer].answer(contents, now: now, into: &effects[peer]) : nil
                        if let answer {
                            members[node].answered(id, answer, now: now, into: &effects[node])
                        } else {
                            members[node].failed(id, now: now, into: &effects[node])
                        }
                    }
                }
            }
            now = now.advanced(by: .milliseconds(500))
        }
        #expect(members.map(\.phase) == [.member, .member, .member])
        #expect(Set(members.map(\.viewDigest)).count == 1)
        #expect(members.allSatisfy { $0.liveCount == 3 })
    }

    @Test("a member that knows its cluster goes on alone when nobody answers, and keeps looking")
    func alone() throws {
        var member = try newcomer(settings: .sample)
        var effects: [MembershipEffect] = []
        member.start(
            seeds: [], cluster: "murmur", founding: nil, known: [try .sample("a", port: 2)], now: start, into: &effects)
        var now = start
        var attempts = 0
        for _ in 0..<200 {
            for case .exchange(let id, _, _) in effects { member.failed(id, now: now, into: &effects) }
            attempts += effects.count { if case .resolveSeeds = $0 { true } else { false } }
            effects = []
            now = max(now, member.wakeAt)
            member.tick(now: now, into: &effects)
        }
        #expect(member.phase == .member)
        #expect(attempts >= 2)
    }

    @Test("equal digests exchange nothing, different ones everything that either knows better")
    func compare() throws {
        var left = try Harness(others: ["a", "b"])
        var right = try Harness(others: ["a", "b"])
        let equal = SyncMessage.compare(sender: try name("a"), digest: left.member.viewDigest).encoded
        #expect(left.member.answer(equal, now: left.now, into: &left.effects) == SyncMessage.same.encoded)
        left.hear(
            from: "a", claims: [.record(try .sample("c", port: 6)), .record(try .sample("a", port: 2, version: 5))])
        right.hear(from: "a", claims: [.record(try .sample("d", port: 7))])
        // The two are one member as far as their names go; what they know of others is merged.
        let view = SyncMessage.view(settings: .sample, members: left.member.members(now: left.now)).encoded
        func compares(_ harness: Harness) -> SyncID? {
            harness.exchanges.last { if case .compare = $0.message { true } else { false } }?.id
        }
        for _ in 0..<5_000 where compares(right) == nil { right.step(answering: ["a", "b", "d"]) }
        guard let exchange = compares(right) else {
            Issue.record("no periodic exchange")
            return
        }
        right.effects = []
        right.member.answered(exchange, view, now: right.now, into: &right.effects)
        #expect(right.member.record(of: try name("c")) != nil)
        #expect(right.member.record(of: try name("a"))?.version == 5)
        guard case .delta(_, nil, let members)? = right.exchanges.first?.message else {
            Issue.record("no delta")
            return
        }
        #expect(members.map(\.record.name.text).contains("d"))
        #expect(!members.map(\.record.name.text).contains("c"))
    }

    @Test("whom another member calls dead is suspected first, whom nobody here knew is dead at once")
    func deadInView() throws {
        var harness = try Harness(others: ["a", "b"])
        let views = [
            MemberView(record: try .sample("a", port: 2), liveness: .dead, claimVersion: 1, seconds: 100),
            MemberView(record: try .sample("x", port: 8), liveness: .dead, claimVersion: 1, seconds: 700),
        ]
        let delta = SyncMessage.delta(sender: try name("b"), settings: nil, members: views)
        _ = harness.member.answer(delta.encoded, now: harness.now, into: &harness.effects)
        #expect(harness.member.liveness(of: try name("a")) == .suspect)
        #expect(harness.member.liveness(of: try name("x")) == .dead)
        let known = harness.member.members(now: harness.now).first { $0.record.name.text == "x" }
        #expect(known?.seconds == 700)
    }

    @Test("who leaves or stops says so, finishes, and is silent")
    func goes() throws {
        var leaving = try Harness(others: ["a", "b"])
        leaving.member.leave(now: leaving.now, into: &leaving.effects)
        leaving.pass(.seconds(4))
        #expect(leaving.notices.last == .finished)
        #expect(leaving.member.phase == .silent)
        #expect(leaving.sent.allSatisfy { $0.datagram.claims.contains(.record(leaving.member.me)) })
        #expect(leaving.member.me.state == .left)

        var stopping = try Harness(others: ["a", "b"])
        let me = try name("me")
        stopping.member.stop(now: stopping.now, into: &stopping.effects)
        stopping.pass(.seconds(4))
        #expect(stopping.notices.last == .finished)
        #expect(stopping.sent.first?.datagram.claims.contains(.dead(name: me, version: 1, accuser: me)) == true)
    }

    @Test("garbage in datagrams and exchanges is counted and answered by nothing")
    func garbage() throws {
        var harness = try Harness(others: ["a"])
        let before = harness.member.viewDigest
        var random = SplitMix64(seed: 8)
        for _ in 0..<2_000 {
            let bytes = (0..<Int.random(in: 0...200, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            harness.member.receive(bytes, from: seed, now: harness.now, into: &harness.effects)
            _ = harness.member.answer(bytes, now: harness.now, into: &harness.effects)
        }
        #expect(harness.member.statistics.malformed > 3_500)
        #expect(harness.member.viewDigest == before)
    }
}
