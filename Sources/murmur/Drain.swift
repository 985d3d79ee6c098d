import HTTPSurface

/// `murmur ctl drain NAME`: has an aggregator give its slots to the others, and shows how far it is until it has left.
struct Drain {
    let name: String
    let milliseconds: Int64

    /// Between two looks.
    private static let pause = Duration.seconds(1)

    /// What a program is told at the end.
    private struct Outcome: Codable {
        var name: String
        var slots: Int
        var seconds: Int
    }

    /// Asks the member itself, which is the only one that may say that it leaves.
    ///
    /// - Throws: `CommandFailure` when there is no such member, or it cannot be asked.
    func run(_ client: ControlClient, isJSON: Bool) async throws {
        let members = try await client.get("members", [ClusterMemberStatus].self)
        guard let member = members.first(where: { $0.name == name && $0.state != "left" && $0.state != "forgotten" })
        else {
            throw CommandFailure(
                message: "no member is called \(name)", hint: "murmur ctl members shows everybody's names")
        }
        guard let http = member.http else {
            throw CommandFailure(
                message: "\(name) does not say where it serves HTTP",
                hint: "name its own HTTP address with --endpoint http://HOST:PORT")
        }
        let own = try ControlClient(endpoint: "http://\(http)", milliseconds: milliseconds)
        let begun = ContinuousClock.now
        let first = try await own.post("drain", [:], ClusterStatus.self)
        let all = first.slots?.held ?? 0
        if !isJSON { Terminal.print("\(name) gives \(all) slots to the others\n") }
        while true {
            let status = try? await own.get("status", ClusterStatus.self)
            let seconds = Int((ContinuousClock.now - begun).components.seconds)
            guard let slots = status?.slots else {
                let state = try await client.get("members", [ClusterMemberStatus].self).first { $0.name == name }?.state
                if state == nil || state == "left" || state == "forgotten" {
                    let outcome = Outcome(name: name, slots: all, seconds: seconds)
                    return Terminal.print(
                        isJSON
                            ? try ControlProgram.json(outcome)
                            : "\(name) has left the cluster after \(seconds) s; its process has ended\n")
                }
                try await Task.sleep(for: Self.pause)
                continue
            }
            if !isJSON { Terminal.note(Self.progress(given: all - slots.held, of: all, seconds: seconds) + "\n") }
            try await Task.sleep(for: Self.pause)
        }
    }

    /// One line: a bar, the slots, and how long it may still take.
    static func progress(given: Int, of all: Int, seconds: Int) -> String {
        let share = all == 0 ? 1 : Double(given) / Double(all)
        let filled = Int((share * 30).rounded(.down))
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: 30 - filled)
        let rest = given > 0 && given < all ? ", about \(seconds * (all - given) / given + 1) s left" : ""
        return "[\(bar)] \(given) of \(all) slots given away, \(seconds) s\(rest)"
    }
}
