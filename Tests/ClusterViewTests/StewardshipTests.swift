import ClusterTransport
import ClusterView
import Membership
import SlotMovement
import Testing

@Suite("What is due in a cluster") struct StewardshipTests {
    /// An aggregator that works by the settings of `applied`, and had everything under them and this ring if it has `settled`.
    private func aggregator(
        _ name: String, applied: UInt64 = 1, settled: Bool = true, state: MemberState = .active,
        liveness: Liveness = .alive, seconds: UInt64 = 0, zone: String = "", fill: UInt8 = 0, force: Bool = false
    ) throws -> MemberView {
        var member = try view(name, .aggregator, state: state, liveness: liveness, zone: zone)
        member.record.progress.appliedSettings = applied
        member.record.progress.settledRing = settled ? Self.settled : 7
        member.record.progress.diskFill = fill
        member.record.progress.leavesByForce = force
        member.seconds = seconds
        return member
    }

    private func due(_ views: [MemberView], copies: CopyFactors, delay: Int64 = 100_000) -> Stewardship {
        var cluster = settings
        cluster.copies = copies
        cluster.replacementDelayMilliseconds = delay
        var builder = SnapshotBuilder()
        let ring = builder.next(views: views, settings: cluster).aggregatorView?.ringDigest ?? 0
        let told = views.map { view in
            var view = view
            if view.record.progress.settledRing == Self.settled { view.record.progress.settledRing = ring }
            return view
        }
        return Stewardship(builder.next(views: told, settings: cluster))
    }

    /// Stands for the ring that is being judged.
    private static let settled: UInt64 = 1

    private let two = CopyFactors(wanted: 2, placed: 2, assured: 2)

    @Test("copies are relied on once every aggregator answers and had everything under these settings")
    func assure() throws {
        let b = try MemberName("b")
        let grown = CopyFactors(wanted: 2, placed: 2, assured: 1)
        let ready = due([try aggregator("a"), try aggregator("b")], copies: grown)
        #expect(ready.settings?.copies == two && ready.settings?.version == 2)
        let late = due([try aggregator("a"), try aggregator("b", settled: false)], copies: grown)
        #expect(late.settings == nil && late.copiesWait == .moving([b]))
        let silent = due([try aggregator("a"), try aggregator("b", liveness: .suspect)], copies: grown)
        #expect(silent.settings == nil && silent.copiesWait == .moving([b]))
        #expect(due([try aggregator("a"), try aggregator("b")], copies: two).copiesWait == nil)
    }

    @Test("who had everything under another ring, or before a member started again, has to say so anew")
    func otherRing() throws {
        var cluster = settings
        cluster.copies = CopyFactors(wanted: 2, placed: 2, assured: 1)
        var builder = SnapshotBuilder()
        func digest(_ views: [MemberView]) -> UInt64? {
            builder.next(views: views, settings: cluster).aggregatorView?.ringDigest
        }
        let (a, b, c) = (try aggregator("a"), try aggregator("b"), try aggregator("c"))
        let before = digest([a, b, c])
        #expect(digest([a, b, c]) == before)
        var again = b
        again.record.instance = MemberInstance(
            high: b.record.instance.high, low: b.record.instance.low, boot: b.record.instance.boot + 1)
        #expect(digest([a, again, c]) != before)
        #expect(digest([a, c]) != before)
        var told = [a, c]
        for index in told.indices { told[index].record.progress.settledRing = before ?? 0 }
        let gone = Stewardship(builder.next(views: told, settings: cluster))
        let both = [try MemberName("a"), try MemberName("c")]
        #expect(gone.settings == nil && gone.copiesWait == .moving(both))
    }

    @Test("fewer copies are placed once every aggregator has heard of it, also those that are dead")
    func lower() throws {
        let b = try MemberName("b")
        let lowered = CopyFactors(wanted: 1, placed: 2, assured: 1)
        let told = due([try aggregator("a", settled: false), try aggregator("b")], copies: lowered)
        #expect(told.settings?.copies.placed == 1)
        let dead = due([try aggregator("a"), try aggregator("b", liveness: .dead)], copies: lowered)
        #expect(dead.settings == nil && dead.copiesWait == .untold([b]))
        let untold = due([try aggregator("a"), try aggregator("b", applied: 0)], copies: lowered)
        #expect(untold.settings == nil)
    }

    @Test("the first that answers and stays acts")
    func actor() throws {
        let views = [
            try aggregator("a", liveness: .suspect), try aggregator("b", state: .leaving), try aggregator("c"),
        ]
        #expect(due(views, copies: two).actor == (try MemberName("c")))
    }

    @Test("one that has been dead for long enough is removed, two are not, and not the next one soon after")
    func replace() throws {
        let (b, c) = (try aggregator("b"), try aggregator("c"))
        func a(_ seconds: UInt64) throws -> MemberView { try aggregator("a", liveness: .dead, seconds: seconds) }
        let soon = due([try a(99), b, c], copies: two)
        #expect(soon.removals.isEmpty && soon.reason == .notLongEnough(until: 1_000_000))
        #expect(soon.dead.map(\.name.text) == ["a"])
        #expect(due([try a(100), b, c], copies: two).removals == [try MemberName("a")])
        let both = due([try a(100), try aggregator("b", liveness: .dead, seconds: 100), c], copies: two)
        #expect(both.removals.isEmpty && both.reason == .noMajority(alive: 1, of: 3))
        let d = try aggregator("d")
        let after = [try a(100), b, c, d, try aggregator("e", state: .forgotten, seconds: 99)]
        #expect(due(after, copies: two).reason == .anotherReplaced)
        let later = [try a(100), b, c, d, try aggregator("e", state: .forgotten, seconds: 100)]
        #expect(due(later, copies: two).removals == [try MemberName("a")])
        #expect(due([try a(100), b, c], copies: two, delay: 0).reason == .switchedOff)
        #expect(due([try a(100), b, c], copies: CopyFactors(wanted: 1)).reason == .onlyCopy)
    }

    @Test("a death grows old although nothing else happens in the cluster, and so does a removal")
    func calm() throws {
        var cluster = settings
        cluster.copies = two
        cluster.replacementDelayMilliseconds = 100_000
        var builder = SnapshotBuilder()
        let views = [
            try aggregator("a", liveness: .dead), try aggregator("b"), try aggregator("c"), try aggregator("d"),
            try aggregator("e", state: .forgotten),
        ]
        let now = ContinuousClock.now
        let snapshot = builder.next(views: views, settings: cluster, at: now)
        #expect(Stewardship(snapshot, at: now + .milliseconds(99_900)).reason == .anotherReplaced)
        #expect(Stewardship(snapshot, at: now + .seconds(100)).removals == [try MemberName("a")])
        let alone = builder.next(views: Array(views.prefix(3)), settings: cluster, at: now)
        #expect(Stewardship(alone, at: now + .seconds(70)).reason == .notLongEnough(until: 30_000_000))
    }

    @Test("nobody is replaced while the disks of the rest are too full for what it had")
    func room() throws {
        func rest(_ fill: UInt8) throws -> [MemberView] {
            [
                try aggregator("a", liveness: .dead, seconds: 100), try aggregator("b"),
                try aggregator("c", fill: fill),
            ]
        }
        #expect(due(try rest(60), copies: two).removals == [try MemberName("a")])
        #expect(due(try rest(61), copies: two).reason == .noRoom)
    }

    @Test(
        "of those that leave at one time as many stay as must, the same for everybody; whom somebody forces goes, but never the last"
    )
    func departures() throws {
        let (a, b) = (try aggregator("a", state: .leaving), try aggregator("b", state: .leaving))
        #expect(due([a, b, try aggregator("c"), try aggregator("d")], copies: two).staying.isEmpty)
        #expect(due([a, b, try aggregator("c")], copies: two).staying == [try MemberName("a")])
        #expect(due([a, b], copies: two).staying == [try MemberName("a"), try MemberName("b")])
        #expect(due([a, b], copies: CopyFactors(wanted: 1)).staying == [try MemberName("a")])
        let forced = try ["a", "b"].map { try aggregator($0, state: .leaving, force: true) }
        #expect(due(forced + [try aggregator("c")], copies: two).staying.isEmpty)
        #expect(due(forced, copies: two).staying == [try MemberName("a")])
    }
}
