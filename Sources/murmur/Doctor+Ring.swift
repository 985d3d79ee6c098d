import HTTPSurface

/// What the doctor looks at beside the members themselves: the ways between them, what they share, and how slots lie on them.
extension Doctor {
    /// So many times its share of the slots is worth a word, and so many per cent of a full disk between two members.
    private static let shareMax = 1.5
    private static let fillSpreadMax = 30
    private static let fillMax = 85

    /// UDP and TCP between members, as each of them finds it.
    static func ways(_ answers: [Answer]) -> [Finding] {
        var seen: [ClusterStatus.Unreachable: [String]] = [:]
        for answer in answers {
            for way in answer.status?.unreachable ?? [] { seen[way, default: []].append(answer.member.name) }
        }
        if seen.isEmpty {
            return [Finding(isFine: true, text: "members reach each other's cluster ports by UDP and TCP")]
        }
        return seen.sorted { ($0.key.name, $0.key.by) < ($1.key.name, $1.key.by) }.map { way, names in
            let from = names.prefix(3).joined(separator: ", ") + (names.count > 3 ? " and \(names.count - 3) more" : "")
            return Finding(
                isFine: false, text: "\(way.by) to \(way.name) at \(way.address) does not get through from \(from)",
                advice:
                    "open \(way.by) to the cluster port of \(way.name), also in security groups and network policies")
        }
    }

    /// What members were started with against what the cluster has.
    static func settings(_ answers: [Answer]) -> [Finding] {
        let differing = answers.flatMap { answer in
            (answer.status?.outdatedSettings ?? []).map { line in
                Finding(
                    isFine: false, text: "\(answer.member.name) was started with another setting: \(line)",
                    advice:
                        "take it out of the flags, variables or file of \(answer.member.name); the cluster's value holds"
                )
            }
        }
        return differing.isEmpty
            ? [Finding(isFine: true, text: "nobody was started with other settings than the cluster has")] : differing
    }

    /// As many copies as wanted, and what becomes of those on dead members.
    static func copies(_ status: ClusterStatus, _ members: [ClusterMemberStatus]) -> [Finding] {
        if members.contains(where: { $0.roles.contains("aggregator") && $0.roles.contains("router") }) {
            return [Finding(isFine: true, text: "a standalone process keeps the one copy of everything")]
        }
        var findings: [Finding] = []
        let (wanted, count) = (status.replicationFactor, status.ring.count)
        if count > 0, count < wanted {
            findings.append(
                Finding(
                    isFine: false,
                    text:
                        "\(count == 1 ? "there is 1 aggregator" : "there are \(count) aggregators") for \(wanted) copies of each sample",
                    advice:
                        "start another: murmur aggregator --join …; or murmur ctl settings set replication-factor \(count)"
                ))
        }
        if let change = status.copiesChange, !change.waitsFor.isEmpty {
            findings.append(
                Finding(
                    isFine: false,
                    text:
                        "not every sample has \(min(wanted, max(count, 1))) copies yet: \(ControlTexts.waiting(change))",
                    advice: "wait; a member that is gone for good holds it up: murmur ctl forget NAME"))
        }
        if let replacement = status.replacement {
            let advice =
                replacement.secondsLeft != nil
                ? "wait, or do not: murmur ctl forget \(replacement.dead[0])"
                : "start it again; if it is gone for good: murmur ctl forget \(replacement.dead[0])"
            findings.append(
                Finding(isFine: replacement.reason == nil, text: ControlTexts.replacement(replacement), advice: advice))
        }
        return findings
    }

    /// Copies in as many zones.
    static func zones(_ status: ClusterStatus, _ members: [ClusterMemberStatus]) -> [Finding] {
        let aggregators = members.filter { $0.roles.contains("aggregator") }
        let named = aggregators.filter { !$0.zone.isEmpty }
        guard !named.isEmpty else { return [] }
        if let without = aggregators.first(where: \.zone.isEmpty) {
            return [
                Finding(
                    isFine: false, text: "\(without.name) names no zone, and others do",
                    advice: "start it with --zone, so that copies are kept apart")
            ]
        }
        let zones = Set(named.map(\.zone)).sorted()
        if zones.count < status.replicationFactor {
            return [
                Finding(
                    isFine: false,
                    text:
                        "\(status.replicationFactor) copies of each sample are in \(zones.count == 1 ? "one zone" : "\(zones.count) zones"), \(zones.joined(separator: ", "))",
                    advice: "start aggregators in another zone: a zone that fails may have all copies that are in it")
            ]
        }
        return [Finding(isFine: true, text: "copies are spread over \(zones.count) zones")]
    }

    /// Slots and disks against weights.
    static func balance(_ answers: [Answer]) -> [Finding] {
        let holders = answers.filter { $0.member.state == "active" }.compactMap { answer in
            answer.status?.slots.map { (member: answer.member, slots: $0.wanted) }
        }
        guard holders.count > 1 else { return [] }
        let weight = holders.reduce(0) { $0 + $1.member.weight }
        let slots = holders.reduce(0) { $0 + $1.slots }
        var findings: [Finding] = []
        for holder in holders where weight > 0 && slots > 0 {
            let share = Double(slots) * holder.member.weight / weight
            guard Double(holder.slots) > shareMax * share else { continue }
            findings.append(
                Finding(
                    isFine: false,
                    text:
                        "\(holder.member.name) is to hold \(holder.slots) slots, \(Int((Double(holder.slots) / share * 100).rounded())) per cent of its share by weight",
                    advice:
                        "make zones of about equal weight, or give it a smaller --weight where copies have nowhere else to go"
                ))
        }
        return findings.isEmpty ? [Finding(isFine: true, text: "slots lie by weight")] : findings
    }

    /// Room on the disks of members that answer gossip, and what is wrong with the files there.
    static func disks(_ answers: [Answer]) -> [Finding] {
        var findings = answers.flatMap { answer in
            (answer.status?.fileProblems ?? []).map { problem in
                Finding(
                    isFine: false, text: "\(answer.member.name): \(problem)",
                    advice: "look after its disk; its log names the files, and a restart of it counts anew")
            }
        }
        let fills = answers.compactMap { answer in answer.member.diskFill.map { (name: answer.member.name, fill: $0) } }
            .sorted { ($0.fill, $0.name) < ($1.fill, $1.name) }
        for (name, fill) in fills where fill > fillMax {
            findings.append(
                Finding(
                    isFine: false, text: "the disk of \(name) is \(fill) per cent full",
                    advice: "give it more room or a shorter --retention, or add an aggregator"))
        }
        if let least = fills.first, let most = fills.last, most.fill <= fillMax, most.fill - least.fill > fillSpreadMax
        {
            findings.append(
                Finding(
                    isFine: false,
                    text:
                        "disks are filled unevenly: \(most.name) \(most.fill) per cent, \(least.name) \(least.fill) per cent",
                    advice: "let --weight of each follow the size of its disk"))
        }
        guard findings.isEmpty else { return findings }
        return fills.isEmpty ? [] : [Finding(isFine: true, text: "disks have room, and their files can be read")]
    }
}
