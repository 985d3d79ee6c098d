import Glibc
import SimulationKit

/// Runs simulated clusters: many seeds, or one with its trace. `make sim SEEDS=1000`, `make sim SEED=17`.
///
/// Exit code 1 when a run violated an invariant, 2 for arguments that make no sense. See docs/movement.md.
@main
struct Simulate {
    private var seeds: ClosedRange<UInt64> = 1...100
    private var isReplay = false
    private var bug: NamedBug?
    /// Whether the bug is left out of its runs.
    private var isSound = false

    static func main() {
        guard let program = Simulate(CommandLine.arguments.dropFirst()) else {
            let bugs = NamedBug.allCases.map(\.rawValue).joined(separator: " | ")
            print("usage: simulate [--first N] [--seeds N] | --seed N   [--bug | --without \(bugs)]")
            exit(2)
        }
        exit(program.run())
    }

    private init?(_ arguments: ArraySlice<String>) {
        var first: UInt64 = 1
        var count: UInt64 = 100
        var rest = arguments
        while let name = rest.popFirst() {
            guard let value = rest.popFirst() else { return nil }
            switch name {
            case "--bug", "--without":
                guard let named = NamedBug(rawValue: value) else { return nil }
                bug = named
                isSound = name == "--without"
            case "--first", "--seeds", "--seed":
                guard let number = UInt64(value), number <= 1 << 62, number > 0 || name != "--seeds" else { return nil }
                if name == "--first" { first = number }
                if name == "--seeds" { count = number }
                if name == "--seed" {
                    first = number
                    count = 1
                    isReplay = true
                }
            default: return nil
            }
        }
        seeds = first...(first + count - 1)
    }

    private func run() -> Int32 {
        var sum = ClusterSummary()
        for seed in seeds {
            var plan = bug?.plan(seed: seed) ?? ClusterPlan(seed: seed)
            plan.traces = isReplay
            if isSound { plan.bugs = [] }
            var simulation = ClusterSimulation(plan)
            let report = simulation.run()
            for line in report.trace { print(line) }
            sum.add(report)
            if let failure = report.failure {
                print("seed \(seed): \(failure)")
                print("replay: make sim SEED=\(seed)\(bug.map { " BUG=\($0.rawValue)" } ?? "")")
            }
            if !isReplay, sum.runs % 10 == 0 {
                print("\(sum.runs) of \(seeds.count) seeds, \(sum.failures) failed")
                // Progress shall show through a pipe too.
                fflush(nil)
            }
        }
        print(sum)
        return sum.failures == 0 ? 0 : 1
    }
}
