import SlotMovement

/// The bugs that may be planted, by the names that a command takes.
package enum NamedBug: String, CaseIterable, Sendable {
    case copyBeforeSubscribe = "copy-before-subscribe"
    case readWithoutLease = "read-without-lease"
    case memberWidePhase = "member-wide-phase"
    case trimByCheckpoint = "trim-by-checkpoint"
    case lastWriteWins = "last-write-wins"
    case noFencing = "no-fencing"
    case copyAcrossLoss = "copy-across-loss"

    /// A run with the bug and with the faults under which it shows.
    package func plan(seed: UInt64) -> ClusterPlan {
        var plan = ClusterPlan(seed: seed)
        plan.bugs = planted
        switch self {
        case .copyBeforeSubscribe:
            plan.faults = [.changes, .noise, .kills]
            plan.replicationFactor = 2
        case .readWithoutLease: plan.faults = [.partitions, .kills]
        case .memberWidePhase: plan.faults = [.changes, .kills, .wipes]
        case .trimByCheckpoint: plan.faults = [.kills, .wipes]
        case .lastWriteWins: plan.faults = [.noise]
        case .noFencing: plan.faults = [.stalls, .noise]
        case .copyAcrossLoss: plan.faults = [.rot, .changes, .kills, .noise]
        }
        return plan
    }

    /// The switch for it.
    private var planted: PlantedBugs {
        switch self {
        case .copyBeforeSubscribe: .copyBeforeSubscribe
        case .readWithoutLease: .readWithoutLease
        case .memberWidePhase: .memberWidePhase
        case .trimByCheckpoint: .trimByCheckpoint
        case .lastWriteWins: .lastWriteWins
        case .noFencing: .noFencing
        case .copyAcrossLoss: .copyAcrossLoss
        }
    }
}

/// The sum of many runs.
package struct ClusterSummary: Sendable, CustomStringConvertible {
    /// Runs, and those that violated an invariant.
    package private(set) var runs = 0
    package private(set) var failures = 0
    private var total = ClusterReport()
    private var healing: [Int64] = []

    package init() {}

    /// Adds a run.
    package mutating func add(_ report: ClusterReport) {
        runs += 1
        if report.failure != nil { failures += 1 }
        total.simulated += report.simulated
        total.occurrences += report.occurrences
        total.faultsInjected += report.faultsInjected
        total.samplesAcknowledged += report.samplesAcknowledged
        total.writesFailed += report.writesFailed
        total.readsWhole += report.readsWhole
        total.readsUnited += report.readsUnited
        total.readsIncomplete += report.readsIncomplete
        total.checkpointWrites += report.checkpointWrites
        total.writersFenced += report.writersFenced
        total.samplesRepaired += report.samplesRepaired
        total.disasters += report.disasters
        total.slotsOwedAll += report.slotsOwedAll
        total.slotsSettled += report.slotsSettled
        if report.healed > 0 { healing.append(report.healingTime) }
    }

    package var description: String {
        let sorted = healing.sorted()
        let median = sorted.isEmpty ? 0 : sorted[sorted.count / 2] / 1_000_000
        return """
            \(runs) seeds, \(failures) failed: \(total.simulated / 3_600_000_000).\(total.simulated / 360_000_000 % 10) simulated hours, \
            \(total.occurrences) events, \(total.faultsInjected) faults injected (\(total.disasters) times every disk)
            samples acknowledged \(total.samplesAcknowledged), batches refused \(total.writesFailed)
            reads of one whole replica \(total.readsWhole), of a complete union \(total.readsUnited), with a warning \(total.readsIncomplete)
            checkpoint writes \(total.checkpointWrites), refused by fencing \(total.writersFenced); samples repaired \(total.samplesRepaired)
            slots of which more was owed than is remembered \(total.slotsOwedAll), copied anew or not needed any more \(total.slotsSettled)
            whole again after the last fault: median \(median) s, at most \((sorted.last ?? 0) / 1_000_000) s
            """
    }
}
