import HTTPSurface

/// `murmur ctl drain NAME`: has an aggregator give its slots to the others, and shows how far it is until it has left.
struct Drain {
    let name: String
    let isForced: Bool
    let milliseconds: Int64

    /// Between two looks.
    private static let pause = Duration.seconds(1)

    /// By then everybody has heard that the member leaves; who is active after it has changed its mind.
    private static let patienceSeconds = 5

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
        let own = try await ControlledMember(name, milliseconds: milliseconds, client).client
        let begun = ContinuousClock.now
        let first = try await own.post("drain", isForced ? ["force": "true"] : [:], ClusterStatus.self)
        let all = first.slots?.held ?? 0
        if !isJSON { Terminal.print("\(name) gives \(all) slots to the others\n") }
        var moved = (held: all, seconds: 0)
        while true {
            let status = try? await own.get("status", ClusterStatus.self)
            let seconds = Int((ContinuousClock.now - begun).components.seconds)
            let members = try await client.get("members", [ClusterMemberStatus].self)
            let state = members.first { $0.name == name }?.state
            if state == "active", seconds >= Self.patienceSeconds {
                throw CommandFailure(
                    message: "\(name) stays: it was told so, or too few aggregators would be left",
                    hint: "murmur ctl members shows who leaves; murmur ctl drain \(name) begins again")
            }
            guard let slots = status?.slots else {
                if state == nil || state == "left" || state == "forgotten" {
                    if !isJSON { Terminal.endProgress() }
                    let outcome = Outcome(name: name, slots: all, seconds: seconds)
                    return Terminal.print(
                        isJSON
                            ? try ControlProgram.json(outcome)
                            : "\(name) has left the cluster after \(seconds) s; its process has ended\n")
                }
                try await Task.sleep(for: Self.pause)
                continue
            }
            if slots.held != moved.held { moved = (slots.held, seconds) }
            if !isJSON {
                let bar = Self.progress(given: all - slots.held, of: all, seconds: seconds)
                let isStill = seconds - moved.seconds >= Self.patienceSeconds
                let silent = members.filter { $0.roles.contains("aggregator") && $0.liveness != "alive" }.map(\.name)
                Terminal.progress(bar + Self.rest(held: slots.held, of: all, seconds, isStill: isStill, silent: silent))
            }
            try await Task.sleep(for: Self.pause)
        }
    }

    /// A bar and the slots.
    private static func progress(given: Int, of all: Int, seconds: Int) -> String {
        // Who stays after all takes slots back.
        let given = max(given, 0)
        let share = all == 0 ? 1 : Double(given) / Double(all)
        return "\(ControlTexts.bar(share, width: 24)) \(given) of \(all) slots given away, \(seconds) s"
    }

    /// How long it may still take, or what it waits for.
    private static func rest(held: Int, of all: Int, _ seconds: Int, isStill: Bool, silent: [String]) -> String {
        if held == 0 { return isStill ? ", until the others have told that they have all" : "" }
        if isStill, let first = silent.first {
            let others = silent.count > 1 ? " and \(silent.count - 1) more" : ""
            return "; nothing moves, \(first)\(others) must answer again"
        }
        if isStill { return "; nothing moves at this moment" }
        return held < all ? ", about \(seconds * held / (all - held) + 1) s left" : ""
    }
}

/// A member that is asked itself, since it alone may say what becomes of it.
struct ControlledMember {
    let client: ControlClient

    /// - Throws: `CommandFailure` when there is no such member, or it cannot be asked.
    init(_ name: String, milliseconds: Int64, _ client: ControlClient) async throws {
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
        self.client = try ControlClient(endpoint: "http://\(http)", milliseconds: milliseconds)
    }
}
