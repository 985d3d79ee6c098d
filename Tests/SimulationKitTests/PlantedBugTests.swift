import SimulationKit
import Testing

@Suite struct PlantedBugTests {
    /// The first seed of each bug that shows it: `make sim SEEDS=40 BUG=name` lists more.
    private static let seeds: [(NamedBug, UInt64)] = [
        (.copyBeforeSubscribe, 5), (.readWithoutLease, 1), (.memberWidePhase, 1), (.trimByCheckpoint, 1),
        (.lastWriteWins, 1), (.noFencing, 1), (.copyAcrossLoss, 648),
    ]

    @Test("the checker finds a planted bug, and nothing in the same run without it", arguments: seeds)
    func planted(bug: NamedBug, seed: UInt64) {
        var plan = bug.plan(seed: seed)
        var planted = ClusterSimulation(plan)
        #expect(planted.run().failure != nil, "make sim SEED=\(seed) BUG=\(bug.rawValue) finds nothing")
        plan.bugs = []
        var sound = ClusterSimulation(plan)
        #expect(sound.run().failure == nil)
    }

    @Test("each bug has a seed")
    func complete() {
        #expect(Set(Self.seeds.map(\.0)) == Set(NamedBug.allCases))
    }
}
