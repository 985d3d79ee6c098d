import HTTPSurface

/// What `murmur ctl` prints.
enum ControlTexts {
    /// The cluster in brief; what there is to warn of may follow it.
    static func status(_ status: ClusterStatus, hasWarnings: Bool = false) -> String {
        var rows: [[String]] = []
        rows.append(["Cluster", status.cluster.map { "\($0), \(status.clusterID ?? "")" } ?? "not part of one yet"])
        rows.append(["Asked", "\(status.node) (\(status.roles.joined(separator: ", "))), version \(status.version)"])
        rows.append([
            "Ready", status.isReady ? "yes" : "no: " + status.waitingFor.joined(separator: "; "),
        ])
        for role in status.members {
            let answering =
                role.alive == role.members ? "all answer" : role.alive == 0 ? "none answers" : "\(role.alive) answer"
            rows.append([
                role.role.prefix(1).uppercased() + role.role.dropFirst() + "s",
                role.members == 0 ? "none" : "\(role.members), \(answering)",
            ])
        }
        rows.append([
            "Slots",
            status.ring.isEmpty
                ? "nobody holds them"
                : "\(copies(status.replicationFactor, of: status.ring.count)), on \(status.ring.joined(separator: ", "))",
        ])
        if let slots = status.slots {
            let whole = slots.whole == slots.held ? "all whole" : "\(slots.whole) whole"
            let rest = slots.isSettled ? "" : "; slots are moving"
            let held = "\(slots.held) of \(slots.wanted) slots held, \(whole)"
            rows.append(["Here", "\(held), \(slots.batchesOwed) batches owed\(rest)"])
        }
        if let change = status.copiesChange {
            let step = "\(change.placed) placed, \(change.assured) to be relied on, \(change.wanted) wanted"
            rows.append(["Change", change.waitsFor.isEmpty ? step : "\(step); \(waiting(change))"])
        }
        if let replacement = status.replacement { rows.append(["Replacement", Self.replacement(replacement)]) }
        for server in status.checkpoint ?? [] { rows.append(["Checkpoint", checkpoint(server)]) }
        if let stranger = status.stranger { rows.append(["Stranger", Self.stranger(stranger)]) }
        let troubles =
            status.suspected.map { "\($0) does not answer" } + status.dead.map { "\($0) is dead" }
        let trouble = troubles.isEmpty ? (hasWarnings ? "see the end" : "none") : troubles.joined(separator: "; ")
        rows.append(["Trouble", trouble == "none" ? trouble : trouble + " (murmur ctl doctor)"])
        return aligned(rows)
    }

    /// Whose gossip is refused, and why.
    static func stranger(_ stranger: ClusterStatus.Stranger) -> String {
        let place = (stranger.name.map { "\($0) at " } ?? "") + stranger.address
        let reason = stranger.clusterID.map { "is of another cluster, ID \($0)" }
        return "gossip that comes from \(place) \(reason ?? "cannot be opened: other keys, or none")"
    }

    /// One database of the checkpoint.
    private static func checkpoint(_ server: CheckpointServerState) -> String {
        var parts = ["\(server.name) \(server.isAway ? "cannot be used" : "answers")"]
        if server.state != "active" { parts.append(server.state) }
        parts.append("\(server.slots) slots' history")
        parts.append(
            server.pendingFiles == 0
                ? "nothing waits here"
                : "\(server.pendingBytes >> 10) KiB wait here, the oldest for \(age(UInt64(server.lagSeconds)))")
        return parts.joined(separator: ", ")
    }

    /// Everybody.
    static func members(_ members: [ClusterMemberStatus]) -> String {
        let hasZones = members.contains { !$0.zone.isEmpty }
        let hasFills = members.contains { $0.diskFill != nil }
        let zone = hasZones ? ["ZONE"] : []
        var rows = [
            ["NAME", "ROLE", "STATE", "ANSWERS", "SINCE"] + zone + ["WEIGHT"] + (hasFills ? ["DISK"] : []) + [
                "START", "CLUSTER", "HTTP",
            ]
        ]
        for member in members {
            let answers =
                switch (member.state, member.liveness) {
                case ("left", _), ("forgotten", _): "-"
                case (_, "alive"): "yes"
                case (_, "suspect"): "not now"
                default: "no, dead"
                }
            rows.append(
                [member.name, role(member.roles), member.state, answers, age(member.seconds)]
                    + (hasZones ? [member.zone.isEmpty ? "-" : member.zone] : [])
                    + [number(member.weight)] + (hasFills ? [member.diskFill.map { "\($0) %" } ?? "-"] : [])
                    + ["\(member.boot)", member.address, member.http ?? "-"])
        }
        return aligned(rows)
    }

    /// What all members share.
    static func settings(_ settings: ClusterSettingsStatus) -> String {
        aligned([
            ["cluster-name", settings.clusterName], ["cluster ID", settings.clusterID],
            ["replication-factor", factor(settings)],
            [
                "replacement-delay",
                settings.replacementDelay == "0s" ? "0s: nobody is replaced" : settings.replacementDelay,
            ],
            ["placement-labels", settings.placementLabels.joined(separator: ",")],
            ["late-window", settings.lateWindow], ["slots", "\(settings.slots)"],
            ["zones", settings.spreadsOverZones ? "copies are kept in different zones" : "ignored"],
            ["format level", "\(settings.formatLevel)"], ["version", "\(settings.version)"],
        ])
    }

    private static func factor(_ settings: ClusterSettingsStatus) -> String {
        let (wanted, placed, assured) = (settings.replicationFactor, settings.placedCopies, settings.assuredCopies)
        if placed > wanted { return "\(wanted), \(placed) until every member has heard of it" }
        return assured < wanted ? "\(wanted), of which \(assured) can be relied on so far" : "\(wanted)"
    }

    /// How far a change of the copies is.
    static func progress(_ change: ClusterStatus.CopiesChange?, _ counts: CopyCounts) -> String {
        let copies = "\(counts.held) of \(counts.wanted) copies of slots are there"
        guard let change, !change.waitsFor.isEmpty else { return copies }
        return copies + "; " + waiting(change)
    }

    /// Whom a change of the copies waits for.
    static func waiting(_ change: ClusterStatus.CopiesChange) -> String {
        let some = change.waitsFor.prefix(3).joined(separator: ", ")
        let more = change.waitsFor.count > 3 ? " and \(change.waitsFor.count - 3) more" : ""
        return "\(some)\(more) \(change.reason)"
    }

    /// What becomes of dead aggregators.
    static func replacement(_ replacement: ClusterStatus.Replacement) -> String {
        let dead = replacement.dead.joined(separator: ", ")
        guard let reason = replacement.reason else { return "others take the place of \(dead) now" }
        let time = replacement.secondsLeft.map { ", \(age(UInt64(max(0, $0)))) left" } ?? ""
        return "\(dead) not replaced yet: \(reason)\(time)"
    }

    /// Which keys a process has.
    static func keyring(_ keyring: KeyringStatus) -> String {
        if keyring.keys.isEmpty { return "\(keyring.node) has no keys: gossip is not sealed\n" }
        var rows = [["KEY", "USE"]]
        for (index, key) in keyring.keys.enumerated() {
            rows.append([key, index == 0 && keyring.seals ? "seals, and is accepted" : "is accepted"])
        }
        let count = keyring.keys.count == 1 ? "a key" : "\(keyring.keys.count) keys"
        var text = "\(keyring.node) has \(count)\n" + aligned(rows)
        if !keyring.seals { text += "what it sends is not sealed (send-unsealed)\n" }
        if keyring.acceptsUnsealed { text += "what is not sealed is accepted too (accept-unsealed)\n" }
        return text
    }

    /// What the doctor found.
    static func findings(_ findings: [Doctor.Finding]) -> String {
        var text = ""
        for finding in findings {
            text += (finding.isFine ? "  fine  " : "  WRONG ") + finding.text + "\n"
            if !finding.advice.isEmpty { text += "        -> \(finding.advice)\n" }
        }
        let wrong = findings.count { !$0.isFine }
        return text + (wrong == 0 ? "Nothing is wrong.\n" : "\(wrong) thing\(wrong == 1 ? " is" : "s are") wrong.\n")
    }

    /// Seconds as the two greatest units of them.
    static func age(_ seconds: UInt64) -> String {
        switch seconds {
        case ..<60: "\(seconds)s"
        case ..<3_600: "\(seconds / 60)m \(seconds % 60)s"
        case ..<86_400: "\(seconds / 3_600)h \(seconds % 3_600 / 60)m"
        default: "\(seconds / 86_400)d \(seconds % 86_400 / 3_600)h"
        }
    }

    private static func copies(_ factor: Int, of members: Int) -> String {
        let copies = min(factor, members)
        return copies == 1 ? "one copy of each sample" : "\(copies) copies of each sample"
    }

    static func role(_ roles: [String]) -> String {
        roles.count == 3 ? "standalone" : roles.joined(separator: "+")
    }

    private static func number(_ value: Double) -> String {
        value.rounded() == value ? "\(Int(value))" : "\(value)"
    }

    /// Columns padded to their widest cell.
    static func aligned(_ rows: [[String]]) -> String {
        let columns = rows.first?.count ?? 0
        let widths = (0..<columns).map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = row.enumerated().map { column, cell in
                column == columns - 1 ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
            }
            return cells.joined(separator: "  ") + "\n"
        }.joined()
    }
}
