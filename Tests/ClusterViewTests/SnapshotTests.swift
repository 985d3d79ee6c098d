import ClusterTransport
import ClusterView
import Membership
import Placement
import SlotMovement
import Testing

/// A member as another sees it.
func view(
    _ name: String, _ roles: MemberRoles, port: UInt16 = 1, state: MemberState = .active,
    liveness: Liveness = .alive, boot: UInt64 = 1, zone: String = ""
) throws -> MemberView {
    var record = MemberRecord(
        name: try MemberName(name), instance: MemberInstance(high: 1, low: UInt64(port), boot: boot), roles: roles,
        address: NodeAddress(v4: 0x7F00_0001, port: port))
    record.state = state
    record.zone = zone
    return MemberView(record: record, liveness: liveness, claimVersion: 1, seconds: 0)
}

let settings = ClusterSettings(
    id: ClusterID(high: 1, low: 2), name: "test", slotBits: 4, replicationFactor: 2, placementLabels: ["instance"],
    lateWindowMilliseconds: 1_000)

@Suite("Snapshots of the cluster") struct SnapshotTests {
    @Test("the ring is that of the active aggregators, whether they answer or not, in the order of their names")
    func ring() throws {
        var builder = SnapshotBuilder()
        let snapshot = builder.next(
            views: [
                try view("a", .aggregator, liveness: .dead), try view("b", .aggregator, state: .joining),
                try view("c", .aggregator, state: .leaving), try view("d", [.aggregator, .router], liveness: .suspect),
                try view("e", .aggregator, state: .left), try view("r", .router),
            ], settings: settings)
        #expect(snapshot.ring?.members.map(\.name) == ["a", "d"])
        #expect(snapshot.ringNumbers == [NodeID(0), NodeID(3)])
        // Who leaves has samples still.
        #expect(snapshot.movement?.members == [NodeID(0), NodeID(2), NodeID(3)])
        #expect(snapshot.movement?.copiesWanted == 2)
        #expect(snapshot.suspects == [NodeID(0), NodeID(3)])
        #expect(snapshot.aggregators.map(\.name.text) == ["a", "b", "c", "d"])
        #expect(snapshot[try MemberName("r")]?.id == nil)
    }

    @Test("an aggregator keeps its number; the ring is made anew only when it differs")
    func numbers() throws {
        var builder = SnapshotBuilder()
        let before = builder.next(views: [try view("b", .aggregator)], settings: settings)
        let suspected = builder.next(views: [try view("b", .aggregator, liveness: .suspect)], settings: settings)
        #expect(suspected.version > before.version && suspected.ringVersion == before.ringVersion)
        let grown = builder.next(
            views: [try view("a", .aggregator), try view("b", .aggregator)], settings: settings)
        #expect(grown.ringVersion == grown.version)
        #expect(grown.ringNumbers == [NodeID(1), NodeID(0)])
        #expect(grown[NodeID(0)]?.name.text == "b")
        var other = settings
        other.version += 1
        other.replicationFactor = 1
        let changed = builder.next(
            views: [try view("a", .aggregator), try view("b", .aggregator)], settings: other)
        #expect(changed.ring?.replicationFactor == 1)
        let emptied = builder.next(views: [try view("a", .aggregator, state: .forgotten)], settings: other)
        #expect(emptied.ring == nil && emptied.movement == nil && emptied.ringNumbers.isEmpty)
    }

    @Test("starts of a removed aggregator before its return are no members, also for who saw neither")
    func returned() throws {
        var builder = SnapshotBuilder()
        var member = try view("a", .aggregator, boot: 9)
        member.record.leastBoot = 8
        let back = builder.next(views: [member], settings: settings)
        #expect(back.movement?.leastBoots == [NodeID(0): 8])
    }

    @Test("while everybody leaves there is a ring, of those that leave")
    func allLeave() throws {
        var builder = SnapshotBuilder()
        let all = builder.next(
            views: [try view("a", .aggregator, state: .leaving), try view("b", .aggregator, state: .leaving)],
            settings: settings)
        #expect(all.ring?.members.map(\.name) == ["a", "b"])
        let one = builder.next(
            views: [try view("a", .aggregator), try view("b", .aggregator, state: .leaving)], settings: settings)
        #expect(one.ring?.members.map(\.name) == ["a"])
        #expect(one.movement?.members == [NodeID(0), NodeID(1)])
    }

    @Test("no more copies count than can be relied on")
    func assured() throws {
        var cluster = settings
        cluster.copies = CopyFactors(wanted: 3, placed: 3, assured: 2)
        var builder = SnapshotBuilder()
        let views = try ["a", "b", "c"].map { try view($0, .aggregator) }
        let movement = builder.next(views: views, settings: cluster).movement
        #expect(movement?.copiesWanted == 3 && movement?.missingMax == 1)
    }

    @Test("names that are no member's give their numbers to others, the oldest first; a member's never does")
    func bounded() throws {
        var builder = SnapshotBuilder(namesMax: 3)
        let member = try view("a", .aggregator)
        _ = builder.next(views: [member], settings: settings)
        let first = builder.number(of: try MemberName("stranger-1"))
        let other = builder.number(of: try MemberName("stranger-2"))
        #expect(first == NodeID(1) && other == NodeID(2))
        for number in 3..<100 { _ = builder.number(of: try MemberName("stranger-\(number)")) }
        let later = builder.next(views: [member, try view("b", .aggregator)], settings: settings)
        #expect(later[try MemberName("a")]?.id == NodeID(0))
        let second = try #require(later[try MemberName("b")]?.id)
        #expect(second.number < 3 && later.aggregatorView?.name(of: second) == "b")
        #expect(builder.name(of: NodeID(0)) == "a")
    }

    @Test("zones count when the cluster spreads copies over them")
    func zones() throws {
        let views = [
            try view("a", .aggregator, zone: "x"), try view("b", .aggregator, zone: "x"),
            try view("c", .aggregator, zone: "y"),
        ]
        var builder = SnapshotBuilder()
        #expect(builder.next(views: views, settings: settings).ring?.members.map(\.zone) == ["x", "x", "y"])
        var ignoring = settings
        ignoring.zoneRule = .ignore
        #expect(builder.next(views: views, settings: ignoring).ring?.members.map(\.zone) == ["", "", ""])
    }
}

@Suite("Keyring files") struct KeyringFileTests {
    private let first = String(repeating: "0a", count: 32)
    private let second = String(repeating: "Fe", count: 32)

    @Test("keys stand one a line, the first seals; comments and words change how unsealed messages are treated")
    func keys() throws {
        let keyring = try KeyringFile.parse("# ours\n\(first) # new\r\n\n  \(second)\n", path: "k")
        #expect(keyring.keys.map(\.secret) == [[UInt8](repeating: 10, count: 32), [UInt8](repeating: 254, count: 32)])
        #expect(keyring.sealsOutgoing && !keyring.acceptsUnsealed)
        let changing = try KeyringFile.parse("\(first)\naccept-unsealed\nsend-unsealed\n", path: "k")
        #expect(!changing.sealsOutgoing && changing.acceptsUnsealed)
    }

    @Test(
        "a file that is no keyring is refused, and its error does not tell what stands in it",
        arguments: ["", "# nothing", "hush", "0a0a hush", "\(String(repeating: "0a", count: 31))0g"])
    func refused(text: String) {
        do {
            _ = try KeyringFile.parse(text, path: "the-file")
            Issue.record("\(text) is a keyring")
        } catch {
            #expect(error.code == .badKeyring && error.description.contains("the-file"))
            #expect(!error.description.contains("hush") && !error.description.contains("0a0a"))
        }
    }

    @Test("more keys than a keyring takes are refused")
    func tooMany() {
        let text = (0..<9).map { String(repeating: "0\($0)", count: 32) }.joined(separator: "\n")
        #expect(throws: ClusterError.self) { try KeyringFile.parse(text, path: "k") }
    }
}
