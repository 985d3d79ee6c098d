import ClusterView
import Foundation
import HTTPSurface
import Placement
import Testing

@Suite("What follows from what members say") struct ReckoningTests {
    private func member(
        _ name: String, states: String?, roles: [String] = ["aggregator"], liveness: String = "alive",
        zone: String = "", change: (inout NodeReport) -> Void = { _ in }
    ) throws -> ClusterReckoning.Member {
        let status = ClusterMemberStatus(
            name: name, roles: roles, state: "active", liveness: liveness, seconds: 12, zone: zone, weight: 1,
            address: "127.0.0.1:1", http: "127.0.0.1:2", instance: "i", boot: 1)
        guard let states else { return .init(status, report: nil) }
        var report = NodeReport(
            name: name, roles: roles, version: "1", isReady: true, waitingFor: [], seconds: 1, time: 1_000_000)
        report.states = try SlotLetters(runs: states)
        change(&report)
        return .init(status, report: report)
    }

    private func owners(_ names: [String], factor: Int) throws -> ClusterReckoning.Owners {
        .init(try Ring(members: names.map { RingMember(name: $0) }, replicationFactor: factor, slotBits: 2))
    }

    @Test(
        "a slot counts by the least good that is true of its copies",
        arguments: [
            ("4w", "4w", [4, 0, 0, 0, 0]), ("4w", "w2rc", [1, 3, 0, 0, 0]), ("4w", "4h", [0, 0, 4, 0, 0]),
            ("4w", nil, [0, 0, 4, 0, 0]), ("4h", "4h", [0, 0, 0, 4, 0]), ("4r", "4c", [0, 0, 0, 4, 0]),
            ("4h", nil, [0, 0, 0, 4, 0]), (nil, nil, [0, 0, 0, 0, 4]), ("3w", "4w", [0, 0, 4, 0, 0]),
        ] as [(String?, String?, [Int])])
    func replication(first: String?, second: String?, expected: [Int]) throws {
        let reckoning = ClusterReckoning(
            [try member("a", states: first), try member("b", states: second)],
            owners: try owners(["a", "b"], factor: 2))
        let found = try #require(reckoning.replication)
        #expect([found.full, found.moving, found.fewer, found.united, found.silent] == expected)
        #expect(found.slots == 4 && found.copies == 2)
    }

    @Test("who leaves is not in the ring, and what it has counts while its heirs copy")
    func leaving() throws {
        let members = [
            try member("a", states: "4c"), try member("old", states: "4w") { $0.gives = Self.move(left: 4) },
        ]
        let owners = try owners(["a"], factor: 2)
        let reckoning = ClusterReckoning(members, owners: owners)
        #expect(reckoning.replication?.moving == 4)
        #expect(reckoning.ring(owners).map(\.isInRing) == [true, false])
        #expect(reckoning.ring(owners)[0].owns.runs == "4a")
        #expect(reckoning.movements.movements.map(\.node) == ["old"])
        #expect(reckoning.nodes.allSatisfy { $0.report?.states == nil })
    }

    @Test("without a ring nothing is counted, and that is worth a word")
    func nobody() throws {
        let members = [try member("r", states: ".", roles: ["router"])]
        #expect(ClusterReckoning(members, owners: nil).replication == nil)
        let warnings = ClusterReckoning.warnings(members, replication: nil, factor: 2).map(\.text)
        #expect(warnings == ["no aggregator is there: nothing can be stored", "there is no coordinator"])
    }

    @Test("who is silent, full, behind or alone is told by name with what to do")
    func warnings() throws {
        let members = [
            try member("a", states: "4w", zone: "x") {
                $0.store = NodeReport.Store(series: 1, headSamples: 1, blockBytes: 1)
                $0.store?.diskBytes = 1_000
                $0.store?.diskFreeBytes = 50
                $0.checkpoint = NodeReport.Checkpoint(
                    kind: "PostgreSQL", pendingBytes: 9, secondsBehind: 600, failures: 3)
            },
            try member("b", states: nil, liveness: "dead", zone: "x"), try member("c", states: nil, zone: "x"),
            try member("r", states: ".", roles: ["router", "coordinator"]) { $0.version = "2" },
        ]
        let replication = ClusterReckoning(members, owners: try owners(["a", "b"], factor: 2)).replication
        let warnings = ClusterReckoning.warnings(members, replication: replication, factor: 3)
        #expect(
            warnings.map(\.text) == [
                "4 slots: a copy is missing, or not whole now", "there are 2 copies of each sample, and 3 are wanted",
                "b has been dead for 12s", "c does not answer HTTP at 127.0.0.1:2",
                "blocks of a have been waiting 10m for the checkpoint", "the disk of a is 95 % full",
                "aggregators are in 1 zone and each sample has 3 copies: a zone may have more than one of them",
                "members run different versions: 1, 2",
            ])
        #expect(warnings[2].advice.contains("murmur ctl forget b"))
    }

    private static func move(left: Int) -> NodeReport.Move {
        NodeReport.Move(
            slots: 4, slotsLeft: left, slotsCopying: 0, seconds: 1, bytes: 1, bytesPerSecond: 1, samples: 0,
            samplesPerSecond: 0, secondsLeft: nil)
    }
}

@Suite("What a process does a second") struct LoadMeterTests {
    @Test("the load is that of the last seconds, and none before the second look")
    func rates() throws {
        var meter = LoadMeter()
        meter.note(time: 0, samples: 1_000, cpuSeconds: 5)
        #expect(meter.rates == nil)
        for second in 1...30 {
            let isBusy = second > 15
            meter.note(
                time: Double(second), samples: 1_000 + (isBusy ? (second - 15) * 100 : 0),
                cpuSeconds: 5 + Double(second) / 2)
        }
        let rates = try #require(meter.rates)
        #expect(rates.samples == 100 && rates.cores == 0.5)
        meter.note(time: 31, samples: 0, cpuSeconds: 0)
        #expect(meter.rates?.samples == 0 && meter.rates?.cores == 0)
    }
}
