import ByteCoding
import Membership
import SeededRandom
import Testing

@Suite("One view out of many claims") struct MergeTests {
    @Test("claims in any order and number give one view")
    func anyOrder() throws {
        var random = SplitMix64(seed: 3)
        var claims: [Claim] = []
        for version in 1...4 as ClosedRange<UInt64> {
            for (index, member) in ["a", "b", "c"].enumerated() {
                var record = try MemberRecord.sample(member, port: UInt16(index + 2), version: version)
                record.weight = UInt32(version)
                if version == 4, member == "c" { record.state = .left }
                claims.append(.record(record))
                // Two instances under one name that came in at once.
                claims.append(.record(try .sample(member, port: UInt16(index + 2), version: version, disk: 99)))
            }
        }
        claims.append(.dead(name: try name("b"), version: 4, accuser: try name("a")))
        claims.append(.suspect(name: try name("b"), version: 3, accuser: try name("a")))
        var views: Set<[UInt8]> = []
        var digests: Set<UInt64> = []
        for _ in 0..<200 {
            claims.shuffle(using: &random)
            var harness = try Harness()
            // Each also knows the first version: a death says nothing to who does not know the member.
            for (index, member) in ["a", "b", "c"].enumerated() {
                harness.hear(from: "a", claims: [.record(try .sample(member, port: UInt16(index + 2)))])
            }
            for claim in claims { harness.hear(from: "a", claims: [claim]) }
            digests.insert(harness.member.viewDigest)
            let members = harness.member.members(now: harness.now).map {
                MemberView(record: $0.record, liveness: $0.liveness, claimVersion: $0.claimVersion, seconds: 0)
            }
            views.insert(SyncMessage.view(settings: .sample, members: members).encoded)
        }
        #expect(views.count == 1)
        #expect(digests.count == 1)
    }

    @Test("replacing is a strict order: of two different records of a name exactly one replaces the other")
    func strictOrder() throws {
        var records: [MemberRecord] = []
        for version in 1...2 as ClosedRange<UInt64> {
            for disk in 1...2 as ClosedRange<UInt64> {
                for state in MemberState.allCases {
                    var record = try MemberRecord.sample("a", port: 2, version: version, disk: disk)
                    record.state = state
                    records.append(record)
                    record.weight = 7
                    records.append(record)
                }
            }
        }
        for left in records {
            #expect(!left.replaces(left))
            for right in records where left != right { #expect(left.replaces(right) != right.replaces(left)) }
        }
    }

    @Test("settings: the greater version wins, another cluster's are not taken")
    func settings() throws {
        var harness = try Harness(others: ["a"])
        var newer = ClusterSettings.sample
        newer.version = 2
        newer.replicationFactor = 3
        harness.hear(from: "a", claims: [.settings(newer)])
        #expect(harness.member.settings == newer)
        harness.hear(from: "a", claims: [.settings(.sample)])
        #expect(harness.member.settings == newer)
        var foreign = ClusterSettings(
            id: ClusterID(high: 9, low: 9), name: "other", placementLabels: [], lateWindowMilliseconds: 0)
        foreign.version = 100
        harness.hear(from: "a", claims: [.settings(foreign)])
        #expect(harness.member.settings == newer)
        #expect(harness.notices == [.settings(newer)])
    }

    @Test("settings follow one another by one version and keep what never changes")
    func propose() throws {
        var harness = try Harness()
        var next = ClusterSettings.sample
        next.version = 2
        next.replicationFactor = 3
        try harness.member.propose(next, now: harness.now, into: &harness.effects)
        #expect(harness.member.settings == next)
        #expect(throws: MembershipError(.notAllowed, in: "cluster settings")) {
            try harness.member.propose(next, now: harness.now, into: &harness.effects)
        }
        let other = ClusterSettings(
            id: next.id, name: next.name, slotBits: 13, placementLabels: next.placementLabels,
            lateWindowMilliseconds: 600_000)
        #expect(throws: MembershipError.self) {
            var other = other
            other.version = 3
            try harness.member.propose(other, now: harness.now, into: &harness.effects)
        }
    }

    @Test("settings of other slots are not taken from a peer, whatever their version")
    func otherSlots() throws {
        let ours = ClusterSettings.sample
        var theirs = ClusterSettings(
            id: ours.id, name: ours.name, slotBits: 13, placementLabels: ours.placementLabels,
            lateWindowMilliseconds: ours.lateWindowMilliseconds)
        theirs.version = ours.version + 5
        var harness = try Harness(others: ["a"])
        harness.hear(from: "a", claims: [.settings(theirs)])
        #expect(harness.member.settings == ours)
    }

    @Test("a member whose flags differ is told which")
    func differences() {
        var wanted = ClusterSettings.sample
        #expect(ClusterSettings.sample.differences(from: wanted).isEmpty)
        wanted.replicationFactor = 3
        wanted.lateWindowMilliseconds = 1
        #expect(
            ClusterSettings.sample.differences(from: wanted) == [
                "replication-factor is 2 in the cluster and 3 here",
                "late-window is 600000 ms in the cluster and 1 ms here",
            ])
    }

    @Test("the ring's digest sees what the ring is made of and nothing else")
    func ringDigest() throws {
        var harness = try Harness(others: ["a", "b"])
        let before = harness.member.ringDigest
        var record = try MemberRecord.sample("a", port: 2, version: 2)
        record.http = NodeAddress(v4: 1, port: 80)
        harness.hear(
            from: "a", claims: [.record(record), .suspect(name: try name("b"), version: 1, accuser: try name("a"))])
        #expect(harness.member.ringDigest == before)
        record.version = 3
        record.weight = 2
        harness.hear(from: "a", claims: [.record(record)])
        let heavier = harness.member.ringDigest
        #expect(heavier != before)
        record.version = 4
        record.zone = "z"
        harness.hear(from: "a", claims: [.record(record)])
        #expect(harness.member.ringDigest != heavier)
        var router = try MemberRecord.sample("r", port: 9)
        router.roles = .router
        let zoned = harness.member.ringDigest
        harness.hear(from: "r", claims: [.record(router)])
        #expect(harness.member.ringDigest == zoned)
        var settings = ClusterSettings.sample
        settings.version = 2
        settings.replicationFactor = 3
        harness.hear(from: "a", claims: [.settings(settings)])
        #expect(harness.member.ringDigest != zoned)
    }

    @Test("only the dead can be forgotten, and a forgotten member without slots that lives comes back by itself")
    func forget() throws {
        var harness = try Harness(others: ["a", "b"])
        let subject = try name("a")
        #expect(throws: MembershipError(.notAllowed, in: "forget")) {
            try harness.member.forget(subject, now: harness.now, into: &harness.effects)
        }
        #expect(throws: MembershipError(.unknownMember, in: "forget")) {
            try harness.member.forget(try MemberName("nobody"), now: harness.now, into: &harness.effects)
        }
        harness.hear(from: "b", claims: [.dead(name: subject, version: 1, accuser: try name("b"))])
        try harness.member.forget(subject, now: harness.now, into: &harness.effects)
        #expect(harness.member.liveness(of: subject) == nil)
        #expect(harness.member.record(of: subject)?.state == .forgotten)
        harness.hear(from: "a", claims: [.record(try .sample("a", port: 2, version: 1))])
        #expect(harness.member.liveness(of: subject) == nil)

        try harness.member.update(now: harness.now, into: &harness.effects) { $0.roles = .router }
        var forgotten = harness.member.me
        forgotten.version = 7
        forgotten.state = .forgotten
        harness.hear(from: "b", claims: [.record(forgotten)])
        #expect(harness.member.me.version == 8)
        #expect(harness.member.me.state == .active)
    }

    @Test("what left is dropped after a day, a dead member without slots after ten minutes, a dead aggregator never")
    func sweep() throws {
        var harness = try Harness(others: ["aggregator", "gone"])
        var router = try MemberRecord.sample("router", port: 9)
        router.roles = .router
        harness.hear(from: "router", claims: [.record(router)])
        var gone = try MemberRecord.sample("gone", port: 3, version: 2)
        gone.state = .left
        harness.hear(from: "router", claims: [.record(gone)])
        for subject in ["aggregator", "router"] {
            harness.hear(from: "gone", claims: [.dead(name: try name(subject), version: 1, accuser: try name("gone"))])
        }
        harness.pass(.seconds(590))
        #expect(harness.member.record(of: try name("router")) != nil)
        harness.pass(.seconds(30))
        #expect(harness.member.record(of: try name("router")) == nil)
        #expect(harness.member.record(of: try name("gone")) != nil)
        harness.pass(.seconds(24 * 3_600))
        #expect(harness.member.record(of: try name("gone")) == nil)
        #expect(harness.member.liveness(of: try name("aggregator")) == .dead)
    }

    @Test(
        "a full cluster makes room for a newcomer by forgetting who has been gone for longest, and for nobody else's sake"
    )
    func full() throws {
        var harness = try Harness()
        for number in 2..<SyncMessage.membersMax {
            var record = try MemberRecord.sample("m\(number)", port: UInt16(number))
            if number == 50 || number == 60 { record.state = .left }
            harness.hear(from: "x", claims: [.record(record)])
            harness.now = harness.now.advanced(by: 10)
        }
        harness.hear(from: "x", claims: [.record(try .sample("late-1", port: 5_000))])
        #expect(harness.member.record(of: try name("late-1")) != nil)
        #expect(harness.member.record(of: try name("m50")) != nil)
        for number in 2...5 { harness.hear(from: "x", claims: [.record(try .sample("late-\(number)", port: 5_001))]) }
        #expect(harness.member.record(of: try name("m50")) == nil)
        #expect(harness.member.record(of: try name("m60")) == nil)
        #expect(harness.member.record(of: try name("late-2")) != nil)
        #expect(harness.member.record(of: try name("late-5")) == nil)
        #expect(harness.member.members(now: harness.now).count == SyncMessage.membersMax)
    }

    @Test("a member's own change raises its version; what does not fit is refused")
    func update() throws {
        var harness = try Harness()
        try harness.member.update(now: harness.now, into: &harness.effects) { $0.weight = 5 }
        #expect(harness.member.me.version == 2)
        #expect(harness.member.me.weight == 5)
        try harness.member.update(now: harness.now, into: &harness.effects) { $0.weight = 5 }
        #expect(harness.member.me.version == 2)
        #expect(throws: MembershipError(.malformed, in: "own record")) {
            try harness.member.update(now: harness.now, into: &harness.effects) { $0.zone = "two words" }
        }
        #expect(harness.member.me.zone.isEmpty)
    }
}
