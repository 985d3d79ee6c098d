import Foundation
import Glibc
import Placement
import SlotMovement

/// Prints what the slots' machine costs at full size: one node's `SlotKeeper` with 16,384 slots, all other members played by the program.
///
///     slot-keeping [--members 3,100] [--seconds 20] [--stores 500] [--pushed-slots 3500]
///
/// Only the machine's own calls are timed, in CPU time of the process. RF 2; slots by the ring. See docs/movement.md.
@main struct SlotKeeping {
    private struct Options {
        var members = [3, 100]
        var seconds = 20
        var stores = 500
        var pushedSlots = 3_500
    }

    static func main() {
        guard let options = parse(Array(CommandLine.arguments.dropFirst())) else {
            print("usage: slot-keeping [--members N,...] [--seconds N] [--stores N] [--pushed-slots N]")
            exit(2)
        }
        print(
            """
            | members | slots held | idle, ms CPU /s | in ticks | in asks | in answers | rows /s | store, slots | ns a slot | stand-in, slots | ns a slot | attempt, ns a slot | peak MB |
            | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
            """)
        for count in options.members { print(row(count, options)) }
    }

    private static func row(_ count: Int, _ options: Options) -> String {
        var bench = KeeperBench(memberCount: count)
        bench.run(seconds: 15)
        let held = bench.keeper.heldSlots
        bench.meter = Meter()
        bench.run(seconds: options.seconds)
        let idle = bench.meter
        let pushed = spread(held, options.pushedSlots)
        let stored = bench.store(pushed, count: options.stores, isStandIn: false)
        let others = spread((0..<16_384).filter { !held.contains($0) }, options.pushedSlots)
        let stoodIn = bench.store(others, count: options.stores, isStandIn: true)
        let attempted = bench.attempt(spread(Array(0..<16_384), options.pushedSlots), count: options.stores)
        let cells = [
            "\(count)", "\(held.count)", milliseconds(idle.total, options.seconds),
            milliseconds(idle.ticks, options.seconds), milliseconds(idle.asks, options.seconds),
            milliseconds(idle.answers, options.seconds), "\(idle.rows / options.seconds)", "\(pushed.count)",
            perSlot(stored, pushed, options), "\(others.count)", perSlot(stoodIn, others, options),
            perSlot(attempted, Array(0..<options.pushedSlots), options), "\(peakMegabytes())",
        ]
        return "| " + cells.joined(separator: " | ") + " |"
    }

    /// At most so many of some slots, spread evenly.
    private static func spread(_ slots: [Int], _ count: Int) -> [Int] {
        let chosen = min(count, slots.count)
        return (0..<chosen).map { slots[$0 * slots.count / chosen] }
    }

    private static func milliseconds(_ nanoseconds: Int, _ seconds: Int) -> String {
        let hundredths = nanoseconds / seconds / 10_000
        return "\(hundredths / 100).\(hundredths / 10 % 10)\(hundredths % 10)"
    }

    private static func perSlot(_ nanoseconds: Int, _ slots: [Int], _ options: Options) -> String {
        slots.isEmpty ? "-" : "\(nanoseconds / options.stores / slots.count)"
    }

    private static func peakMegabytes() -> Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") } ?? ""
        return (line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) / 1_024
    }

    /// - Returns: nil for arguments that are not understood.
    private static func parse(_ arguments: [String]) -> Options? {
        var options = Options()
        guard arguments.count % 2 == 0 else { return nil }
        for index in stride(from: 0, to: arguments.count, by: 2) {
            let value = arguments[index + 1]
            if arguments[index] == "--members" {
                let counts = value.split(separator: ",").compactMap { Int($0) }.filter { $0 >= 2 && $0 <= 1_000 }
                guard !counts.isEmpty else { return nil }
                options.members = counts
                continue
            }
            guard let number = Int(value), number >= 1 else { return nil }
            switch arguments[index] {
            case "--seconds": options.seconds = number
            case "--stores": options.stores = number
            case "--pushed-slots": options.pushedSlots = min(number, 16_384)
            default: return nil
            }
        }
        return options
    }
}

/// CPU time by kind of call, in nanoseconds.
struct Meter {
    var ticks = 0
    var asks = 0
    var answers = 0
    /// Rows of asks and answers that came and went.
    var rows = 0

    var total: Int { ticks + asks + answers }

    static func now() -> Int { clock() * (1_000_000_000 / CLOCKS_PER_SEC) }
}
