import HTTPSurface

/// What `murmur ctl` prints of the cluster at work.
extension ControlTexts {
    /// What follows the cluster in brief: everybody's load, and what somebody should look at.
    static func overview(_ overview: ClusterOverview) -> String {
        var text = aligned([["Copies", replication(overview.replication)], ["Moving", moving(overview.movements)]])
        var rows = [["NAME", "ROLE", "ZONE", "SAMPLES/S", "SERIES", "CORES", "MEMORY", "BLOCKS", "SLOTS", "LAG"]]
        for node in overview.nodes {
            let report = node.report
            let slots = report?.slots.map { "\($0.whole)/\($0.wanted)" }
            let lag = report?.checkpoint.map { age(UInt64(max(0, $0.secondsBehind))) }
            rows.append([
                node.name, role(node.roles), node.zone.isEmpty ? "-" : node.zone,
                report == nil ? "silent" : report?.load.map { count($0.samplesPerSecond) } ?? "-",
                report?.store.map { count(Double($0.series)) } ?? "-",
                report?.load.map { fixed($0.cores) } ?? "-", report?.load.map { bytes($0.memoryBytes) } ?? "-",
                report?.store.map { bytes($0.blockBytes) } ?? "-", slots ?? "-", lag ?? "-",
            ])
        }
        text += "\n" + aligned(rows)
        if overview.warnings.isEmpty { return text }
        text += "\n"
        for warning in overview.warnings {
            text += "! \(warning.text)\n" + (warning.advice.isEmpty ? "" : "  -> \(warning.advice)\n")
        }
        return text
    }

    /// How many slots have all of their copies.
    static func replication(_ replication: ClusterOverview.Replication?) -> String {
        guard let replication else { return "no aggregator holds anything" }
        let copies = replication.copies == 1 ? "their copy" : "all \(replication.copies) copies"
        let parts = [
            (replication.moving, "get one"), (replication.fewer, "lack one"),
            (replication.united, "united for answers"),
            (replication.silent, "out of reach"),
        ].filter { $0.0 > 0 }.map { "; \($0.0) \($0.1)" }
        return "\(replication.full) of \(replication.slots) slots have \(copies)" + parts.joined()
    }

    private static func moving(_ movements: ClusterMovements) -> String {
        if movements.movements.isEmpty {
            return movements.isSettled ? "nothing" : "nothing at this moment; not all is settled"
        }
        return movements.movements.map { movement in
            let left = movement.move.secondsLeft.map { ", about \(age(UInt64(max(0, $0)))) left" } ?? ""
            return "\(movement.node) \(movement.direction) \(movement.move.slots) slots\(left)"
        }.joined(separator: "; ")
    }

    /// Who is to have which slots, and has them.
    static func ring(_ ring: ClusterRing) -> String {
        var text = replication(ring.replication) + "\n\n"
        var rows = [["NAME", "ZONE", "OWNS", "FIRST", "SHARE", "WHOLE", "SLOTS 0 TO \(ring.replication.slots - 1)"]]
        for node in ring.nodes {
            let owned = node.owns.letters.count { $0 != UInt8(ascii: ".") }
            let share = 100 * Double(owned) / Double(max(1, ring.replication.slots * ring.replication.copies))
            rows.append([
                node.name, node.zone.isEmpty ? "-" : node.zone, node.isInRing ? "\(owned)" : "-",
                node.isInRing ? "\(node.owns.count(of: "a"))" : "-", node.isInRing ? fixed(share) + " %" : "-",
                node.states.map { "\($0.count(of: "w"))" } ?? "silent", strip(node),
            ])
        }
        text += aligned(rows)
        return text + "\n# whole   + on its way   - given away   ! not whole now   ? does not answer   . not its own\n"
    }

    /// 20 marks, each the least good state of a 20th of the ring.
    private static func strip(_ node: ClusterRing.Node) -> String {
        let count = node.owns.letters.count
        return String(
            (0..<20).map { part -> Character in
                let slots = (part * count / 20)..<((part + 1) * count / 20)
                var found: Set<Character> = []
                for slot in slots { found.insert(mark(node, slot)) }
                return "?!+-#.".first { found.contains($0) } ?? "."
            })
    }

    private static func mark(_ node: ClusterRing.Node, _ slot: Int) -> Character {
        let isOwner = node.owns.letters[slot] != UInt8(ascii: ".")
        guard let states = node.states?.letters, slot < states.count else { return isOwner ? "?" : "." }
        return switch states[slot] {
        case UInt8(ascii: "w"): isOwner ? "#" : "-"
        case UInt8(ascii: "h"): isOwner ? "!" : "-"
        case UInt8(ascii: "r"), UInt8(ascii: "c"), UInt8(ascii: "a"): isOwner ? "+" : "."
        default: isOwner ? "!" : "."
        }
    }

    /// Slots on their way.
    static func movements(_ movements: ClusterMovements) -> String {
        var text = ""
        for name in movements.silent { text += "\(name) does not answer; nothing is known of its slots\n" }
        if movements.movements.isEmpty {
            return text
                + (movements.isSettled ? "Nothing moves.\n" : "Slots are in place; the last of it is being dropped.\n")
        }
        for movement in movements.movements {
            let move = movement.move
            let share = move.slots == 0 ? 1 : Double(move.slots - move.slotsLeft) / Double(move.slots)
            let left = move.secondsLeft.map { "about \(age(UInt64(max(0, $0)))) left" } ?? "not moving now"
            text += "\(movement.node) \(movement.direction) \(move.slots) slots, \(left)\n"
            text += "  \(bar(share, width: 40)) \(percent(share)) after \(age(UInt64(max(0, move.seconds))))\n"
            var parts = ["\(move.slots - move.slotsLeft) done", "\(move.slotsLeft - move.slotsCopying) to go"]
            if movement.direction == "gains" { parts.insert("\(move.slotsCopying) copying", at: 1) }
            parts.append("\(bytes(move.bytes)), \(bytes(move.bytesPerSecond))/s")
            if move.samples > 0 { parts.append("\(count(Double(move.samplesPerSecond))) samples/s") }
            text += "  " + parts.joined(separator: ", ") + "\n"
        }
        return text
    }

    /// Queries at work and slow ones, of one or more coordinators.
    static func queries(_ queries: [QueryList]) -> String {
        var text = ""
        for list in queries {
            if queries.count > 1, let node = list.node { text += node + "\n" }
            var rows = [["ID", "STATE", "SECONDS", "KIND", "QUERY"]]
            rows += list.atWork.map { ["\($0.id)", $0.state, fixed($0.seconds), $0.kind, short($0.query)] }
            text += rows.count == 1 ? "No query is at work.\n" : aligned(rows)
            let slowest = list.slowest.prefix(10)
            guard !slowest.isEmpty else { continue }
            text += "\nSlowest of the last hour\n"
            text += aligned(
                [["SECONDS", "WAITED", "KIND", "ENDED", "QUERY"]]
                    + slowest.map {
                        [fixed($0.seconds), fixed($0.waitedSeconds), $0.kind, $0.failure ?? "well", short($0.query)]
                    })
        }
        return text
    }

    // MARK: - Parts

    /// `[####....]`.
    static func bar(_ share: Double, width: Int) -> String {
        let filled = min(width, max(0, Int((share * Double(width)).rounded(.down))))
        return "[" + String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled) + "]"
    }

    private static func percent(_ share: Double) -> String { "\(Int((share * 100).rounded(.down))) %" }

    private static func short(_ query: String) -> String {
        let line = query.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return line.count > 48 ? line.prefix(47) + "…" : line
    }

    /// One decimal place, two below 10.
    static func fixed(_ value: Double) -> String {
        let scale = abs(value) < 10 ? 100.0 : 10
        let rounded = Int((value * scale).rounded())
        let (whole, part) = (rounded / Int(scale), abs(rounded % Int(scale)))
        return "\(whole)." + (scale == 100 && part < 10 ? "0" : "") + "\(part)"
    }

    /// `1.23 k`.
    static func count(_ value: Double) -> String {
        if value < 10_000 { return "\(Int(value.rounded()))" }
        let (scaled, unit) = value < 1e6 ? (value / 1e3, "k") : value < 1e9 ? (value / 1e6, "M") : (value / 1e9, "G")
        return fixed(scaled) + unit
    }

    /// `1.23 MiB`.
    static func bytes(_ value: Int) -> String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB"]
        var (scaled, unit) = (Double(value), 0)
        while scaled >= 1_023.5, unit < units.count - 1 {
            scaled /= 1_024
            unit += 1
        }
        return (unit == 0 ? "\(value)" : fixed(scaled)) + units[unit]
    }
}
