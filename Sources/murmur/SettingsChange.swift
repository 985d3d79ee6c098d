import HTTPSurface

/// `murmur ctl settings set SETTING VALUE`: changes what all members share, and shows how far the change is until it is done everywhere.
struct SettingsChange {
    let name: String
    let value: String
    let waits: Bool

    /// Between two looks.
    private static let pause = Duration.seconds(1)

    /// - Throws: `UsageError` for a setting or a value that cannot be; `CommandFailure` when the cluster does not take it now, or another change
    ///   came in between.
    func run(_ client: ControlClient, isJSON: Bool) async throws {
        let before = try await client.get("settings", ClusterSettingsStatus.self)
        let changed = try await propose(client)
        if !isJSON {
            Terminal.print(Self.beginning(before, changed, try await client.get("status", ClusterStatus.self)))
        }
        let begun = ContinuousClock.now
        var last: String?
        while waits {
            let settings = try await client.get("settings", ClusterSettingsStatus.self)
            guard settings.replicationFactor == changed.replicationFactor else {
                throw CommandFailure(
                    message: "somebody else has set replication-factor to \(settings.replicationFactor) meanwhile",
                    hint: "murmur ctl settings shows what holds")
            }
            let status = try await client.get("status", ClusterStatus.self)
            // The step that follows from the last one done takes a moment to be made.
            if status.copiesChange == nil, settings.version >= changed.version { break }
            let counts = await CopyCounts(client)
            let line = ControlTexts.progress(status.copiesChange, counts)
            if !isJSON, line != last {
                let seconds = Int((ContinuousClock.now - begun).components.seconds)
                Terminal.note("\(line), \(seconds) s\n")
            }
            last = line
            try await Task.sleep(for: Self.pause)
        }
        let settings = try await client.get("settings", ClusterSettingsStatus.self)
        Terminal.print(
            isJSON ? try ControlProgram.json(settings) : waits ? "done\n" + ControlTexts.settings(settings) : "")
    }

    private func propose(_ client: ControlClient) async throws -> ClusterSettingsStatus {
        do {
            return try await client.post("settings/set", ["name": name, "value": value], ClusterSettingsStatus.self)
        } catch let failure as CommandFailure where failure.isOfValue {
            throw UsageError(message: failure.message, help: "murmur ctl settings")
        }
    }

    private static func beginning(
        _ before: ClusterSettingsStatus, _ after: ClusterSettingsStatus, _ status: ClusterStatus
    ) -> String {
        var text = ""
        if before.replicationFactor != after.replicationFactor {
            text += "replication-factor: \(before.replicationFactor) -> \(after.replicationFactor)\n"
        }
        if before.replacementDelay != after.replacementDelay {
            text += "replacement-delay: \(before.replacementDelay) -> \(after.replacementDelay)\n"
        }
        if text.isEmpty { text = "that is what the cluster has already\n" }
        if status.ring.count < after.replicationFactor {
            let count = status.ring.count
            text += count == 1 ? "there is 1 aggregator" : "there are \(count) aggregators"
            text += ": until more join, there are as many copies as aggregators\n"
        }
        return text
    }
}

/// How many copies of slots are where they are wanted, over all aggregators that answer.
struct CopyCounts {
    private(set) var held = 0
    private(set) var wanted = 0

    /// - Parameter client: any process, which knows where the aggregators are.
    init(_ client: ControlClient) async {
        let members = (try? await client.get("members", [ClusterMemberStatus].self)) ?? []
        let present = members.filter { $0.roles.contains("aggregator") && $0.liveness == "alive" }
        for answer in await Doctor.ask(present) {
            guard let slots = answer.status?.slots else { continue }
            wanted += slots.wanted
            held += min(slots.held, slots.wanted)
        }
    }
}
