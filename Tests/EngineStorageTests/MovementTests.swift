import EngineStorage
import Foundation
import MetricModel
import SeededRandom
import SeriesEngine
import SlotMovement
import Testing

@Suite("Slots between real engines", .serialized)
struct MovementTests {
    private static func samples(_ round: Int) throws -> [(SeriesDefinition, Int64, Double)] {
        let now = WallClock.now() - 3_600_000
        return try (0..<12).map { server in
            (
                try definition(server % 3 == 0 ? histogramMetric : "cpu", "web-\(server)"),
                now / 1000 * 1000 + 1000 * Int64(round), Double(round)
            )
        }
    }

    /// A cluster whose wanted nodes run and have taken some rounds of samples.
    private static func filled(count: Int, wanted: Int, seed: UInt64, rounds: Int) async throws -> SmallCluster {
        let cluster = SmallCluster(count: count, wanted: wanted, seed: seed)
        for node in 0..<wanted { try await cluster.start(node) }
        try await cluster.settle()
        for round in 0..<rounds { _ = try await cluster.push(samples(round)) }
        return cluster
    }

    @Test(
        "slots move to a new member under writes, and leave those that no longer own them", arguments: [UInt64(1), 2])
    func slotsMove(seed: UInt64) async throws {
        let cluster = try await Self.filled(count: 3, wanted: 2, seed: seed, rounds: 20)
        try await cluster.host(0).seal()
        try await cluster.start(2)
        try await cluster.update(SmallCluster.view(members: 0..<3, ring: [0, 1, 2]))
        for round in 20..<60 { _ = try await cluster.push(Self.samples(round)) }
        #expect(!cluster.told.samples.isEmpty)
        try await cluster.settle()
        try await cluster.check()
        // What was dropped stays dropped, from the log and from blocks.
        for node in 0..<3 {
            try await cluster.kill(node)
            try await cluster.start(node)
        }
        try await cluster.settle()
        try await cluster.check()
        try await cluster.host(0).seal()
        try await cluster.kill(0)
        try await cluster.start(0)
        try await cluster.settle()
        try await cluster.check()
        try await cluster.stopAll()
    }

    @Test(
        "a member that was away gets what it missed, also from a node that was killed since",
        arguments: [UInt64(3), 4])
    func debtsArePaid(seed: UInt64) async throws {
        let cluster = try await Self.filled(count: 3, wanted: 3, seed: seed, rounds: 5)
        try await cluster.kill(2)
        var acknowledged = 0
        for round in 5..<15 where try await cluster.push(Self.samples(round)) { acknowledged += 1 }
        #expect(acknowledged > 0)
        let owed = try await cluster.host(0).movementStatus()?.batchesOwed ?? 0
        #expect(owed > 0)
        // A seal cuts the log behind the blocks: what is owed stays readable by its number.
        try await cluster.host(0).seal()
        try await cluster.kill(0)
        try await cluster.start(0)
        #expect(try await cluster.host(0).movementStatus()?.batchesOwed == owed)
        try await cluster.start(2)
        try await cluster.settle()
        try await cluster.check()
        try await cluster.stopAll()
    }

    @Test("who misses more than is kept copies the slots instead")
    func forgottenDebts() async throws {
        let cluster = SmallCluster(count: 3, wanted: 3, seed: 5)
        for node in 0..<3 { try await cluster.start(node) { $0.owedBytesMax = 1 } }
        try await cluster.settle()
        try await cluster.kill(2)
        for round in 0..<5 { _ = try await cluster.push(Self.samples(round)) }
        try await cluster.wait("the debts' end") {
            let first = try await cluster.host(0).movementStatus()?.batchesOwed
            let second = try await cluster.host(1).movementStatus()?.batchesOwed
            return first == 0 && second == 0
        }
        try await cluster.start(2)
        try await cluster.settle()
        try await cluster.check()
        try await cluster.stopAll()
    }

    /// How many series a host has for slots, and for which of them it says that these are all.
    private static func read(
        _ host: EngineHost, _ slots: SlotSet, onlyWhole: Bool
    ) async throws -> (series: Int, whole: SlotSet) {
        let selection = SeriesSelection(tenant: .default, matchers: [], start: .min, end: .max)
        let found = try await host.selected([selection], slots: slots, onlyWhole: onlyWhole, seriesMax: .max)
        var cursor = try #require(found.selections.first).cursor
        var count = 0
        while try cursor.next() != nil { count += 1 }
        return (count, try #require(found.standing.reply).wholeSet)
    }

    /// The times of each series, of those slots that are whole.
    private static func samples(
        _ host: EngineHost, _ slots: SlotSet
    ) async throws -> (times: [Labels: Set<Int64>], whole: SlotSet) {
        let selection = SeriesSelection(tenant: .default, matchers: [], start: .min, end: .max)
        let found = try await host.selected([selection], slots: slots, onlyWhole: true, seriesMax: .max)
        var cursor = try #require(found.selections.first).cursor
        var times: [Labels: Set<Int64>] = [:]
        while let series = try cursor.next() { times[series.labels, default: []].formUnion(series.timestamps) }
        return (times, try #require(found.standing.reply).wholeSet)
    }

    private static func slot(_ labels: Labels) throws -> UInt16 {
        let definition = try definition(labels["__name__"] ?? "", labels["instance"] ?? "")
        return definition.placement.slot(bits: SmallCluster.slotBits)
    }

    @Test("block files that are open stay open when slots of theirs are dropped, and show nothing of these")
    func openFiles() async throws {
        let cluster = try await Self.filled(count: 3, wanted: 2, seed: 9, rounds: 20)
        let host = try cluster.host(0)
        try await host.seal()
        let scope = LabelScope(tenant: .default, matcherSets: [], start: .min, end: .max)
        #expect(try await host.labelValues("instance", scope, seriesMax: .max).count == 12)
        try await settled(host)
        let all = SlotSet(below: SmallCluster.slots)
        #expect(try await Self.read(host, all, onlyWhole: false).series == 12)
        try await cluster.start(2)
        try await cluster.update(SmallCluster.view(members: 0..<3, ring: [0, 1, 2]))
        try await cluster.settle()
        let left = try await Self.read(host, all, onlyWhole: false).series
        #expect(left > 0 && left < 12)
        #expect(try await host.labelValues("instance", scope, seriesMax: .max).count == left)
        #expect(host.selectionReads.slotBySlot == 0)
        try await cluster.update(SmallCluster.view(members: 0..<3, ring: [0, 1]))
        try await cluster.settle()
        #expect(try await Self.read(host, all, onlyWhole: true).series == 12)
        try await cluster.stopAll()
    }

    @Test("slot blocks that rot are copied again from the other holder, and nothing is answered short meanwhile")
    func rot() async throws {
        let cluster = try await Self.filled(count: 3, wanted: 3, seed: 11, rounds: 20)
        try await cluster.settle()
        try await cluster.host(0).seal()
        let host = try cluster.host(0)
        let name = try #require(try cluster.folders[0].blocks().first)
        _ = try cluster.folders[0].rot(name, [0, 1])
        let all = SlotSet(below: SmallCluster.slots)
        await #expect(throws: EngineError.self) { _ = try await host.everything() }
        try await cluster.wait("damage") { host.statistics.damagedSlotBlocks == 2 }
        for round in 20..<25 { _ = try await cluster.push(Self.samples(round)) }
        // What it says to be whole is not short, at any moment.
        for _ in 0..<20 {
            let (found, whole) = try await Self.samples(host, all)
            for (labels, times) in found where whole.contains(try Self.slot(labels)) {
                #expect(times.isSuperset(of: cluster.told.columns[labels]?.timestamps ?? []))
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        try await cluster.settle()
        try await cluster.check()
        let wanted = (0..<SmallCluster.slots).count { cluster.view.wanted($0).contains(NodeID(0)) }
        try await cluster.wait("all slots whole") { try await Self.samples(host, all).whole.count == wanted }
        #expect(host.statistics.unreplacedSlotBlocks == 0)
        #expect(host.statistics.lostBlocks.isEmpty)
        try await cluster.kill(0)
        try await cluster.start(0)
        try await cluster.settle()
        try await cluster.check()
        #expect(try cluster.host(0).statistics.damagedSlotBlocks == 0)
        try await cluster.stopAll()
    }

    @Test("a slot is answered for alone only where it is whole when its samples are taken")
    func answered() async throws {
        let cluster = SmallCluster(count: 2, wanted: 2, seed: 6)
        for node in 0..<2 { try await cluster.start(node) }
        let all = SlotSet(below: SmallCluster.slots)
        try await cluster.settle()
        #expect(try await cluster.push(Self.samples(0)))
        let host = try cluster.host(0)
        #expect(try await Self.read(host, all, onlyWhole: true) == (12, all))
        #expect(try await Self.read(host, SlotSet(), onlyWhole: true) == (0, SlotSet()))
        // Without the other's lease nobody is read alone.
        try await cluster.kill(1)
        try await cluster.wait("the lease's end") {
            try await Self.read(host, all, onlyWhole: true) == (0, SlotSet())
        }
        #expect(try await Self.read(host, all, onlyWhole: false) == (12, SlotSet()))
        let summary = try await host.select(
            SeriesSelection(tenant: .default, matchers: [], start: .min, end: .max),
            of: .slots(all, onlyWhole: true), seriesMax: .max, samplesMax: .max
        ) { _ in }
        #expect(summary.seriesCount == 0 && summary.standing.reply?.wholeSet == SlotSet())
        let reply = try #require(try await cluster.host(0).readReply([0, 1]))
        #expect(reply.groups.allSatisfy { !$0.isWhole && $0.isSound })
        try await cluster.start(1)
        try await cluster.settle()
        try await cluster.stopAll()
    }

    @Test("a payment without its samples is not taken, and is not answered as if it were")
    func paymentWithoutSamples() async throws {
        let cluster = SmallCluster(count: 2, wanted: 2, seed: 8)
        for node in 0..<2 { try await cluster.start(node) }
        try await cluster.settle()
        let host = try cluster.host(0)
        let payment = MovementMessage.pay([BatchPart(number: 1 << 33, slots: [0])])
        let refusal = host.receive([MovementParcel(payment)], from: NodeID(1))
        #expect(refusal?.code == .blockUnreadable)
        #expect(host.receive([MovementParcel(.paid([]))], from: NodeID(1)) == nil)
        try await cluster.stopAll()
    }

    @Test("a view of another number of slots is refused, and the one before stays")
    func otherSlots() async throws {
        let cluster = SmallCluster(count: 1, wanted: 1, seed: 9)
        try await cluster.start(0)
        try await cluster.settle()
        let view = MovementView(
            members: [NodeID(0)], orders: Array(repeating: [NodeID(0)], count: 2 * SmallCluster.slots),
            replicationFactor: 1, assuredFactor: 1)
        await #expect(throws: EngineError.self) { try await cluster.host(0).update(view) }
        #expect(try await cluster.push(Self.samples(0)))
        try await cluster.settle()
        try await cluster.stopAll()
    }

    @Test("a member that gave everything away takes nothing more")
    func departs() async throws {
        let cluster = try await Self.filled(count: 3, wanted: 3, seed: 10, rounds: 5)
        #expect(try await cluster.host(2).depart() == false)
        try await cluster.update(SmallCluster.view(members: 0..<3, ring: [0, 1]))
        try await cluster.wait("the departure") { try await cluster.host(2).depart() }
        let request = StoreRequest(
            slots: [0], batch: 1 << 40, skipping: [NodeStart(node: NodeID(1), boot: 1)], isStandIn: true)
        let outcome = try await cluster.host(2).store(batch(Self.samples(6)), request)
        #expect(outcome.reply.groups.map(\.outcome) == [.refused])
        try await cluster.settle()
        try await cluster.check()
        try await cluster.stopAll()
    }

    @Test("what the log could not take is in the next segment before anything is answered")
    func stalledLog() async throws {
        let cluster = SmallCluster(count: 1, wanted: 1, seed: 7)
        try await cluster.start(0)
        try await cluster.settle()
        #expect(try await cluster.push(Self.samples(0)))
        let folder = cluster.folders[0]
        try replaceSegment(folder.path + "/engine-0/wal/" + (try #require(folder.files("wal").last)), with: "/dev/full")
        #expect(try await cluster.push(Self.samples(1)))
        try await cluster.wait("the figures") { try cluster.host(0).statistics.walFailures > 0 }
        try await cluster.kill(0)
        try await cluster.start(0)
        try await cluster.check()
        try await cluster.stopAll()
    }

    @Test(
        "a node whose machine went down knows that an unsynced log may lack something",
        arguments: Durability.allCases)
    func wentDown(durability: Durability) async throws {
        let cluster = SmallCluster(count: 1, wanted: 1, seed: 8)
        try await cluster.start(0, durability: durability)
        try await cluster.settle()
        #expect(try await cluster.push(Self.samples(0)))
        try await cluster.kill(0)
        try await cluster.start(0, durability: durability)
        #expect(try await cluster.host(0).readReply([1])?.groups.map(\.isSound) == [true], "the process alone died")
        try await cluster.kill(0)
        try cluster.folders[0].write([1], to: "running")
        try await cluster.start(0, durability: durability)
        let isSound = try await cluster.host(0).readReply([1])?.groups.map(\.isSound)
        #expect(isSound == [durability == .fsync])
        try await cluster.stopAll()
    }

    @Test("a node that starts again fetches windows that it lacks, and no others")
    func equalWindowsAreLeftOut() async throws {
        let cluster = try await Self.filled(count: 2, wanted: 2, seed: 9, rounds: 10)
        try await cluster.wait("equality") {
            for slot in 0..<SmallCluster.slots {
                let first = try await cluster.host(0).windowDigests(slot: slot, before: .max)
                let second = try await cluster.host(1).windowDigests(slot: slot, before: .max)
                if first != second { return false }
            }
            return true
        }
        try await cluster.kill(1)
        try await cluster.start(1)
        let replayed = try cluster.host(1).statistics.engine.appended
        try await cluster.settle()
        try await cluster.check()
        #expect(try cluster.host(1).statistics.engine.appended == replayed)
        try await cluster.stopAll()
    }

    @Test("a store without a machine, and messages that do not decode, are refused")
    func refused() async throws {
        let folder = TemporaryFolder()
        let host = try await openHost(folder)
        defer { withExtendedLifetime(folder) {} }
        let request = StoreRequest(slots: [0], batch: 1, skipping: [], isStandIn: false)
        await #expect(throws: EngineError.self) { _ = try await host.store(batch([]), request) }
        #expect(host.receive([MovementParcel(.pay([]), attachment: [9])], from: NodeID(1)) != nil)
        #expect(try await host.movementStatus() == nil)
        try await host.close()
    }
}
