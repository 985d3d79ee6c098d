import Membership
import SimulationKit

/// Prints the table of docs/membership.md: the production memberships in simulation, beside memberlist's defaults in the same simulator.
///
///     membership-table [--members 10,100,1000] [--crashes 300] [--minutes 1440] [--loss-percent 1] [--seed 7]
///
/// Of a thousand members a tenth of the crashes and a fiftieth of the minutes are run, for they cost a hundred times as much.
@main struct MembershipTable {
    private struct Options {
        var members = [10, 100, 1_000]
        var crashes = 300
        var minutes = 1_440
        var lossPercent = 1
        var seed: UInt64 = 7
    }

    static func main() {
        guard let options = parse(Array(CommandLine.arguments.dropFirst())) else {
            print(
                "usage: membership-table [--members N,...] [--crashes N] [--minutes N] [--loss-percent N] [--seed N]")
            return
        }
        print(
            """
            Seconds are medians / 99th percentiles; \(options.lossPercent) % of datagrams lost, 0.1 to 0.5 ms between members, seed \(options.seed).

            | members | settings | suspected by all | dead to all | crashes | others suspected, dead | 5 s pauses | called dead, others | join | leave | heal, half and tenth cut off | datagrams /s | bytes /s | exchange bytes /s |
            | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
            """)
        for count in options.members {
            for (name, configuration) in [("ours", MembershipConfiguration()), ("memberlist", .memberlist)] {
                print(row(count, name, configuration, options))
            }
        }
    }

    private static func row(
        _ count: Int, _ name: String, _ configuration: MembershipConfiguration, _ options: Options
    ) -> String {
        let quality = LinkQuality(lossPerMillion: options.lossPercent * 10_000)
        var experiment = MembershipExperiment(
            .init(count: count, configuration: configuration, quality: quality, seed: options.seed), spare: 1)
        let isLarge = count >= 1_000
        let cost = experiment.calm(seconds: 120)
        let crashes = experiment.crashes(isLarge ? options.crashes / 10 : options.crashes)
        let (joined, left) = experiment.joinsAndLeaves(isLarge ? 5 : 30)
        let stalls = experiment.stalls(
            minutes: isLarge ? options.minutes / 50 : options.minutes, duration: .seconds(5))
        let half = experiment.partition(share: 0.5, for: .seconds(30))
        let tenth = experiment.partition(share: 0.1, for: .seconds(30))
        let cells = [
            "\(count)", name, text(crashes.suspected), text(crashes.dead),
            "\(crashes.dead.values.count + crashes.late)",
            "\(crashes.othersSuspected), \(crashes.othersDead)", "\(stalls.stalls)",
            "\(stalls.deaths), \(stalls.othersDead)", text(joined), text(left), "\(text(half)), \(text(tenth))",
            text(cost.datagrams), "\(Int(cost.bytes))", text(cost.exchangeBytes),
        ]
        return "| " + cells.joined(separator: " | ") + " |"
    }

    private static func text(_ measurements: Measurements) -> String {
        "\(text(measurements.quantile(0.5))) / \(text(measurements.quantile(0.99)))"
    }

    /// Two digits behind the point.
    private static func text(_ number: Double?) -> String {
        guard let number else { return "never" }
        let hundredths = Int((number * 100).rounded())
        return "\(hundredths / 100).\(hundredths % 100 / 10)\(hundredths % 10)"
    }

    /// - Returns: nil for arguments that are not understood.
    private static func parse(_ arguments: [String]) -> Options? {
        var options = Options()
        guard arguments.count % 2 == 0 else { return nil }
        for index in stride(from: 0, to: arguments.count, by: 2) {
            let value = arguments[index + 1]
            switch arguments[index] {
            case "--members":
                let counts = value.split(separator: ",").compactMap { Int($0) }.filter { $0 >= 3 && $0 <= 2_000 }
                guard !counts.isEmpty else { return nil }
                options.members = counts
            case "--crashes":
                guard let number = Int(value), number >= 1 else { return nil }
                options.crashes = number
            case "--minutes":
                guard let number = Int(value), number >= 1 else { return nil }
                options.minutes = number
            case "--loss-percent":
                guard let number = Int(value), (0...90).contains(number) else { return nil }
                options.lossPercent = number
            case "--seed":
                guard let number = UInt64(value) else { return nil }
                options.seed = number
            default: return nil
            }
        }
        return options
    }
}
