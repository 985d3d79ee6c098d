import Membership
import SimulationKit
import Testing

@Suite("Memberships in simulation") struct SimulatedMembershipTests {
    private func experiment(_ count: Int, loss: Int = 10_000, spare: Int = 0, seed: UInt64) -> MembershipExperiment {
        MembershipExperiment(
            .init(
                count: count, configuration: MembershipConfiguration(), quality: LinkQuality(lossPerMillion: loss),
                seed: seed), spare: spare)
    }

    @Test(
        "a crashed member is suspected by all within 3.5 s and dead to all within 10 s, others are neither",
        arguments: [10, 40])
    func crashes(count: Int) {
        var experiment = experiment(count, seed: 11)
        let found = experiment.crashes(6)
        #expect(found.late == 0)
        #expect(found.suspected.quantile(1) ?? 99 < 3.5)
        #expect(found.dead.quantile(1) ?? 99 < 10)
        #expect(found.othersDead == 0)
    }

    @Test("a member that pauses for 5 s is called dead once in 40 times at most, and nobody else ever")
    func stalls() {
        var experiment = experiment(30, seed: 12)
        let found = experiment.stalls(minutes: 40, duration: .seconds(5))
        #expect(found.stalls == 40)
        #expect(found.suspicions > 0)
        #expect(found.deaths <= 1)
        #expect(found.othersDead == 0)
    }

    @Test("joins and leaves reach all within two seconds")
    func joins() {
        var experiment = experiment(30, spare: 1, seed: 13)
        let (joined, left) = experiment.joinsAndLeaves(5)
        #expect(joined.values.count == 5 && left.values.count == 5)
        #expect(joined.quantile(1) ?? 99 < 2)
        #expect(left.quantile(1) ?? 99 < 2)
    }

    @Test("after a partition of any kind all views agree again", arguments: [0.5, 0.2, 0.03])
    func partitions(share: Double) {
        var experiment = experiment(30, seed: 14)
        let healed = experiment.partition(share: share, for: .seconds(40))
        #expect(healed ?? 99 < 20)
    }

    @Test("a tenth of all datagrams lost makes nobody dead")
    func loss() {
        var experiment = experiment(30, loss: 100_000, seed: 15)
        let cost = experiment.calm(seconds: 600)
        #expect(cost.deaths == 0)
    }

    @Test("all members stopped and started again find each other by what they kept")
    func restart() {
        var experiment = experiment(12, seed: 16)
        for node in experiment.cluster.running { experiment.cluster.crash(node) }
        experiment.cluster.run(for: .seconds(60))
        for node in 0..<12 { experiment.cluster.start(node, seeds: []) }
        let found = experiment.cluster.run(until: MembershipExperiment.agree, limit: .seconds(60))
        #expect(found != nil)
    }

    @Test("a run is its seed's alone")
    func repeats() {
        var left = experiment(10, seed: 17)
        var right = experiment(10, seed: 17)
        #expect(left.crashes(2).dead.values == right.crashes(2).dead.values)
        #expect(left.cluster.occurrenceCount == right.cluster.occurrenceCount)
    }
}
