import ByteCoding
import Membership
import Testing

@Suite("Names and starts that were removed") struct RemovalTests {
    private func removed(_ text: String, port: UInt16, version: UInt64, boot: UInt64 = 1) throws -> MemberRecord {
        var record = try MemberRecord.sample(text, port: port, version: version, boot: boot)
        record.state = .forgotten
        return record
    }

    @Test("an aggregator that hears that it was removed falls silent: what it was owed is forgotten")
    func removedItself() throws {
        var harness = try Harness(others: ["a", "b"])
        let record = try removed("me", port: 1, version: 7)
        harness.hear(from: "b", claims: [.record(record)])
        #expect(harness.member.phase == .silent)
        #expect(harness.notices.last == .expelled(.removed(record)))
    }

    @Test(
        "a removed start never counts again, whatever its version; the next one does, and says which is the first that counts"
    )
    func never() throws {
        var harness = try Harness(others: ["a", "b"])
        let subject = try name("a")
        harness.hear(from: "b", claims: [.record(try removed("a", port: 2, version: 5, boot: 3))])
        harness.hear(from: "a", claims: [.record(try .sample("a", port: 2, version: 9, boot: 3))])
        #expect(harness.member.record(of: subject)?.state == .forgotten)
        #expect(harness.member.record(of: subject)?.version == 10)
        harness.hear(from: "a", claims: [.record(try .sample("a", port: 2, version: 11, boot: 4))])
        #expect(harness.member.record(of: subject)?.state == .active)
    }

    @Test("a start that comes after a removal carries on from which start the name counts")
    func leastBoot() throws {
        var seed = try Harness(others: ["a"])
        seed.hear(from: "a", claims: [.record(try removed("new", port: 7, version: 5, boot: 3))])
        var member = Membership(
            record: try .sample("new", port: 7, boot: 1), settings: nil, configuration: MembershipConfiguration(),
            seed: 2)
        var effects: [MembershipEffect] = []
        let address = NodeAddress(v4: 0x7F00_0001, port: 1)
        member.start(
            seeds: [address], cluster: "murmur", founding: nil, now: seed.now, into: &effects)
        for case .exchange(let id, _, let contents) in effects {
            guard let answer = seed.member.answer(contents, now: seed.now, into: &seed.effects) else { continue }
            var more: [MembershipEffect] = []
            member.answered(id, answer, now: seed.now, into: &more)
        }
        #expect(member.me.instance.boot == 4 && member.me.leastBoot == 4)
        #expect(try MemberRecord(decoding: member.me.encoded.rawSpan).leastBoot == 4)
    }

    @Test("a start that hears of the removal of an earlier one later carries it on too")
    func laterNews() throws {
        var harness = try Harness(others: ["a"])
        try harness.member.update(now: harness.now, into: &harness.effects) { $0.zone = "z" }
        var record = try removed("me", port: 1, version: 9, boot: 0)
        record.zone = "y"
        harness.hear(from: "a", claims: [.record(record)])
        #expect(harness.member.me.version == 10 && harness.member.me.leastBoot == 1)
    }

    @Test("who holds no slots cannot take the name of an aggregator, dead or alive, before that is removed")
    func roles() throws {
        var seed = try Harness(others: ["a", "b"])
        seed.hear(from: "b", claims: [.dead(name: try name("a"), version: 1, accuser: try name("b"))])
        func ask(_ roles: MemberRoles) throws -> SyncMessage? {
            var record = try MemberRecord.sample("a", port: 9)
            record.roles = roles
            let request = SyncMessage.join(cluster: "murmur", record: record).encoded
            return try seed.member.answer(request, now: seed.now, into: &seed.effects).map {
                try SyncMessage(decoding: $0.rawSpan)
            }
        }
        guard case .refused(.nameTaken(let owner))? = try ask(.coordinator) else {
            Issue.record("a coordinator may take an aggregator's name")
            return
        }
        #expect(owner.roles == .aggregator)
        if case .view? = try ask([.aggregator, .router]) {} else { Issue.record("an aggregator may not come back") }
        try seed.member.forget(try name("a"), now: seed.now, into: &seed.effects)
        if case .view? = try ask(.coordinator) {} else { Issue.record("a removed name cannot be used") }

        var newcomer = try MemberRecord.sample("a", port: 9)
        newcomer.roles = .coordinator
        var member = Membership(
            record: newcomer, settings: nil, configuration: MembershipConfiguration(), seed: 2)
        var effects: [MembershipEffect] = []
        member.start(
            seeds: [NodeAddress(v4: 0x7F00_0001, port: 1)], cluster: "murmur", founding: nil, now: seed.now,
            into: &effects)
        let answer = SyncMessage.refused(.nameTaken(owner)).encoded
        for case .exchange(let id, _, _) in effects {
            var more: [MembershipEffect] = []
            member.answered(id, answer, now: seed.now, into: &more)
            #expect(more.contains(.notify(.expelled(.keepsSlots(owner)))))
        }
        #expect(member.phase == .silent)
    }

    @Test("settings that did not reach a member are found out by the digest")
    func settings() throws {
        var (left, right) = (try Harness(others: ["a"]), try Harness(others: ["a"]))
        #expect(left.member.viewDigest == right.member.viewDigest)
        var next = ClusterSettings.sample
        next.version = 2
        try left.member.propose(next, now: left.now, into: &left.effects)
        #expect(left.member.viewDigest != right.member.viewDigest)
        right.hear(from: "a", claims: [.settings(next)])
        #expect(left.member.viewDigest == right.member.viewDigest)
    }

    @Test("how far a member is, is no change of what it is")
    func progress() throws {
        var harness = try Harness(others: ["a"])
        var record = try MemberRecord.sample("a", port: 2, version: 2)
        record.progress.settledRing = 4
        record.progress.diskFill = 60
        harness.hear(from: "a", claims: [.record(record)])
        #expect(harness.notices == [.progressed(try name("a"))])
        #expect(harness.member.record(of: try name("a"))?.progress == record.progress)
        record.version = 3
        record.weight = 9
        harness.hear(from: "a", claims: [.record(record)])
        #expect(harness.notices.last == .updated(record))
    }

    @Test("records and settings of before their last fields are read: all copies are there, nobody was removed")
    func earlier() throws {
        let record = try MemberRecord.sample("a", port: 2)
        let shorter = Array(record.encoded.dropLast(5))
        #expect(try MemberRecord(decoding: shorter.rawSpan) == record)
        var settings = ClusterSettings.sample
        settings.assuredFactor = settings.replicationFactor
        var delay: [UInt8] = []
        delay.append(varint: UInt64(settings.replacementDelayMilliseconds))
        let earlier = Array(settings.encoded.dropLast(3 + delay.count))
        #expect(try ClusterSettings(decoding: earlier.rawSpan) == settings)
    }

    @Test("who answers on streams alone for three probes is told")
    func withoutDatagrams() throws {
        var harness = try Harness(others: ["a"])
        for _ in 0..<3 {
            #expect(harness.member.withoutDatagrams.isEmpty)
            harness.effects = []
            for _ in 0..<1_000 where harness.exchanges.isEmpty { harness.pass(.milliseconds(20)) }
            for (id, _, _) in harness.exchanges {
                harness.member.answered(id, SyncMessage.same.encoded, now: harness.now, into: &harness.effects)
            }
        }
        #expect(harness.member.withoutDatagrams == [try name("a")])
    }
}
