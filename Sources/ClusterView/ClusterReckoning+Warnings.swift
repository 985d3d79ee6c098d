package import HTTPSurface
import MetricModel

/// What somebody should look at, in words. `murmur ctl doctor` looks deeper.
extension ClusterReckoning {
    /// `checkpoint_lag_warned`: blocks that wait longer for the checkpoint are worth a word.
    private static let lagWarnedSeconds = 120
    /// `disk_free_warned`: less room than this share of a disk is worth a word.
    private static let freeShareWarned = 0.1

    /// - Parameters:
    ///   - members: as in `init`.
    ///   - replication: of the slots; nil while there is no ring.
    ///   - factor: copies that the cluster is set to keep.
    /// - Returns: the gravest first.
    package static func warnings(
        _ members: [Member], replication: ClusterOverview.Replication?, factor: Int
    ) -> [ClusterOverview.Warning] {
        // A standalone is told elsewhere how it grows; it lacks nothing.
        let isAlone = members.contains { $0.isAggregator && $0.status.roles.contains("router") }
        return slotWarnings(replication, isAlone ? 1 : factor) + members.compactMap(liveness) + members.flatMap(trouble)
            + composition(members, factor)
    }

    private static func slotWarnings(
        _ replication: ClusterOverview.Replication?, _ factor: Int
    ) -> [ClusterOverview.Warning] {
        guard let replication else {
            return [.init("no aggregator is there: nothing can be stored", advice: "start one: murmur aggregator")]
        }
        var warnings: [ClusterOverview.Warning] = []
        if replication.silent > 0 {
            warnings.append(
                .init(
                    "\(slots(replication.silent)): nobody who should have them answers; answers lack them and say so",
                    advice: "start the members that are missing"))
        }
        if replication.united > 0 {
            warnings.append(
                .init(
                    "\(slots(replication.united)): no single copy is known to be whole; answers are united from all members"
                ))
        }
        if replication.fewer > 0 {
            warnings.append(.init("\(slots(replication.fewer)): a copy is missing, or not whole now"))
        }
        if replication.copies < factor {
            warnings.append(
                .init(
                    "\(replication.copies == 1 ? "there is 1 copy" : "there are \(replication.copies) copies") of each sample, and \(factor) are wanted",
                    advice: "start another aggregator, on another machine"))
        }
        return warnings
    }

    /// Of what another process says, so that it may be any number.
    private static func age(_ seconds: Int64) -> String {
        DurationText.text(milliseconds: min(max(0, seconds), 1 << 40) * 1_000)
    }

    private static func liveness(_ member: Member) -> ClusterOverview.Warning? {
        let (name, age) = (member.status.name, age(Int64(clamping: member.status.seconds)))
        switch member.status.liveness {
        case "alive":
            guard member.report == nil else { return nil }
            let place = member.status.http.map { "at \($0)" } ?? "anywhere: it tells no address"
            return .init(
                "\(name) does not answer HTTP \(place)",
                advice: "look whether its --http listens where other members can reach it")
        case "suspect": return .init("\(name) has not answered for \(age)", advice: "wait some seconds")
        default:
            return .init(
                "\(name) has been dead for \(age)",
                advice: member.isAggregator
                    ? "start it again; or have its slots copied elsewhere: murmur ctl forget \(name)"
                    : "start it again, or remove it: murmur ctl forget \(name)")
        }
    }

    private static func trouble(_ member: Member) -> [ClusterOverview.Warning] {
        guard let report = member.report else { return [] }
        var warnings: [ClusterOverview.Warning] = []
        if !report.isReady {
            warnings.append(.init("\(report.name) is not ready: \(report.waitingFor.joined(separator: "; "))"))
        }
        if let checkpoint = report.checkpoint, checkpoint.secondsBehind >= lagWarnedSeconds {
            let age = age(Int64(checkpoint.secondsBehind))
            warnings.append(
                .init(
                    "blocks of \(report.name) have been waiting \(age) for the checkpoint",
                    advice: "look whether \(checkpoint.kind) is there, and at the log of \(report.name)"))
        }
        if let away = report.checkpoint?.away {
            warnings.append(
                .init(
                    "\(report.name) cannot use \(away.joined(separator: ", ")): "
                        + "its blocks wait on its disk and have no copy in the checkpoint",
                    advice: report.checkpoint?.others == nil
                        ? "start the database; murmur ctl doctor says more"
                        : "it keeps another cluster's checkpoint. Is that cluster gone and has this one's name, wait for "
                            + "checkpoint-owner-patience; otherwise give this one a database of its own (--checkpoint)")
            )
        }
        if let store = report.store, let size = store.diskBytes, let free = store.diskFreeBytes, size > 0, free >= 0,
            Double(free) < Double(size) * freeShareWarned
        {
            warnings.append(
                .init(
                    "the disk of \(report.name) is \(100 - Int(100 * Double(free) / Double(size))) % full",
                    advice: "make room, keep less (--retention), or add an aggregator"))
        }
        for problem in report.store?.problems ?? [] {
            warnings.append(.init("\(report.name): \(problem)", advice: "look after its disk; its log says more"))
        }
        return warnings
    }

    private static func composition(_ members: [Member], _ factor: Int) -> [ClusterOverview.Warning] {
        var warnings: [ClusterOverview.Warning] = []
        for role in ["router", "coordinator"] where !members.contains(where: { $0.status.roles.contains(role) }) {
            warnings.append(.init("there is no \(role)", advice: "start one: murmur \(role) --join …"))
        }
        let zones = Set(members.filter { $0.isAggregator && !$0.status.zone.isEmpty }.map(\.status.zone))
        if !zones.isEmpty, zones.count < factor {
            warnings.append(
                .init(
                    "aggregators are in \(zones.count == 1 ? "1 zone" : "\(zones.count) zones") and each sample has "
                        + "\(factor) copies: a zone may have more than one of them",
                    advice: "start aggregators in other zones: --zone"))
        }
        let versions = Set(members.compactMap { $0.report?.version }).sorted()
        if versions.count > 1 {
            warnings.append(
                .init(
                    "members run different versions: \(versions.joined(separator: ", "))", advice: "finish the upgrade")
            )
        }
        return warnings
    }

    private static func slots(_ count: Int) -> String { count == 1 ? "1 slot" : "\(count) slots" }
}
