import Foundation
import HTTPSurface

/// Asks every member what it sees, and says what is wrong.
enum Doctor {
    /// One thing that was looked at.
    struct Finding: Codable, Hashable, Sendable {
        var isFine: Bool
        /// What was found.
        var text: String
        /// What to do about it; empty when it is fine.
        var advice = ""
    }

    /// What one member said; nil when it did not answer.
    struct Answer: Sendable {
        var member: ClusterMemberStatus
        var status: ClusterStatus?
        /// How far its clock is from ours, at most.
        var skewMilliseconds: Int64 = 0
    }

    /// `clock_skew_max`, as aggregators have it for samples from the future.
    private static let skewMax: Int64 = 5_000
    /// Members that are asked at once.
    private static let askedMax = 32
    /// How long one member may take.
    private static let patienceMilliseconds: Int64 = 5_000

    /// Looks at the cluster through one of its processes.
    ///
    /// - Throws: `CommandFailure` when that one does not answer.
    static func examine(_ client: ControlClient) async throws -> [Finding] {
        let status = try await client.get("status", ClusterStatus.self)
        let members = try await client.get("members", [ClusterMemberStatus].self)
            .filter { $0.state != "left" && $0.state != "forgotten" }
        return judge(status, await ask(members), members)
    }

    static func ask(_ members: [ClusterMemberStatus]) async -> [Answer] {
        await withTaskGroup(of: (Int, Answer).self) { group in
            var answers: [Int: Answer] = [:]
            for (index, member) in members.enumerated() {
                if index >= askedMax, let (place, answer) = await group.next() { answers[place] = answer }
                group.addTask { (index, await answer(of: member)) }
            }
            for await (place, answer) in group { answers[place] = answer }
            return answers.sorted { $0.key < $1.key }.map(\.value)
        }
    }

    private static func answer(of member: ClusterMemberStatus) async -> Answer {
        var answer = Answer(member: member)
        guard let http = member.http else { return answer }
        let before = SurfaceClock.milliseconds()
        guard let client = try? ControlClient(endpoint: "http://\(http)", milliseconds: patienceMilliseconds),
            let status = try? await client.get("status", ClusterStatus.self)
        else { return answer }
        await client.close()
        let after = SurfaceClock.milliseconds()
        answer.status = status
        answer.skewMilliseconds = max(0, max(before - status.time, status.time - after))
        return answer
    }

    /// What the answers mean: the same answers give the same findings.
    static func judge(
        _ status: ClusterStatus, _ answers: [Answer], _ members: [ClusterMemberStatus]
    ) -> [Finding] {
        guard let cluster = status.cluster else {
            return [
                Finding(
                    isFine: false,
                    text: "\(status.node) is not part of a cluster: \(status.waitingFor.joined(separator: "; "))",
                    advice: "look at its log; --join names members, --keyring-file their keys")
            ]
        }
        var findings = [Finding(isFine: true, text: "\(status.node) is part of the cluster \(cluster)")]
        let afterlives = answers.filter { $0.member.liveness == "dead" }.compactMap { afterlife($0, in: status) }
        let answers = answers.filter { $0.member.liveness != "dead" }
        findings += liveness(members, Dictionary(afterlives) { first, _ in first })
        findings += reachability(answers)
        findings += agreement(answers)
        findings += ways(answers)
        findings += strangers(answers)
        findings += settings(answers)
        findings += copies(status, members)
        findings += zones(status, members)
        findings += balance(answers)
        findings += disks(answers)
        findings += checkpoints(answers)
        for role in status.members where role.members == 0 {
            findings.append(
                Finding(
                    isFine: false, text: "there is no \(role.role)", advice: "start one: murmur \(role.role) --join …"))
        }
        return findings
    }

    /// Who does not answer gossip; of the dead what `afterlives` knows better, by name.
    private static func liveness(_ members: [ClusterMemberStatus], _ afterlives: [String: Finding]) -> [Finding] {
        let silent = members.filter { $0.liveness != "alive" }
        if silent.isEmpty {
            let all = members.count == 1 ? "the only member answers" : "all \(members.count) members answer"
            return [Finding(isFine: true, text: "\(all) gossip")]
        }
        return silent.map { member in
            if let finding = afterlives[member.name] { return finding }
            let age = ControlTexts.age(member.seconds)
            return member.liveness == "dead"
                ? Finding(
                    isFine: false, text: "\(member.name) has been dead for \(age)",
                    advice: "start it again at \(member.address), or remove it: murmur ctl forget \(member.name)")
                : Finding(
                    isFine: false, text: "\(member.name) has not answered for \(age)",
                    advice: "wait some seconds; then look at its process, and at UDP to \(member.address)")
        }
    }

    /// Of a member that is dead to the cluster, and answers HTTP.
    private static func afterlife(_ answer: Answer, in asked: ClusterStatus) -> (String, Finding)? {
        let name = answer.member.name
        guard let status = answer.status, let cluster = status.clusterID, let own = asked.clusterID,
            status.node == name
        else { return nil }
        if cluster == own {
            let text = "\(name) is dead to \(asked.node), and answers HTTP"
            let advice = "look whether UDP and TCP get to \(answer.member.address), both ways"
            return (name, Finding(isFine: false, text: text, advice: advice))
        }
        let text = "\(name) lives in another cluster, ID \(cluster); \(asked.node) is still in \(own)"
        let advice =
            "is this one gone with its disks: stop \(asked.node) and all who are still in it, and start them again: "
            + "they join the other one"
        return (name, Finding(isFine: false, text: text, advice: advice))
    }

    private static func reachability(_ answers: [Answer]) -> [Finding] {
        var findings: [Finding] = []
        for answer in answers {
            let name = answer.member.name
            guard let status = answer.status else {
                let place = answer.member.http.map { "at \($0)" } ?? "anywhere: it tells no address"
                findings.append(
                    Finding(
                        isFine: false, text: "\(name) does not answer HTTP from here \(place)",
                        advice: "look whether --http listens where this machine can reach it"))
                continue
            }
            if !status.isReady {
                findings.append(
                    Finding(
                        isFine: false, text: "\(name) is not ready: \(status.waitingFor.joined(separator: "; "))",
                        advice: "wait, or look at its log"))
            }
            if answer.skewMilliseconds > skewMax {
                findings.append(
                    Finding(
                        isFine: false, text: "the clock of \(name) is \(answer.skewMilliseconds / 1_000) s off ours",
                        advice: "run a time service (chrony, systemd-timesyncd) on both machines"))
            }
        }
        return findings.isEmpty
            ? [Finding(isFine: true, text: allAnswer(answers.count))] : findings
    }

    private static func allAnswer(_ count: Int) -> String {
        count == 1
            ? "it answers HTTP, is ready, and its clock agrees with this one"
            : "all \(count) answer HTTP, are ready, and their clocks agree"
    }

    /// Databases that some aggregator does not reach; one that was given up need not answer.
    private static func checkpoints(_ answers: [Answer]) -> [Finding] {
        let seen = answers.flatMap { answer in
            (answer.status?.checkpoint ?? []).map { (member: answer.member.name, server: $0) }
        }.filter { $0.server.state != "lost" }
        let away = Dictionary(grouping: seen.filter { $0.server.isAway }, by: \.server.name)
        if away.isEmpty {
            return seen.isEmpty ? [] : [Finding(isFine: true, text: "all checkpoint servers answer")]
        }
        return away.sorted { $0.key < $1.key }.map { name, those in
            let reason = those.first?.server.reason.map { ": \($0)" } ?? ""
            let members = those.map(\.member).joined(separator: ", ")
            return Finding(
                isFine: false, text: "checkpoint server \(name) cannot be used by \(members)\(reason)",
                advice: those.contains { $0.server.isOthers == true }
                    ? "give this cluster a database of its own in --checkpoint of every aggregator; where the other one "
                        + "is gone, that takes checkpoint-owner-patience, and the same cluster-name"
                    : "start it again; its blocks wait up to pending-checkpoint-bytes. One that is gone for good: "
                        + "write lost: before its URI in --checkpoint of every aggregator")
        }
    }

    private static func strangers(_ answers: [Answer]) -> [Finding] {
        answers.compactMap { answer in
            answer.status?.stranger.map { stranger in
                Finding(
                    isFine: false, text: "\(answer.member.name): \(ControlTexts.stranger(stranger))",
                    advice: stranger.clusterID == nil
                        ? "give both the same --keyring-file, and compare murmur ctl keyring of both; one with "
                            + "other keys is in a cluster of its own"
                        : "a process of a cluster that is gone: stop it and start it again, and it joins this one. One of a "
                            + "cluster that lives was told a wrong address")
            }
        }
    }

    private static func agreement(_ answers: [Answer]) -> [Finding] {
        let present = answers.compactMap(\.status)
        var findings: [Finding] = []
        if Set(present.map(\.view)).count > 1 {
            findings.append(
                Finding(
                    isFine: false, text: "members see different things: their views differ",
                    advice: "ask again in some seconds; when it stays so, look for a network that is cut"))
        } else if present.count > 1 {
            findings.append(Finding(isFine: true, text: "all see the same members"))
        }
        let versions = Set(present.map(\.version)).sorted()
        if versions.count > 1 {
            findings.append(
                Finding(
                    isFine: false, text: "members run different versions: \(versions.joined(separator: ", "))",
                    advice: "finish the upgrade"))
        }
        return findings
    }
}
