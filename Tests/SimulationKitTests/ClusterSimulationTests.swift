import SimulationKit
import Testing

@Suite struct ClusterSimulationTests {
    private func run(_ plan: ClusterPlan) -> ClusterReport {
        var simulation = ClusterSimulation(plan)
        return simulation.run()
    }

    @Test(
        "clusters under faults lose nothing, hide nothing and become whole again",
        arguments: 1...6 as ClosedRange<UInt64>)
    func smoke(seed: UInt64) {
        let report = run(ClusterPlan(seed: seed))
        #expect(report.failure == nil, "replay: make sim SEED=\(seed)")
        #expect(report.samplesAcknowledged > 0 && report.healed > 0)
    }

    @Test("a plan gives the same run each time")
    func replay() {
        var plan = ClusterPlan(seed: 11)
        plan.faultSeconds = 20
        plan.traces = true
        #expect(run(plan).trace == run(plan).trace)
    }

    @Test("without faults nothing is refused, and after the first seconds one whole replica answers each read")
    func calm() {
        var plan = ClusterPlan(seed: 3)
        plan.faults = []
        plan.faultSeconds = 30
        let report = run(plan)
        #expect(report.failure == nil)
        #expect(report.writesFailed == 0)
        #expect(report.readsIncomplete == 0)
        #expect(report.readsWhole > 100)
    }

    @Test("a drained member leaves although no slot is ever at rest", arguments: 1...3 as ClosedRange<UInt64>)
    func drainUnderLoad(seed: UInt64) {
        var plan = ClusterPlan(seed: seed)
        plan.aggregators = 3
        plan.joiners = 0
        plan.replicationFactor = 2
        plan.slots = 2
        plan.faults = []
        plan.drained = 1
        plan.pushPause = 10_000...30_000
        plan.faultSeconds = 30
        plan.healSeconds = 30
        let report = run(plan)
        #expect(report.failure == nil)
        #expect(report.writesFailed == 0)
        #expect(report.healed > 0)
    }
}
